#include <algorithm>
#include <map>
#include <set>

#include "tests/tidy_bans.h"
#include "tests/tidy_rules.h"

// The rules about includes, names and what is built.

namespace quorate::tidy {
namespace {

constexpr std::size_t kPurposeCharactersMin = 20;

bool starts_with_any(std::string_view path, const std::vector<std::string_view>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return path.starts_with(prefix); });
}

// The folders whose headers a folder may include besides its own; empty for a folder that is not
// one of the house's.
const std::set<std::string_view>& folders_below(std::string_view folder) {
  static const std::map<std::string_view, std::set<std::string_view>> kBelow = {
      {"crypto", {}},
      {"ledger", {"crypto"}},
      {"pbft", {"crypto", "ledger"}},
      {"pow", {"crypto", "ledger"}},
      {"node", {"crypto", "ledger", "pbft", "pow"}},
      {"testnet", {"crypto", "ledger", "pbft", "pow", "node"}},
      {"tests", {"crypto", "ledger", "pbft", "pow", "node", "testnet"}},
  };
  static const std::set<std::string_view> kNone;
  const auto found = kBelow.find(folder);
  return found == kBelow.end() ? kNone : found->second;
}

// node/main.cc belongs to the executable, which is above all libraries.
std::string_view folder_of_arrows(const File& file) {
  return file.path == "node/main.cc" ? std::string_view("testnet") : file.folder();
}

void find_includes_of(const Ban& ban, std::string_view what, const File& file, Findings& findings) {
  const std::string_view name = what.substr(1);
  for (const Include& include : file.includes) {
    const std::string text = include.name + (include.quoted ? "\"" : ">");
    if (text.starts_with(name)) {
      findings.push_back(
          {file.path, include.line, "<" + include.name + ">: " + std::string(ban.why)});
    }
  }
}

void find_uses_of(const Ban& ban, std::string_view what, const File& file, Findings& findings) {
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    if (file.code[i].starts_with("#include") || !has_word(file.code[i], what)) continue;
    findings.push_back(
        {file.path, static_cast<int>(i + 1), std::string(what) + ": " + std::string(ban.why)});
  }
}

// The last component of `path` without its ending: "crypto/bcs.h" -> "crypto/bcs".
std::string_view stem(std::string_view path) { return path.substr(0, path.rfind('.')); }

}  // namespace

Findings arrows_point_down(const Tree& tree) {
  Findings findings;
  for (const File& file : tree.files()) {
    for (const Include& include : file.includes) {
      if (!include.quoted || include.name.starts_with("generated/")) continue;
      const std::string_view to = std::string_view(include.name).substr(0, include.name.find('/'));
      if (tree.find(include.name) == nullptr) {
        findings.push_back({file.path, include.line,
                            "\"" + include.name +
                                "\" is no file of this tree; name it as "
                                "\"folder/file.h\", and other people's headers in angle brackets"});
      } else if (to != folder_of_arrows(file) &&
                 !folders_below(folder_of_arrows(file)).contains(to)) {
        findings.push_back({file.path, include.line,
                            std::string(file.folder()) + "/ must not know " + std::string(to) +
                                "/: the arrows point one way (see CMakeLists.txt)"});
      }
    }
  }
  return findings;
}

Findings bans_hold(const Tree& tree) {
  Findings findings;
  for (const File& file : tree.files()) {
    if (!file.is_cpp()) continue;
    for (const Ban& ban : bans()) {
      const bool everywhere = ban.where.front().empty() && file.folder() != "tests";
      const bool here =
          everywhere || (!ban.where.front().empty() && starts_with_any(file.path, ban.where));
      if (!here || starts_with_any(file.path, ban.except)) continue;
      if (ban.headers_only && !file.is_header()) continue;
      for (const std::string_view what : ban.what) {
        if (what.front() == '<') {
          find_includes_of(ban, what, file, findings);
        } else {
          find_uses_of(ban, what, file, findings);
        }
      }
    }
  }
  return findings;
}

Findings headers_say_what_they_are_for(const Tree& tree) {
  Findings findings;
  for (const File& file : tree.files()) {
    if (!file.is_header()) continue;
    if (file.lines.empty() || file.lines[0] != "#pragma once") {
      findings.push_back({file.path, 1, "the first line of a header is `#pragma once`"});
      continue;
    }
    std::size_t i = 1;
    while (i < file.lines.size() && file.lines[i].empty()) ++i;
    std::size_t comment = 0;
    for (; i < file.lines.size() && file.lines[i].starts_with("//"); ++i) {
      comment += file.lines[i].size();
    }
    if (comment < kPurposeCharactersMin) {
      findings.push_back({file.path, 2,
                          "after `#pragma once` a comment says in a sentence or more what the "
                          "file is for, before any include"});
    }
    for (std::size_t line = 0; line < file.code.size(); ++line) {
      if (has_word(file.code[line], "using namespace")) {
        findings.push_back({file.path, static_cast<int>(line + 1),
                            "`using namespace` in a header reaches every file that includes it"});
      }
    }
  }
  return findings;
}

Findings sources_include_their_own_header_first(const Tree& tree) {
  Findings findings;
  for (const File& file : tree.files()) {
    if (!file.is_source()) continue;
    const std::string own = std::string(stem(file.path)) + ".h";
    if (tree.find(own) == nullptr) continue;
    if (file.includes.empty() || file.includes.front().name != own) {
      findings.push_back(
          {file.path, 1, "include \"" + own + "\" first: that shows that it compiles alone"});
    }
  }
  return findings;
}

Findings nothing_is_dead(const Tree& tree, const std::vector<std::string>& built) {
  Findings findings;
  std::set<std::string> included;
  for (const File& file : tree.files()) {
    for (const Include& include : file.includes) {
      if (stem(file.path) != stem(include.name)) included.insert(include.name);
    }
  }
  const auto is_mentioned = [&](std::string_view name) {
    return std::any_of(tree.files().begin(), tree.files().end(), [&](const File& file) {
      return file.is_code() &&
             std::any_of(file.lines.begin(), file.lines.end(),
                         [&](const auto& l) { return l.find(name) != std::string::npos; });
    });
  };
  for (const File& file : tree.files()) {
    if (file.is_header() && !included.contains(file.path)) {
      findings.push_back({file.path, 0, "no file includes this header"});
    }
    // Other presets build the first two, the scripts beside it what is in the last.
    const bool elsewhere = file.path.starts_with("tests/fuzz/") ||
                           file.path.starts_with("tests/bench/") ||
                           file.path.starts_with("tests/interop/");
    if (file.is_source() && !elsewhere &&
        std::find(built.begin(), built.end(), file.path) == built.end()) {
      findings.push_back({file.path, 0, "no target compiles this source"});
    }
    if (file.path.starts_with("tests/vectors/") && !file.path.ends_with("README.md") &&
        !is_mentioned(file.path.substr(file.path.rfind('/') + 1))) {
      findings.push_back({file.path, 0, "no test reads this vector"});
    }
  }
  return findings;
}

std::vector<std::string> built_sources(std::string_view built, std::string_view top) {
  const std::string prefix = std::string(top) + "/";
  std::vector<std::string> sources;
  for (const std::string_view key : {"\"file\": \"", "#include \""}) {
    for (std::size_t at = built.find(key); at != std::string_view::npos;
         at = built.find(key, at + 1)) {
      const std::size_t begin = at + key.size();
      const std::string_view path = built.substr(begin, built.find('"', begin) - begin);
      if (path.starts_with(prefix)) sources.emplace_back(path.substr(prefix.size()));
    }
  }
  return sources;
}

}  // namespace quorate::tidy
