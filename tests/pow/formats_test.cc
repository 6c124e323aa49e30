// The worked example of pow/README.md, byte by byte.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "crypto/bytes.h"
#include "pow/params.h"

namespace quorate::pow {
namespace {

class PowReadme : public testing::Test {
 protected:
  PowReadme() {
    std::ifstream file(QUORATE_SOURCE_DIR "/pow/README.md");
    text_.assign(std::istreambuf_iterator<char>(file), {});
  }

  // The hex of a block without its comments.
  [[nodiscard]] std::string hex(const std::string& name) const {
    const std::string open = "```hex " + name + "\n";
    const std::size_t begin = text_.find(open);
    if (begin == std::string::npos) return "no block " + name;
    std::string out;
    for (std::size_t at = begin + open.size(); !text_.substr(at).starts_with("```");) {
      const std::size_t end = text_.find('\n', at);
      const std::string line = text_.substr(at, end - at);
      at = end + 1;
      out += line.substr(0, line.find("  "));
    }
    return out;
  }
  [[nodiscard]] bool says(const std::string& words) const {
    return text_.find(words) != std::string::npos;
  }

  std::string text_;
};

TEST_F(PowReadme, Header) {
  const Header genesis = bitcoin_genesis();
  EXPECT_EQ(to_hex(encode_header(genesis)), hex("header"));
  EXPECT_TRUE(says("`" + display_hex(hash_of(genesis)) + "`"));
  const U256 target = decode_target(genesis.bits, bitcoin_params().limit).value();
  EXPECT_TRUE(says("`" + hex_of(target) + "`, its work " + decimal_of(work_of_target(target))));
}

TEST_F(PowReadme, NamesEveryReasonThatCheckHeaderHas) {
  for (int i = 0; i <= static_cast<int>(Reject::kHashAboveTarget); ++i) {
    std::string code(reject_code(static_cast<Reject>(i)));
    if (code.starts_with("pow-target-") && code != "pow-target-zero") code = code.substr(10);
    EXPECT_TRUE(says("`" + code + "`")) << code;
  }
}

}  // namespace
}  // namespace quorate::pow
