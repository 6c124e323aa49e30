#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "tests/tidy_rules.h"

// The rules about text: sizes, words, scripts, documents.

namespace quorate::tidy {
namespace {

constexpr std::size_t kFileLinesMax = 600;
constexpr std::size_t kFunctionLinesMax = 120;
constexpr std::size_t kLineColumnsMax = 100;
// A run without a blank this long (a hex vector, an address) cannot be broken over two lines.
constexpr std::size_t kUnbreakable = 60;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::vector<std::string> unmarked(std::vector<std::string> words) {
  for (std::string& word : words) std::erase(word, '~');
  return words;
}

std::size_t columns(std::string_view line) {
  // UTF-8: every byte but a continuation byte begins a character.
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

bool has_unbreakable_run(std::string_view line) {
  std::size_t run = 0;
  for (const char c : line) {
    run = c == ' ' ? 0 : run + 1;
    if (run >= kUnbreakable) return true;
  }
  return false;
}

// A function's body starts on a line at column 0 that ends in '{' and stops at a '}' at column 0;
// the house's layout makes that reliable, and types and namespaces are told by their first word.
void find_long_functions(const File& file, Findings& findings) {
  static constexpr std::array<std::string_view, 7> kNotFunctions = {
      "namespace", "struct", "class", "enum", "union", "extern", "}"};
  std::size_t begin = 0;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    std::string_view line = file.code[i];
    while (line.ends_with(' ')) line.remove_suffix(1);
    if (!line.empty() && line[0] == '}' && begin != 0) {
      const std::size_t length = i + 2 - begin;
      if (length > kFunctionLinesMax) {
        findings.push_back({file.path, static_cast<int>(begin),
                            "a function of " + std::to_string(length) + " lines; more than " +
                                std::to_string(kFunctionLinesMax) + " cannot be read at once"});
      }
      begin = 0;
    }
    const bool opens = !line.empty() && line[0] != ' ' && line[0] != '#' && line.ends_with('{');
    const bool other = std::any_of(kNotFunctions.begin(), kNotFunctions.end(),
                                   [&](std::string_view word) { return line.starts_with(word); });
    if (opens && !other) begin = i + 1;
  }
}

std::string join(std::string_view folder, std::string_view relative) {
  std::vector<std::string_view> parts;
  const std::string path = std::string(folder) + "/" + std::string(relative);
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    out += (out.empty() ? "" : "/") + std::string(part);
  }
  return out;
}

}  // namespace

std::string to_string(const Findings& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out += finding.path;
    if (finding.line != 0) out += ":" + std::to_string(finding.line);
    out += ": " + finding.what + "\n";
  }
  return out;
}

Findings sizes_are_bounded(const Tree& tree) {
  Findings findings;
  for (const File& file : tree.files()) {
    if (!file.is_code()) continue;
    if (file.lines.size() > kFileLinesMax) {
      findings.push_back({file.path, 0,
                          std::to_string(file.lines.size()) + " lines, of at most " +
                              std::to_string(kFileLinesMax) + "; which part wants its own file?"});
    }
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::size_t width = columns(file.lines[i]);
      if (width > kLineColumnsMax && !has_unbreakable_run(file.lines[i])) {
        findings.push_back(
            {file.path, static_cast<int>(i + 1),
             std::to_string(width) + " columns, of at most " + std::to_string(kLineColumnsMax)});
      }
    }
    find_long_functions(file, findings);
  }
  return findings;
}

Findings text_is_clean(const Tree& tree) {
  Findings findings;
  for (const File& file : tree.files()) {
    if (!file.is_code()) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      if (line.find_first_of("\t\r") != std::string::npos || line.ends_with(' ')) {
        findings.push_back({file.path, static_cast<int>(i + 1),
                            "a tab, a carriage return or a blank at the end of the line"});
      }
    }
    if (!file.lines.empty() && file.lines.back().empty()) {
      findings.push_back({file.path, static_cast<int>(file.lines.size()), "an empty last line"});
    }
  }
  return findings;
}

