// The message log of one sequence number: counting, held against a brute-force twin, and
// contradictions.

#include "pbft/slot.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>

#include "ledger/quorum.h"
#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

// Votes with made-up signatures: counting does not look at them.
Vote vote_for(std::size_t replica, std::uint8_t digest, std::uint64_t view = 0,
              std::uint8_t new_view = 0, std::uint64_t epoch = 0) {
  Vote vote{{epoch}, {view}, {1}, {}, {}, r(replica)};
  vote.batch.bytes[0] = digest;
  vote.new_view.bytes[0] = new_view;
  return vote;
}

Signature mark(std::size_t number) {
  Signature signature;
  signature.bytes[0] = static_cast<std::uint8_t>(number);
  return signature;
}

bool same_place_and_batch(const Vote& a, const Vote& b) {
  return a.epoch == b.epoch && a.view == b.view && a.sequence == b.sequence &&
         a.batch == b.batch && a.new_view == b.new_view;
}

Vote random_vote(std::mt19937_64& random, std::size_t replica) {
  // Mostly equal, so that quorums happen; each field differs now and then.
  const auto rarely = [&] { return static_cast<std::uint8_t>(random() % 8 == 0); };
  return vote_for(replica, rarely(), rarely(), rarely(), rarely());
}

TEST(Counting, AgreesWithABruteForceTwin) {
  std::mt19937_64 random(7);
  std::size_t prepared_seen = 0;
  std::size_t committed_seen = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::size_t n = 1 + random() % 13;
    Slot slot;
    slot.proposal = PrePrepare{random_vote(random, 0), {}, {}};
    std::size_t matching = 0;
    for (std::size_t i = 1; i < n; ++i) {
      if (random() % 4 == 0) continue;
      const Vote vote = random_vote(random, i);
      (void)add_prepare(slot, {vote, mark(i), {}});
      (void)add_prepare(slot, {vote, mark(i), {}});
      matching += same_place_and_batch(vote, slot.proposal->vote) ? 1 : 0;
    }
    const auto prepared = prepared_certificate(slot, n);
    ASSERT_EQ(prepared.has_value(), matching + 1 >= ledger::quorum(n));
    prepared_seen += prepared ? 1 : 0;

    std::vector<Vote> commits;
    for (std::size_t i = 0; i < n; ++i) {
      if (random() % 5 == 0) continue;
      commits.push_back(random_vote(random, i));
      (void)add_commit(slot, {commits.back(), mark(i)});
    }
    std::optional<Vote> winner;
    for (const Vote& candidate : commits) {
      std::size_t count = 0;
      for (const Vote& other : commits) count += same_place_and_batch(candidate, other) ? 1 : 0;
      if (count >= ledger::quorum(n)) winner = candidate;
    }
    const auto certificate = commit_certificate(slot, n);
    ASSERT_EQ(certificate.has_value(), winner.has_value());
    if (!certificate) continue;
    ++committed_seen;
    EXPECT_EQ(certificate->batch, winner->batch);
    EXPECT_EQ(certificate->view, winner->view);
    EXPECT_EQ(certificate->new_view, winner->new_view);
    EXPECT_EQ(certificate->epoch, winner->epoch);
    ASSERT_EQ(certificate->commits.size(), ledger::quorum(n));
    for (const Endorsement& commit : certificate->commits) {
      EXPECT_TRUE(same_place_and_batch(slot.commits.at(commit.replica).vote, *winner));
      EXPECT_EQ(commit.signature, mark(commit.replica.value));
    }
  }
  EXPECT_GT(prepared_seen, 200U);
  EXPECT_GT(committed_seen, 200U);
}

// §4.2: no two digests can both gather a prepared certificate for one (view, sequence): two quorums
// share a correct replica, which votes once. Exhaustive over who lies, small n.
TEST(Counting, TwoDigestsCannotBothBePreparedAtCorrectReplicas) {
  for (std::size_t n = 4; n <= 8; ++n) {
    const std::size_t f = ledger::faults_tolerated(n);
    // The primary and f - 1 backups lie and prepare both digests; `split` of the correct backups
    // prepare the first, the others the second.
    const std::size_t liars = f - 1;
    const std::size_t correct = n - 1 - liars;
    for (std::size_t split = 0; split <= correct; ++split) {
      const auto is_prepared = [&](std::uint8_t digest, std::size_t from, std::size_t to) {
        Slot slot;
        slot.proposal = PrePrepare{vote_for(0, digest), {}, {}};
        for (std::size_t i = 1; i <= liars; ++i) {
          (void)add_prepare(slot, {vote_for(i, digest), mark(i), {}});
        }
        for (std::size_t i = from; i < to; ++i) {
          (void)add_prepare(slot, {vote_for(1 + liars + i, digest), mark(i), {}});
        }
        return prepared_certificate(slot, n).has_value();
      };
      EXPECT_FALSE(is_prepared(1, 0, split) && is_prepared(2, split, correct)) << n << " " << split;
    }
  }
}

