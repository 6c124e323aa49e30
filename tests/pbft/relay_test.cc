// Backups bring the primary what it seems not to have (OSDI '99 §4.1).

#include <gtest/gtest.h>

#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

std::size_t relayed(const Output& out, ReplicaId to) {
  std::size_t count = 0;
  for (const BodySend& send : out.send_bodies) {
    if (send.to == to) count += send.transactions.size();
  }
  return count;
}

// Transactions that this replica relays to `to` in so long.
std::size_t relayed_within(Lone& lone, std::uint64_t ms, ReplicaId to) {
  std::size_t count = 0;
  for (std::uint64_t i = 0; i < ms / 25; ++i) count += relayed(lone.tick_after(25), to);
  return count;
}

TEST(Relay, BackupBringsThePrimaryWhatItDoesNotProposeForAQuarterOfT) {
  Lone lone(4, r(2));
  (void)lone.ready(3);
  EXPECT_EQ(relayed_within(lone, 225, r(0)), 0U);
  EXPECT_EQ(relayed_within(lone, 50, r(0)), 3U);
  EXPECT_EQ(relayed_within(lone, 500, r(0)), 0U) << "once in a view";
}

TEST(Relay, WhatWasProposedIsNotRelayed) {
  Lone lone(4, r(2));
  const auto bodies = lone.ready(1);
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, bodies)));
  EXPECT_EQ(relayed_within(lone, 800, r(0)), 0U);
}

TEST(Relay, PrimaryRelaysNothing) {
  Lone lone(4, r(0));
  (void)lone.ready(1);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(relayed_within(lone, 800, r(i)), 0U);
}

}  // namespace
}  // namespace quorate::pbft::test