Findings scripts_can_run(const Tree& tree) {
  Findings findings;
  for (const File& file : tree.files()) {
    if (!file.is_script()) continue;
    if (!file.executable) findings.push_back({file.path, 0, "a script has the run bit: chmod +x"});
    if (file.lines.empty() || !file.lines[0].starts_with("#!/")) {
      findings.push_back({file.path, 1, "the first line says what runs it: #!/usr/bin/env bash"});
    }
    if (file.path.ends_with(".py")) continue;
    const bool strict = std::any_of(file.lines.begin(), file.lines.end(),
                                    [](const auto& line) { return line.starts_with("set -e"); });
    if (!strict) {
      findings.push_back({file.path, 0,
                          "a shell script stops at its first failure: set -euo "
                          "pipefail"});
    }
  }
  return findings;
}

Findings nothing_is_unfinished(const Tree& tree) {
  // With a mark inside each, so that this file does not hold them.
  static const std::vector<std::string> kWords =
      unmarked({"to~do", "fix~me", "xx~x", "ha~ck", "not imple~mented", "unimple~mented",
                "place~holder", "for n~ow", "st~ub", "st~ubbed"});
  Findings findings;
  for (const File& file : tree.files()) {
    if (!file.is_code() && !file.path.ends_with(".js") && !file.path.ends_with(".html")) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string line = lower(file.lines[i]);
      for (const std::string& word : kWords) {
        if (has_word(line, word)) {
          findings.push_back({file.path, static_cast<int>(i + 1),
                              "\"" + word + "\": finish it, or say what is missing in an issue"});
        }
      }
      const std::string_view code = file.is_cpp() ? file.code[i] : std::string_view();
      if (code.find("DISABLED"
                    "_") != std::string_view::npos) {
        findings.push_back({file.path, static_cast<int>(i + 1), "a test that is switched off"});
      }
      const std::size_t skip = code.find(
          "GTEST_"
          "SKIP");
      if (skip != std::string_view::npos && code.find("<<", skip) == std::string_view::npos) {
        findings.push_back({file.path, static_cast<int>(i + 1),
                            "a skipped test says on the same line what is missing"});
      }
    }
  }
  return findings;
}

Findings no_path_of_one_machine(const Tree& tree) {
  static const std::vector<std::string> kPaths =
      unmarked({"/~work/", "/~home/", "/~root/", "/~Users/"});
  Findings findings;
  for (const File& file : tree.files()) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      for (const std::string& path : kPaths) {
        const std::size_t at = file.lines[i].find(path);
        // "$top/home/x" is relative to something, so only a path that starts here is absolute.
        if (at == std::string::npos) continue;
        if (at > 0 && std::isalnum(static_cast<unsigned char>(file.lines[i][at - 1])) != 0)
          continue;
        findings.push_back(
            {file.path, static_cast<int>(i + 1), path + "... exists on one machine only"});
      }
    }
  }
  return findings;
}

Findings folders_have_readmes(const Tree& tree) {
  Findings findings;
  std::set<std::string> folders;
  for (const File& file : tree.files()) {
    if (file.is_cpp()) folders.insert(std::string(file.folder()));
  }
  for (const std::string& folder : folders) {
    if (tree.find(folder + "/README.md") == nullptr) {
      findings.push_back({folder, 0,
                          "no README.md: what it guarantees, what it refuses, where to "
                          "start reading"});
    }
  }
  if (tree.find("README.md") == nullptr) findings.push_back({"README.md", 0, "missing"});
  return findings;
}

Findings links_resolve(const Tree& tree) {
  Findings findings;
  for (const File& file : tree.files()) {
    if (!file.path.ends_with(".md")) continue;
    const std::size_t slash = file.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : file.path.substr(0, slash);
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string_view line = file.lines[i];
      for (std::size_t at = line.find("]("); at != std::string_view::npos;
           at = line.find("](", at + 1)) {
        const std::string_view target =
            line.substr(at + 2, line.find_first_of(")# ", at + 2) - at - 2);
        if (target.empty() || target.find(':') != std::string_view::npos) continue;
        if (!tree.exists(join(folder, target))) {
          findings.push_back({file.path, static_cast<int>(i + 1),
                              "the link to " + std::string(target) + " leads nowhere"});
        }
      }
    }
  }
  return findings;
}

}  // namespace quorate::tidy
