// Memory under people who mean no good: headers by the thousand, branches of little work, deep
// invalid branches.

#include <gtest/gtest.h>

#include "tests/pow/chain_world.h"

namespace quorate::pow {
namespace {

using namespace test;

class ChainBounds : public testing::Test {
 protected:
  static constexpr std::size_t kSide = kHeadersMax;

  // Headers only, as someone without bodies makes them; cheap, since regtest is easy.
  std::vector<Header> run_of(const ChainPoint& parent, std::size_t count, std::uint8_t salt) {
    std::vector<Header> out;
    ChainPoint at = parent;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(child_of(at, at.time + 10, world_.params, salt));
      at = next_point(at, out.back(), hash_of(out.back()), world_.params);
    }
    return out;
  }
  Output headers(std::vector<Header> headers) {
    return chain_.step(input(HeadersArrived{kPeer, std::move(headers)}));
  }
  Output block(const BlockPtr& block) { return chain_.step(input(BlockArrived{kPeer, block})); }

  ChainWorld world_{regtest_like()};
  Chain chain_{world_.params, world_.block_0->header, {.side_headers_max = kSide}};

  static Params regtest_like() {
    Params params = quick_params();
    params.retargets = false;
    return params;
  }
};

TEST_F(ChainBounds, ManySmallBranchesTakeNoMoreThanTheLimit) {
  const auto own = world_.branch(world_.block_0, 5);
  for (const BlockPtr& one : own) static_cast<void>(block(one));
  std::size_t refused = 0;
  for (std::size_t i = 0; i < kSide + 50; ++i) {
    Header header = child_of(world_.point(world_.block_0), own[0]->header.time, world_.params);
    header.merkle_root.bytes[1] = static_cast<std::uint8_t>(i);
    header.merkle_root.bytes[2] = static_cast<std::uint8_t>(i >> 8);
    const Output out = headers({mined(header)});
    ASSERT_EQ(codes(out.refused), i < kSide ? "" : "pow-too-little-work");
    refused += out.refused.size();
  }
  EXPECT_EQ(refused, 50U);
  EXPECT_EQ(chain_.side_headers(), kSide);
  // A branch of more work finds room, and the least goes, told by name.
  const Output out = headers(run_of(world_.point(world_.block_0), 3, 9));
  EXPECT_EQ(out.headers.size(), 3U);
  EXPECT_EQ(out.forgotten.size(), 3U);
  for (const Digest& hash : out.forgotten) EXPECT_EQ(chain_.find(hash), nullptr);
  EXPECT_EQ(chain_.side_headers(), kSide);
  // And our own chain goes on.
  EXPECT_EQ(block(world_.on(own.back())).moves.size(), 1U);
}

TEST_F(ChainBounds, ABranchThatKeepsItsBodiesBackDoesNotStopOurs) {
  EXPECT_EQ(headers(run_of(world_.point(world_.block_0), kSide, 1)).headers.size(), kSide);
  EXPECT_EQ(chain_.side_headers(), kSide);
  // The branch cannot grow into more memory.
  const TreeNode* end = chain_.find(chain_.locator().front());
  ASSERT_EQ(end->height(), kSide);
  const Header more = child_of(end->point, end->point.time + 10, world_.params);
  EXPECT_EQ(codes(headers({more}).refused), "pow-too-little-work");
  // Less work than the branch has, but the next block here.
  const auto own = world_.branch(world_.block_0, 3);
  for (const BlockPtr& one : own) EXPECT_EQ(block(one).moves.size(), 1U);
  EXPECT_EQ(chain_.tip().height.value, 3U);
  EXPECT_LE(chain_.side_headers(), kSide);
}

TEST_F(ChainBounds, NothingIsKeptOfOrphans) {
  const auto away = run_of(world_.point(world_.block_0), 300, 3);
  for (std::size_t i = 1; i < away.size(); ++i) {
    const Output out = headers({away[i]});
    ASSERT_EQ(codes(out.refused), "pow-parent-unknown");
    ASSERT_TRUE(out.headers.empty() && out.wanted.empty());
  }
  EXPECT_EQ(chain_.side_headers(), 0U);
}

TEST_F(ChainBounds, ADeepInvalidBranchIsMarkedWithoutRecursion) {
  const auto deep = run_of(world_.point(world_.block_0), kSide, 4);
  static_cast<void>(headers(deep));
  static_cast<void>(chain_.step(input(Invalidate{hash_of(deep[0])})));
  EXPECT_TRUE(chain_.find(hash_of(deep.back()))->is_invalid);
  EXPECT_TRUE(chain_.wanted().empty());
  EXPECT_EQ(chain_.locator(), std::vector{world_.block_0->hash});
  // Marked branches count and go like others.
  const auto other = run_of(world_.point(world_.block_0), kSide, 5);
  EXPECT_EQ(codes(headers(other).refused), "pow-too-little-work");
  static_cast<void>(chain_.step(input(Reconsider{hash_of(deep.back())})));
  EXPECT_FALSE(chain_.find(hash_of(deep[5]))->is_invalid);
  EXPECT_EQ(chain_.wanted().size(), Limits{}.bodies_ahead_max);
}

}  // namespace
}  // namespace quorate::pow
