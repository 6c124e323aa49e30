#pragma once

// The source tree as the tidy rules see it: every file of the checkout that is ours, as text. It is
// read from disk for the real run and written in memory by the tests that show each rule failing.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quorate::tidy {

struct Include {
  int line = 0;         // from 1
  bool quoted = false;  // "x" rather than <x>
  std::string name;
};

struct File {
  std::string path;                // from the top of the tree, with '/'
  bool executable = false;         // the owner's run bit
  std::vector<std::string> lines;  // as written
  std::vector<std::string> code;   // C++ only: comments, strings and characters are blanks
  std::vector<Include> includes;   // C++ only

  [[nodiscard]] bool is_header() const { return path.ends_with(".h"); }
  [[nodiscard]] bool is_source() const { return path.ends_with(".cc"); }
  [[nodiscard]] bool is_cpp() const { return is_header() || is_source(); }
  [[nodiscard]] bool is_script() const;
  // C++, a script, Python or CMake.
  [[nodiscard]] bool is_code() const;
  // "pbft" of "pbft/slots.h"; empty for a file at the top.
  [[nodiscard]] std::string_view folder() const;
};

class Tree {
 public:
  // Reads everything under `top` but hidden folders (.ci is kept), build folders, the data of
  // testnets, and binary files.
  static Tree from_disk(const std::filesystem::path& top);

  void add(std::string path, std::string_view text, bool executable = false);

  [[nodiscard]] const std::vector<File>& files() const { return files_; }
  [[nodiscard]] const File* find(std::string_view path) const;
  // Whether a file, or a folder that holds one, has this path.
  [[nodiscard]] bool exists(std::string_view path) const;

 private:
  std::vector<File> files_;
  std::map<std::string, std::size_t, std::less<>> by_path_;
};

// Whether `word` stands in `line` and is not part of a longer name; "f(" and ".f" do as well.
bool has_word(std::string_view line, std::string_view word);

// `text` with the contents of comments, strings and character literals turned into blanks; line
// ends stay where they are.
std::string blank_out(std::string_view text);

}  // namespace quorate::tidy
