#include "tests/tidy_tree.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>

namespace quorate::tidy {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<Include> includes_of(const std::vector<std::string>& lines,
                                 const std::vector<std::string>& code) {
  std::vector<Include> includes;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    // The directive is read from the code, so that one in a comment or a raw string is none.
    const std::string& line = code[i];
    const std::size_t hash = line.find_first_not_of(' ');
    if (hash == std::string::npos || line[hash] != '#') continue;
    const std::size_t word = line.find_first_not_of(' ', hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
    const std::size_t open = lines[i].find_first_of("<\"", word + 7);
    if (open == std::string::npos) continue;
    const bool quoted = lines[i][open] == '"';
    const std::size_t close = lines[i].find(quoted ? '"' : '>', open + 1);
    if (close == std::string::npos) continue;
    includes.push_back(
        {static_cast<int>(i + 1), quoted, lines[i].substr(open + 1, close - open - 1)});
  }
  return includes;
}

// Where the literal or comment that begins at `at` ends (one past its last character).
std::size_t end_of_quoted(std::string_view text, std::size_t at, char quote) {
  std::size_t i = at + 1;
  while (i < text.size() && text[i] != quote && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

std::size_t end_of_raw(std::string_view text, std::size_t quote) {
  const std::size_t paren = text.find('(', quote);
  if (paren == std::string_view::npos) return text.size();
  const std::string closing = ")" + std::string(text.substr(quote + 1, paren - quote - 1)) + "\"";
  const std::size_t end = text.find(closing, paren);
  return end == std::string_view::npos ? text.size() : end + closing.size();
}

std::size_t end_of_span(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const char before = at == 0 ? '\n' : text[at - 1];
  if (rest.starts_with("//")) {
    return std::min(text.find('\n', at), text.size());
  }
  if (rest.starts_with("/*")) {
    const std::size_t end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  if (rest.starts_with("R\"") && !is_word(before)) return end_of_raw(text, at + 1);
  if (rest.starts_with('"')) return end_of_quoted(text, at, '"');
  if (rest.starts_with('\'') && !is_word(before)) return end_of_quoted(text, at, '\'');
  return at;
}

bool is_skipped_folder(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  static constexpr std::array<std::string_view, 3> kNotOurs = {"build", "testnet-data",
                                                               "node_modules"};
  if (name.starts_with('.')) return name != ".ci";
  return std::find(kNotOurs.begin(), kNotOurs.end(), name) != kNotOurs.end();
}

}  // namespace

bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool starts = at == 0 || !is_word(line[at - 1]) || !is_word(word.front());
    const bool ends = end == line.size() || !is_word(line[end]) || !is_word(word.back());
    if (starts && ends) return true;
  }
  return false;
}

std::string blank_out(std::string_view text) {
  std::string out(text);
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t end = end_of_span(text, i);
    if (end == i) {
      ++i;
      continue;
    }
    for (; i < end; ++i) {
      if (out[i] != '\n') out[i] = ' ';
    }
  }
  return out;
}

std::string_view File::folder() const {
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? std::string_view() : std::string_view(path).substr(0, slash);
}

bool File::is_script() const {
  return path.ends_with(".sh") || path == ".ci/run" ||
         (path.ends_with(".py") && !lines.empty() && lines[0].starts_with("#!"));
}

bool File::is_code() const {
  return is_cpp() || is_script() || path.ends_with(".py") || path.ends_with(".cmake") ||
         path.ends_with("CMakeLists.txt");
}

void Tree::add(std::string path, std::string_view text, bool executable) {
  File file;
  file.path = std::move(path);
  file.executable = executable;
  file.lines = split_lines(text);
  if (file.is_cpp()) {
    file.code = split_lines(blank_out(text));
    file.includes = includes_of(file.lines, file.code);
  }
  by_path_[file.path] = files_.size();
  files_.push_back(std::move(file));
}

const File* Tree::find(std::string_view path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &files_[found->second];
}

bool Tree::exists(std::string_view path) const {
  if (find(path) != nullptr) return true;
  const std::string folder = std::string(path) + (path.ends_with('/') ? "" : "/");
  const auto first = by_path_.lower_bound(folder);
  return first != by_path_.end() && first->first.starts_with(folder);
}

Tree Tree::from_disk(const std::filesystem::path& top) {
  namespace fs = std::filesystem;
  Tree tree;
  for (auto entry = fs::recursive_directory_iterator(top);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory()) {
      if (is_skipped_folder(entry->path())) entry.disable_recursion_pending();
      continue;
    }
    // In a linked worktree .git is a file, with the path of the checkout that it belongs to.
    if (!entry->is_regular_file() || entry->path().filename() == ".git") continue;
    std::ifstream in(entry->path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (text.find('\0') != std::string::npos) continue;
    const bool executable =
        (entry->status().permissions() & fs::perms::owner_exec) != fs::perms::none;
    tree.add(fs::relative(entry->path(), top).generic_string(), text, executable);
  }
  return tree;
}

}  // namespace quorate::tidy
