// Whom to ask for blocks: claims are free, so they must not cost the replica that catches up much.

#include "pbft/block_sources.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

constexpr std::uint64_t kTimeout = 300;

BlockSources sources_of(std::size_t replicas = 4, std::size_t self = 3) {
  return {r(self), replicas, kTimeout, 64};
}

TEST(BlockSources, AsksNobodyWhileNobodyClaimsToBeAhead) {
  BlockSources sources = sources_of();
  EXPECT_FALSE(sources.ask({5}, 0));
  sources.claim(r(0), {5});
  EXPECT_FALSE(sources.ask({5}, 0));
  EXPECT_FALSE(sources.any_ahead_of({5}));
  EXPECT_FALSE(sources.deadline_ms({5}, 0));
}

TEST(BlockSources, AsksForAtMostTheAllowedBlocksFromTheNextOneOn) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {7});
  const auto few = sources.ask({5}, 0);
  ASSERT_TRUE(few);
  EXPECT_EQ(few->from, r(0));
  EXPECT_EQ(few->first, Sequence{6});
  EXPECT_EQ(few->count, 2U);
  BlockSources more = sources_of();
  more.claim(r(1), {UINT64_MAX});
  const auto many = more.ask({5}, 0);
  ASSERT_TRUE(many);
  EXPECT_EQ(many->count, 64U);
}

TEST(BlockSources, HasOneRequestOpenAtATime) {
  BlockSources sources = sources_of();
  for (std::size_t i = 0; i < 3; ++i) sources.claim(r(i), {100});
  ASSERT_TRUE(sources.ask({0}, 0));
  EXPECT_FALSE(sources.ask({0}, kTimeout - 1));
}

TEST(BlockSources, AsksTheNextPeerWhenOneIsSilent) {
  BlockSources sources = sources_of();
  for (std::size_t i = 0; i < 3; ++i) sources.claim(r(i), {100});
  std::set<ReplicaId> asked;
  for (std::uint64_t now = 0; now < 3 * kTimeout; now += kTimeout) {
    sources.judge({0}, now);
    const auto fetch = sources.ask({0}, now);
    ASSERT_TRUE(fetch) << now;
    EXPECT_EQ(sources.deadline_ms({0}, 0), now + kTimeout);
    asked.insert(fetch->from);
  }
  EXPECT_EQ(asked.size(), 3U);
}

TEST(BlockSources, StaysWithAPeerThatDelivers) {
  BlockSources sources = sources_of();
  for (std::size_t i = 0; i < 3; ++i) sources.claim(r(i), {1000});
  Sequence committed;
  const auto first = sources.ask(committed, 0);
  for (std::uint64_t now = 10; now < 100; now += 10) {
    committed.value += 64;
    sources.judge(committed, now);
    EXPECT_TRUE(sources.is_flowing());
    const auto fetch = sources.ask(committed, now);
    ASSERT_TRUE(fetch);
    EXPECT_EQ(fetch->from, first->from);
  }
}

// The next time that somebody is a little ahead it is just faster, until the grace is over.
TEST(BlockSources, FlowEndsWhenNobodyIsAhead) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {10});
  ASSERT_TRUE(sources.ask({0}, 0));
  sources.judge({10}, 5);
  EXPECT_TRUE(sources.is_flowing());
  EXPECT_FALSE(sources.ask({10}, 5));
  EXPECT_FALSE(sources.is_flowing());
}

TEST(BlockSources, EmptyAnswerLeadsToTheNextPeerAtOnceAndAPauseForThisOne) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {100});
  sources.claim(r(1), {100});
  const auto first = sources.ask({0}, 0);
  sources.answer_ended(first->from, {0}, 5);
  const auto second = sources.ask({0}, 5);
  ASSERT_TRUE(second);
  EXPECT_NE(second->from, first->from);
  sources.answer_ended(second->from, {0}, 10);
  EXPECT_FALSE(sources.ask({0}, 10));
  EXPECT_GT(sources.deadline_ms({0}, 0), 10U + kTimeout - 10);
}

TEST(BlockSources, PartOfAnAnswerIsFollowedByARequestForTheRest) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {100});
  ASSERT_TRUE(sources.ask({0}, 0));
  sources.judge({10}, 5);
  sources.answer_ended(r(0), {10}, 5);
  const auto rest = sources.ask({10}, 5);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->first, Sequence{11});
}

TEST(BlockSources, AnswerOfAPeerThatWasNotAskedChangesNothing) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {100});
  sources.claim(r(1), {100});
  const auto asked = sources.ask({0}, 0);
  const ReplicaId other = asked->from == r(0) ? r(1) : r(0);
  for (int i = 0; i < 10; ++i) sources.answer_ended(other, {0}, 5);
  EXPECT_FALSE(sources.ask({0}, 5));
}