TEST(Counting, NothingIsPreparedWithoutAProposal) {
  Slot slot;
  for (std::size_t i = 1; i < 4; ++i) (void)add_prepare(slot, {vote_for(i, 1), mark(i), {}});
  EXPECT_FALSE(prepared_certificate(slot, 4));
}

// Pitfall 2: f+1 votes for one digest and f for the other are no quorum for either.
TEST(Counting, VotesForDifferentDigestsAreNotAddedUp) {
  Slot slot;
  slot.proposal = PrePrepare{vote_for(0, 1), {}, {}};
  (void)add_prepare(slot, {vote_for(1, 1), mark(1), {}});
  (void)add_prepare(slot, {vote_for(2, 2), mark(2), {}});
  (void)add_commit(slot, {vote_for(0, 1), mark(0)});
  (void)add_commit(slot, {vote_for(1, 1), mark(1)});
  (void)add_commit(slot, {vote_for(2, 2), mark(2)});
  EXPECT_FALSE(prepared_certificate(slot, 4));
  EXPECT_FALSE(commit_certificate(slot, 4));
}

TEST(Counting, VotesThatDisagreeOnTheNewViewAreNotAddedUp) {
  Slot slot;
  slot.proposal = PrePrepare{vote_for(0, 1, 4, 1), {}, {}};
  (void)add_prepare(slot, {vote_for(1, 1, 4, 1), mark(1), {}});
  (void)add_prepare(slot, {vote_for(2, 1, 4, 2), mark(2), {}});
  for (std::size_t i = 0; i < 3; ++i) {
    (void)add_commit(slot, {vote_for(i, 1, 4, static_cast<std::uint8_t>(i == 2)), mark(i)});
  }
  EXPECT_FALSE(prepared_certificate(slot, 4));
  EXPECT_FALSE(commit_certificate(slot, 4));
}

TEST(Contradictions, SecondVoteOfOneReplicaIsReportedAndNotCounted) {
  Slot slot;
  EXPECT_FALSE(add_prepare(slot, {vote_for(1, 1), mark(1), {}}));
  EXPECT_FALSE(add_prepare(slot, {vote_for(1, 1), mark(9), {}})) << "two signatures of one body";
  const auto prepares = add_prepare(slot, {vote_for(1, 2), mark(2), {}});
  ASSERT_TRUE(prepares);
  EXPECT_EQ(prepares->phase, VotePhase::kPrepare);
  EXPECT_EQ(prepares->first, vote_for(1, 1));
  EXPECT_EQ(prepares->second, vote_for(1, 2));
  EXPECT_EQ(prepares->first_signature, mark(1));
  EXPECT_EQ(prepares->second_signature, mark(2));
  EXPECT_EQ(slot.prepares.at(r(1)).vote, vote_for(1, 1));

  EXPECT_FALSE(add_commit(slot, {vote_for(3, 1), mark(1)}));
  const auto commits = add_commit(slot, {vote_for(3, 2), mark(2)});
  ASSERT_TRUE(commits);
  EXPECT_EQ(commits->phase, VotePhase::kCommit);
  EXPECT_EQ(slot.commits.at(r(3)).vote, vote_for(3, 1));
}

TEST(Contradictions, TwoPreparesThatAnswerDifferentProposalsConvictThePrimary) {
  Slot slot;
  (void)add_prepare(slot, {vote_for(1, 1), mark(1), mark(11)});
  EXPECT_FALSE(contradicting_proposals(slot, r(0)));
  (void)add_prepare(slot, {vote_for(2, 2), mark(2), mark(12)});
  const auto found = contradicting_proposals(slot, r(0));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->phase, VotePhase::kPrePrepare);
  EXPECT_EQ(found->first, vote_for(0, 1));
  EXPECT_EQ(found->second, vote_for(0, 2));
  EXPECT_EQ(found->first_signature, mark(11));
  EXPECT_EQ(found->second_signature, mark(12));
}

TEST(Contradictions, ProposalAndAPrepareOfAnotherConvictThePrimary) {
  Slot slot;
  slot.proposal = PrePrepare{vote_for(0, 1), mark(10), {}};
  (void)add_prepare(slot, {vote_for(1, 1), mark(1), mark(11)});
  EXPECT_FALSE(contradicting_proposals(slot, r(0)));
  (void)add_prepare(slot, {vote_for(2, 2), mark(2), mark(12)});
  const auto found = contradicting_proposals(slot, r(0));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->first_signature, mark(10));
  EXPECT_EQ(found->second_signature, mark(12));
}

}  // namespace
}  // namespace quorate::pbft::test
