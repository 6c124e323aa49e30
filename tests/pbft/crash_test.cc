// Crashes: at every edge between persist and send, of everything at once, and at random. The
// witness holds every vote that ever left against every other, and against what was durable when it
// left.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/pbft_cluster.h"
#include "tests/support/pbft_lone.h"
#include "tests/support/thinning.h"

namespace quorate::pbft::test {
namespace {

ClusterOptions with_seed(std::uint64_t seed) {
  ClusterOptions options;
  options.seed = seed;
  return options;
}

// Two transactions; `victim` loses power at its edges `first` and, if given, `second` (counted over
// all its lives), and comes back 30 ms later. Returns the number of edges it passed, 0 if the
// cluster did not finish in time.
std::uint64_t edges_when_crashed_at(ReplicaId victim, std::optional<std::uint64_t> first,
                                    std::optional<std::uint64_t> second = std::nullopt) {
  Cluster cluster(with_seed(1));
  std::uint64_t edges = 0;
  cluster.crashes_here = [&](ReplicaId id) {
    if (id != victim) return false;
    const std::uint64_t edge = edges++;
    if (edge != first && edge != second) return false;
    cluster.at(cluster.now_ms() + 30, [&cluster, victim] { cluster.restart(victim); });
    return true;
  };
  cluster.submit();
  cluster.run_for(25);
  cluster.submit();
  cluster.run_for(60);  // the victim is back
  const bool done = cluster.run_until_all_executed(3000);
  return done ? edges : 0;
}

class CrashOf : public testing::TestWithParam<std::size_t> {};

// Pitfall 15: before the sync nothing left, after it everything is remembered.
TEST_P(CrashOf, OneReplicaAtAnyEdgeContradictsNothingAndHeals) {
  const ReplicaId victim = r(GetParam());
  const std::uint64_t edges = edges_when_crashed_at(victim, std::nullopt);
  ASSERT_GT(edges, 10U);
  for (std::uint64_t edge = 0; edge < edges; ++edge) {
    EXPECT_NE(edges_when_crashed_at(victim, edge), 0U) << "crashed at edge " << edge;
  }
}

TEST_P(CrashOf, OneReplicaAtTwoEdgesContradictsNothingAndHeals) {
  const ReplicaId victim = r(GetParam());
  for (std::uint64_t edge = 0; edge < 12; edge += 2) {
    for (std::uint64_t more = 1; more < 12; more += 2) {
      EXPECT_NE(edges_when_crashed_at(victim, edge, edge + more), 0U)
          << "crashed at edges " << edge << " and " << edge + more;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Replicas, CrashOf, testing::Values(0, 1, 3));

// Pitfall 11: a power cut of everything takes every ledger back to its last sync. The durable votes
// bring back each batch that anyone was told of.
TEST(PowerCut, OfAllReplicasLosesNothingThatWasExecuted) {
  for (const std::uint64_t when : {3, 9, 16, 25, 60, 200}) {
    Cluster cluster(with_seed(when));
    for (std::uint64_t i = 0; i < when / 2 + 1; ++i) {
      cluster.submit();
      cluster.run_for(2);
    }
    const auto before = cluster.witness.history();
    for (std::size_t i = 0; i < 4; ++i) cluster.crash(r(i));
    for (std::size_t i = 0; i < 4; ++i) cluster.restart(r(i));
    EXPECT_TRUE(cluster.run_until_all_executed(2000)) << "cut after " << when << " ms";
    for (const auto& [sequence, digest] : before) {
      const auto& ledger = cluster.node(r(0)).ledger;
      ASSERT_GE(ledger.size(), sequence.value);
      EXPECT_EQ(ledger[sequence.value - 1].certificate.batch, digest);
    }
  }
}

// What was executed since the last checkpoint is gone from every ledger, and restored from votes.
TEST(PowerCut, BatchesSinceTheLastCheckpointAreRestoredAndWorkedOff) {
  ClusterOptions options = with_seed(4);
  options.parameters.checkpoint_quiet_ms = 1'000'000;  // none but at multiples of 16
  Cluster cluster(options);
  for (int i = 0; i < 30; ++i) {
    cluster.submit();
    cluster.run_for(25);
  }
  ASSERT_TRUE(cluster.run_until_all_executed(1000));
  ASSERT_EQ(cluster.witness.history().size(), 30U);
  for (std::size_t i = 0; i < 4; ++i) cluster.crash(r(i));
  EXPECT_EQ(cluster.node(r(1)).ledger.size(), 16U);
  for (std::size_t i = 0; i < 4; ++i) cluster.restart(r(i));
  EXPECT_EQ(cluster.node(r(1)).replica->low_watermark(), Sequence{16});
  EXPECT_EQ(cluster.node(r(1)).replica->open_slots(), 14U);
  cluster.submit();
  EXPECT_TRUE(cluster.run_until_all_executed(5000));
}

// The same across a view change: the primary is gone for good at first, and `victim` loses power at
// one of its edges while the others vote the next view in, propose again and make a checkpoint.
std::uint64_t edges_of_a_view_change(ReplicaId victim, std::optional<std::uint64_t> first) {
  ClusterOptions options = with_seed(1);
  options.parameters.checkpoint_interval = 4;
  Cluster cluster(options);
  for (int i = 0; i < 2; ++i) cluster.submit();
  cluster.run_for(12);  // something is prepared, and perhaps not committed
  cluster.crash(r(0));
  std::uint64_t edges = 0;
  cluster.crashes_here = [&](ReplicaId id) {
    if (id != victim) return false;
    if (edges++ != first) return false;
    cluster.at(cluster.now_ms() + 30, [&cluster, victim] { cluster.restart(victim); });
    return true;
  };
  cluster.submit();
  cluster.run_for(1200);
  cluster.restart(r(0));
  for (int i = 0; i < 3; ++i) {
    cluster.submit();
    cluster.run_for(30);
  }
  const bool done = cluster.run_until_all_executed(12'000);
  return done ? edges : 0;
}

TEST(Crash, AtEveryEdgeOfAViewChangeNothingIsContradictedAndTheNetworkGoesOn) {
  for (const std::size_t victim : {1, 2}) {
    const std::uint64_t edges = edges_of_a_view_change(r(victim), std::nullopt);
    ASSERT_GT(edges, 20U);
    for (std::uint64_t edge = 0; edge < edges; edge += quorate::test::kStride) {
      EXPECT_GT(edges_of_a_view_change(r(victim), edge), 0U)
          << "replica " << victim << " at edge " << edge;
    }
  }
}

// One at a time, at random moments of a loaded, lossy network; every third time all of them.
TEST(Crash, AtRandomMomentsNothingIsLostAndNothingContradicted) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    ClusterOptions options = with_seed(seed);
    options.loss_percent = 5;
    options.delay_ms_max = 10;
    Cluster cluster(options);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 9; ++round) {
      const bool everybody = round % 3 == 2;
      const std::size_t victim = random() % 4;
      for (std::size_t i = 0; i < 4; ++i) {
        if (everybody || i == victim) cluster.crash(r(i), random() % 2 == 0);
      }
      if (!everybody) {
        for (int i = 0; i < 6; ++i) {
          cluster.submit();
          cluster.run_for(random() % 10);
        }
      }
      for (std::size_t i = 0; i < 4; ++i) {
        if (everybody || i == victim) cluster.restart(r(i));
      }
      for (int i = 0; i < 6; ++i) {
        cluster.submit();
        cluster.run_for(random() % 10);
      }
    }
    EXPECT_TRUE(cluster.run_until_all_executed(15'000)) << "seed " << seed;
  }
}

// --- restart of one replica ----------------------------------------------------------------------

class Restart : public testing::Test {
 protected:
  Restart() : world(4), body(world.transaction()), proposal(at(1)) {}

  [[nodiscard]] PrePrepare at(std::uint64_t sequence) const {
    return world.pre_prepare(batch_of(sequence, {body}));
  }
  [[nodiscard]] ReplicaStart start(std::vector<ProposalRecord> proposals,
                                   std::vector<CommitRecord> commits = {},
                                   bool with_body = true) const {
    ReplicaStart result = start_at_genesis();
    result.votes.proposals = std::move(proposals);
    result.votes.commits = std::move(commits);
    if (with_body) result.bodies[body->id] = body;
    return result;
  }

  World world;
  TransactionPtr body;
  PrePrepare proposal;
};

TEST_F(Restart, PreparedReplicaVotesForNoOtherDigest) {
  Lone lone(4, r(1), {}, start({{proposal, world.prepare(proposal, r(1))}}));
  const PrePrepare other = world.pre_prepare(batch_of(1, {}));
  const Output out = lone.receive(other);
  EXPECT_TRUE(sent<Prepare>(out).empty());
  EXPECT_EQ(out.evidence.size(), 1U);
  EXPECT_EQ(sent<ViewChange>(out).size(), 1U) << "away from a primary that equivocates";
}

TEST_F(Restart, RestoredVotesAreResentToWhomeverLacksThem) {
  Lone lone(4, r(1), {},
            start({{proposal, world.prepare(proposal, r(1))}},
                  {{world.commit(proposal, r(1)), world.prepared(proposal)}}));
  const Output out = lone.step(StatusArrived{r(2), report_of(0)});
  EXPECT_EQ(sent<PrePrepare>(out).size(), 1U);
  EXPECT_EQ(sent<Prepare>(out).at(0).signature, world.prepare(proposal, r(1)).signature);
  EXPECT_EQ(sent<Commit>(out).at(0).signature, world.commit(proposal, r(1)).signature);
}

TEST_F(Restart, CommittedVoteNeedsOnlyTheOthersCommits) {
  Lone lone(4, r(1), {},
            start({{proposal, world.prepare(proposal, r(1))}},
                  {{world.commit(proposal, r(1)), world.prepared(proposal)}}));
  (void)lone.receive(world.commit(proposal, r(0)));
  EXPECT_EQ(lone.receive(world.commit(proposal, r(3))).commit.size(), 1U);
}

// Pitfall 9: a restart between two views, and in a view after the first.
TEST_F(Restart, ViewThatItMovesToIsWhereItWas) {
  ReplicaStart stored = start({});
  stored.votes.view_change = world.view_change({2}, r(1));
  Lone lone(4, r(1), {}, std::move(stored));
  EXPECT_EQ(lone.replica.view(), View{2});
  EXPECT_FALSE(lone.replica.in_view());
}

TEST_F(Restart, ViewThatItIsInIsThatOfTheHighestTranscript) {
  std::vector<ViewChange> v;
  for (std::size_t i = 1; i < 4; ++i) v.push_back(world.view_change({1}, r(i)));
  const NewView opened = world.new_view(v);
  ReplicaStart stored = start({});
  stored.votes.view_change = v[0];
  stored.votes.transcripts.push_back({opened, v});
  Lone lone(4, r(1), {}, std::move(stored));
  EXPECT_EQ(lone.replica.view(), View{1});
  EXPECT_TRUE(lone.replica.in_view());
  const Output out = lone.step(TransactionReady{world.transaction()});
  ASSERT_EQ(sent<PrePrepare>(out).size(), 1U) << "it is the primary";
  EXPECT_EQ(sent<PrePrepare>(out)[0].vote.new_view, view_vote(opened.body).content);
}

TEST_F(Restart, LostBodiesOfARestoredProposalAreFetched) {
  Lone lone(4, r(1), {}, start({{proposal, world.prepare(proposal, r(1))}}, {}, false));
  EXPECT_EQ(lone.replica.slots().at({1}).content->missing.size(), 1U);
  (void)lone.receive(world.prepare(proposal, r(2)));
  EXPECT_TRUE(sent<Commit>(lone.receive(world.prepare(proposal, r(3)))).empty());
  EXPECT_EQ(sent<Commit>(lone.step(BodyArrived{body})).size(), 1U);
}

TEST_F(Restart, PrimaryNumbersOnAfterItsLastProposal) {
  std::vector<ProposalRecord> proposals{{at(1), std::nullopt}, {at(2), std::nullopt}};
  Lone lone(4, r(0), {}, start(std::move(proposals)));
  (void)lone.world.transaction();  // is `body`
  const Output out = lone.step(TransactionReady{lone.world.transaction()});
  ASSERT_EQ(sent<PrePrepare>(out).size(), 1U);
  EXPECT_EQ(sent<PrePrepare>(out)[0].vote.sequence, Sequence{3});
}

TEST_F(Restart, RestoredTransactionIsNotProposedAgain) {
  Lone lone(4, r(0), {}, start({{proposal, std::nullopt}}));
  EXPECT_TRUE(sent<PrePrepare>(lone.step(TransactionReady{body})).empty());
}

TEST_F(Restart, PrimaryFetchesTheLostBodiesOfItsOwnProposalFromABackup) {
  Lone lone(4, r(0), {}, start({{proposal, std::nullopt}}, {}, false));
  const Output out = lone.tick_after(300);
  ASSERT_EQ(out.fetch_bodies.size(), 1U);
  EXPECT_NE(out.fetch_bodies[0].from, r(0));
}

// Nobody else has them; it waits for its operator, and does not fall over.
TEST_F(Restart, ReplicaAloneThatLostABodyStandsStill) {
  World alone(1);
  const PrePrepare own = alone.pre_prepare(batch_of(1, {alone.transaction()}));
  Lone lone(1, r(0), {}, start({{own, std::nullopt}}, {}, false));
  for (int i = 0; i < 10; ++i) {
    const Output out = lone.tick_after(1000);
    EXPECT_TRUE(out.commit.empty() && out.fetch_bodies.empty() && out.send.empty());
  }
}

TEST_F(Restart, VotesAtAndBelowTheStableCheckpointAreDropped) {
  ReplicaStart above = start({{at(16), world.prepare(at(16), r(1))}, {at(18), std::nullopt}},
                             {{world.commit(at(16), r(1)), world.prepared(at(16))}});
  above.executed = {17};
  above.votes.stable = world.stable(16);
  Lone lone(4, r(1), {}, std::move(above));
  EXPECT_EQ(lone.replica.open_slots(), 1U);
  EXPECT_EQ(lone.replica.executed(), Sequence{17});
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{16});
}

// What is executed and not stable yet may still be needed in a view change.
TEST_F(Restart, VotesAboveTheStableCheckpointAreKeptThoughTheyAreExecuted) {
  ReplicaStart above = start({{at(1), world.prepare(at(1), r(1))}},
                             {{world.commit(at(1), r(1)), world.prepared(at(1))}});
  above.executed = {2};
  Lone lone(4, r(1), {}, std::move(above));
  EXPECT_TRUE(lone.replica.slots().at({1}).prepared);
}

// Votes of another view bind the voter, and are no proposal in this one.
TEST_F(Restart, VotesOfAnotherViewBindTheVoterOnly) {
  const PrePrepare later = world.pre_prepare(batch_of(1, {body}), {4});
  Lone lone(4, r(1), {}, start({{later, world.prepare(later, r(1))}}));
  EXPECT_FALSE(lone.replica.slots().at({1}).proposal);
  Vote second = world.prepare(world.pre_prepare(batch_of(1, {}), {4}), r(1)).vote;
  EXPECT_EQ(lone.voter.prepare(second).error().refusal, Refusal::kSecondDigest);
}

TEST_F(Restart, LearnerRestoresVotesAndCastsNone) {
  Lone lone(4, r(1), {}, start({{proposal, world.prepare(proposal, r(1))}}), true);
  EXPECT_TRUE(sent<Commit>(lone.receive(world.prepare(proposal, r(2)))).empty());
  for (const std::size_t i : {0, 2}) (void)lone.receive(world.commit(proposal, r(i)));
  EXPECT_EQ(lone.receive(world.commit(proposal, r(3))).commit.size(), 1U);
}

}  // namespace
}  // namespace quorate::pbft::test