// Pitfall 34: a peer that claims much and brings nothing, however politely it says so.
TEST(BlockSources, LiarThatAnswersEmptyIsAskedEverMoreRarely) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {UINT64_MAX});
  int requests = 0;
  for (std::uint64_t now = 0; now < 60'000; ++now) {
    sources.judge({0}, now);
    if (sources.ask({0}, now)) {
      ++requests;
      sources.answer_ended(r(0), {0}, now);
    }
  }
  EXPECT_GT(requests, 5);
  EXPECT_LT(requests, 15);
}

TEST(BlockSources, SilentLiarIsAskedEverMoreRarely) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {UINT64_MAX});
  int requests = 0;
  for (std::uint64_t now = 0; now < 60'000; ++now) {
    sources.judge({0}, now);
    requests += sources.ask({0}, now) ? 1 : 0;
  }
  EXPECT_GT(requests, 5);
  EXPECT_LT(requests, 15);
}

// A third of a hundred replicas lie. The replica catches up 10,000 blocks in little more than one
// timeout a liar.
TEST(BlockSources, LiarsCostOneTimeoutEachAndNotOneARequest) {
  BlockSources sources = sources_of(100, 99);
  for (std::size_t i = 0; i < 99; ++i) sources.claim(r(i), {i < 33 ? UINT64_MAX : 10'000});
  Sequence committed;
  std::uint64_t now = 0;
  std::optional<std::uint64_t> answer_at;
  for (; committed.value < 10'000 && now < 100'000; ++now) {
    if (answer_at == now) committed.value = std::min<std::uint64_t>(committed.value + 64, 10'000);
    sources.judge(committed, now);
    if (const auto fetch = sources.ask(committed, now)) {
      if (fetch->from.value >= 33) answer_at = now + 20;
    }
  }
  EXPECT_LT(now, 33 * kTimeout + (10'000 / 64 + 1) * 20 + 1000);
}

// Slow drip: each block of an answer comes just before the timeout.
TEST(BlockSources, DripIsNotWaitedForBeyondSixteenTimeouts) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {100});
  const ReplicaId dripping = sources.ask({0}, 0)->from;
  sources.claim(r(1), {100});
  std::uint64_t now = 0;
  for (std::uint64_t block = 1; block < 64; ++block) {
    now += kTimeout - 1;
    sources.judge({block}, now);
    if (const auto next = sources.ask({block}, now)) {
      EXPECT_NE(next->from, dripping);
      EXPECT_LE(now, 17 * kTimeout);
      return;
    }
  }
  FAIL() << "waited for the drip to the end";
}

TEST(BlockSources, PeerThatFailedIsTriedAgainAfterTheOthersFailedAsOften) {
  BlockSources sources = sources_of();
  for (std::size_t i = 0; i < 3; ++i) sources.claim(r(i), {100});
  std::map<ReplicaId, int> asked;
  for (std::uint64_t now = 0; now < 200'000; ++now) {
    sources.judge({0}, now);
    if (const auto fetch = sources.ask({0}, now)) ++asked[fetch->from];
  }
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_NEAR(asked[r(0)], asked[r(2)], 1);
  EXPECT_NEAR(asked[r(0)], asked[r(1)], 1);
}

TEST(BlockSources, NewConnectionIsANewChance) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {100});
  for (std::uint64_t now = 0; now < 5; ++now) {
    (void)sources.ask({0}, now);
    sources.answer_ended(r(0), {0}, now);
  }
  EXPECT_FALSE(sources.ask({0}, 5));
  sources.forgive(r(0));
  sources.forgive(r(2));  // unknown: no matter
  EXPECT_TRUE(sources.ask({0}, 5));
}

TEST(BlockSources, LowerClaimIsBelieved) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {100});
  sources.claim(r(0), {3});
  EXPECT_FALSE(sources.ask({5}, 0));
}

TEST(BlockSources, ReplicasDoNotAllAskTheSamePeerFirst) {
  std::set<ReplicaId> first;
  for (std::size_t self = 0; self < 4; ++self) {
    BlockSources sources = sources_of(4, self);
    for (std::size_t i = 0; i < 4; ++i) {
      if (i != self) sources.claim(r(i), {100});
    }
    first.insert(sources.ask({0}, 0)->from);
  }
  EXPECT_EQ(first.size(), 4U);
}

TEST(BlockSources, HighestClaimEndsWhenItsPeerTakesItBack) {
  BlockSources sources = sources_of();
  sources.claim(r(0), {9});
  sources.claim(r(1), {7});
  EXPECT_TRUE(sources.any_ahead_of({8}));
  sources.claim(r(0), {6});
  EXPECT_FALSE(sources.any_ahead_of({8}));
  EXPECT_TRUE(sources.any_ahead_of({6}));
}

}  // namespace
}  // namespace quorate::pbft::test
