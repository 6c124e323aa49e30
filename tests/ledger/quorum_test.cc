#include "ledger/quorum.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <vector>

namespace quorate::ledger {
namespace {

constexpr std::size_t kReplicasMax = 10;

std::vector<std::uint32_t> sets_of(std::size_t members, std::size_t n) {
  std::vector<std::uint32_t> sets;
  for (std::uint32_t set = 0; set < (1U << n); ++set) {
    if (static_cast<std::size_t>(std::popcount(set)) == members) sets.push_back(set);
  }
  return sets;
}

// The smallest overlap of two sets of this many members.
std::size_t smallest_overlap(std::size_t members, std::size_t n) {
  std::size_t smallest = n;
  const auto sets = sets_of(members, n);
  for (const std::uint32_t a : sets) {
    for (const std::uint32_t b : sets) {
      smallest = std::min(smallest, static_cast<std::size_t>(std::popcount(a & b)));
    }
  }
  return smallest;
}

TEST(Quorum, AnyTwoShareACorrectReplica) {
  for (std::size_t n = 1; n <= kReplicasMax; ++n) {
    EXPECT_GE(smallest_overlap(quorum(n), n), faults_tolerated(n) + 1) << "n = " << n;
  }
}

TEST(Quorum, IsTheSmallestForWhichThatHolds) {
  for (std::size_t n = 1; n <= kReplicasMax; ++n) {
    EXPECT_LT(smallest_overlap(quorum(n) - 1, n), faults_tolerated(n) + 1) << "n = " << n;
  }
}

TEST(Quorum, FormsWithoutTheFaulty) {
  for (std::size_t n = 1; n <= 400; ++n) EXPECT_LE(quorum(n), n - faults_tolerated(n));
}

TEST(Quorum, ToleratesTheMostFaultsThatAnyProtocolCan) {
  for (std::size_t n = 1; n <= 400; ++n) {
    EXPECT_GE(n, 3 * faults_tolerated(n) + 1);
    EXPECT_LT(n, 3 * (faults_tolerated(n) + 1) + 1);
  }
}

TEST(Quorum, IsTwoFPlusOneAtThreeFPlusOneOnly) {
  EXPECT_EQ(quorum(1), 1U);
  EXPECT_EQ(quorum(4), 3U);
  EXPECT_EQ(quorum(7), 5U);
  EXPECT_EQ(quorum(10), 7U);
  EXPECT_EQ(quorum(5), 4U);
  EXPECT_EQ(quorum(6), 4U);
  // What the papers' number would be there: two quorums that share only liars.
  EXPECT_LT(smallest_overlap(3, 5), faults_tolerated(5) + 1);
  EXPECT_LT(smallest_overlap(3, 6), faults_tolerated(6) + 1);
}

TEST(WeakQuorum, OutnumbersTheFaultyByOne) {
  for (std::size_t n = 1; n <= 400; ++n) EXPECT_EQ(weak_quorum(n), faults_tolerated(n) + 1);
}

}  // namespace
}  // namespace quorate::ledger
