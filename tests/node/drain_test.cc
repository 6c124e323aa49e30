// How many transactions may wait at a node.

#include "node/drain.h"

#include <gtest/gtest.h>

namespace quorate::node {
namespace {

constexpr std::uint64_t kPatienceMs = 500;
constexpr std::size_t kFirst = 1000;

// Executes blocks of so many, so far apart, while others wait; returns the time of the last.
std::uint64_t busy(Drain& drain, std::uint64_t from_ms, std::uint64_t blocks,
                   std::uint64_t every_ms, std::size_t size) {
  for (std::uint64_t i = 0; i < blocks; ++i) {
    from_ms += every_ms;
    drain.on_executed(size, 10, from_ms);
  }
  return from_ms;
}

TEST(Drain, TakesAFullBatchBeforeAnythingIsMeasured) {
  const Drain drain(kPatienceMs, kFirst);
  EXPECT_EQ(drain.limit(), kFirst);
  EXPECT_TRUE(drain.check_room(kFirst - 1).has_value());
  EXPECT_FALSE(drain.check_room(kFirst).has_value());
}

TEST(Drain, LimitIsWhatDrainsInHalfOfT) {
  Drain drain(kPatienceMs, kFirst);
  busy(drain, 1, 100, 10, 4);  // 400 a second
  EXPECT_EQ(drain.limit(), 200U);
  Drain fast(kPatienceMs, kFirst);
  busy(fast, 1, 100, 10, 100);  // 10,000 a second
  EXPECT_EQ(fast.limit(), 5000U);
}

TEST(Drain, BusySaysHowLongToWait) {
  Drain drain(kPatienceMs, kFirst);
  busy(drain, 1, 100, 10, 4);
  EXPECT_TRUE(drain.check_room(199).has_value());
  const Status refused = drain.check_room(299);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "busy");
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(refused.error().next,
            "It was not taken. Submit the same transaction again in 250 ms, or to another node.");
}

TEST(Drain, AnIdleNetworkDoesNotLowerIt) {
  Drain drain(kPatienceMs, kFirst);
  std::uint64_t now_ms = busy(drain, 1, 100, 10, 20);
  EXPECT_EQ(drain.limit(), 1000U);
  for (int i = 0; i < 1000; ++i) drain.on_executed(1, 0, now_ms += 100);
  EXPECT_EQ(drain.limit(), 1000U);
}

TEST(Drain, WindowThatRanEmptyShowsALowerBound) {
  Drain drain(kPatienceMs, kFirst);
  std::uint64_t now_ms = busy(drain, 1, 100, 10, 4);
  for (int i = 0; i < 20; ++i) {
    drain.on_executed(300, 5, now_ms += 100);
    drain.on_executed(300, 0, now_ms += 100);
  }
  EXPECT_GE(drain.limit(), 1400U);
}

TEST(Drain, OneStallDoesNotShutTheDoorAndASlowNetworkDoes) {
  Drain drain(kPatienceMs, kFirst);
  std::uint64_t now_ms = busy(drain, 1, 100, 10, 20);
  now_ms = busy(drain, now_ms, 1, 3000, 1);
  EXPECT_EQ(drain.limit(), 1000U);
  busy(drain, now_ms, 100, 100, 20);
  EXPECT_EQ(drain.limit(), 100U);
}

TEST(Drain, LimitNeverFallsToNothing) {
  Drain drain(kPatienceMs, kFirst);
  busy(drain, 1, 100, 1000, 0);
  EXPECT_EQ(drain.limit(), 64U);
  EXPECT_FALSE(drain.check_room(64).has_value());
}

}  // namespace
}  // namespace quorate::node
