// The worked examples of pow/README.md, byte by byte.

#include <gtest/gtest.h>

#include <string>

#include "crypto/bytes.h"
#include "pow/params.h"
#include "tests/pow/chain_world.h"
#include "tests/support/readme.h"

namespace quorate::pow {
namespace {

class PowReadme : public testing::Test, public quorate::test::Readme {
 protected:
  PowReadme() : Readme("pow") {}
};

TEST_F(PowReadme, Header) {
  const Header genesis = bitcoin_genesis();
  EXPECT_EQ(to_hex(encode_header(genesis)), hex("header"));
  EXPECT_TRUE(says("`" + display_hex(hash_of(genesis)) + "`"));
  const U256 target = decode_target(genesis.bits, bitcoin_params().limit).value();
  EXPECT_TRUE(says("`" + hex_of(target) + "`, its work " + decimal_of(work_of_target(target))));
}

TEST_F(PowReadme, Block) {
  const test::ChainWorld world;
  EXPECT_EQ(to_hex(encode_block(*world.block_0)), hex("block"));
  EXPECT_TRUE(says("Its hash is `" + display_hex(world.block_0->hash) + "`."));
}

TEST_F(PowReadme, NamesEveryReasonToRefuse) {
  for (int i = 0; i <= static_cast<int>(Reject::kMarkedByHand); ++i) {
    if (static_cast<Reject>(i) == Reject::kBoundaryWrong) continue;  // of a run, not of a chain
    std::string code(reject_code(static_cast<Reject>(i)));
    if (code.starts_with("pow-target-") && code != "pow-target-zero") code = code.substr(10);
    EXPECT_TRUE(says("`" + code + "`")) << code;
  }
}

}  // namespace
}  // namespace quorate::pow
