#pragma once

// A folder's README as a test reads it: the worked examples in it are held against the code.

#include <fstream>
#include <iterator>
#include <string>

namespace quorate::test {

class Readme {
 public:
  explicit Readme(const std::string& folder) {
    std::ifstream file(QUORATE_SOURCE_DIR "/" + folder + "/README.md");
    text_.assign(std::istreambuf_iterator<char>(file), {});
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool says(const std::string& words) const {
    return text_.find(words) != std::string::npos;
  }

  // What stands between "```<kind>\n" and the closing fence; if there is none, says so.
  [[nodiscard]] std::string block(const std::string& kind) const {
    const std::string open = "```" + kind + "\n";
    const std::size_t begin = text_.find(open);
    if (begin == std::string::npos) return "no block " + kind + "\n";
    const std::size_t body = begin + open.size();
    return text_.substr(body, text_.find("```", body) - body);
  }

  // The hex of a block without its comments; {name} stands for another block.
  [[nodiscard]] std::string hex(const std::string& name) const {
    std::string out;
    const std::string lines = block("hex " + name);
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = lines.find('\n', at);
      const std::string line = lines.substr(at, end - at);
      at = end + 1;
      const std::string code = line.substr(0, line.find("  "));
      out += code.starts_with('{') ? hex(code.substr(1, code.size() - 2)) : code;
    }
    return out;
  }

 private:
  std::string text_;
};

}  // namespace quorate::test
