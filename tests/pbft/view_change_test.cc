// View changes and checkpoints among whole clusters, in virtual time.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/pbft_cluster.h"
#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

ClusterOptions of_size(std::size_t replicas, std::uint64_t seed = 1) {
  ClusterOptions options;
  options.replicas = replicas;
  options.seed = seed;
  return options;
}

void load(Cluster& cluster, int transactions, std::uint64_t gap_ms) {
  for (int i = 0; i < transactions; ++i) {
    cluster.submit();
    cluster.run_for(gap_ms);
  }
}

TEST(ViewChange, CrashedPrimaryIsReplacedWithinTheTimeoutAndAQuarter) {
  for (const std::size_t n : {4, 5, 6, 7, 10, 13}) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      Cluster cluster(of_size(n, seed));
      load(cluster, 10, 7);
      cluster.crash(r(0));
      cluster.submit();
      EXPECT_TRUE(cluster.run_until_all_executed(1000 + 250)) << n << " " << seed;
      EXPECT_TRUE(cluster.in_one_view());
      EXPECT_EQ(cluster.node(r(1)).replica->view(), View{1});
    }
  }
}

TEST(ViewChange, EveryPrimaryInTurnMayCrash) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    Cluster cluster(of_size(4, seed));
    for (int round = 0; round < 20; ++round) {
      load(cluster, 5, 5);
      const ReplicaId primary = cluster.node(r(0)).replica->primary();
      cluster.crash(primary);
      cluster.submit();
      ASSERT_TRUE(cluster.run_until_all_executed(1250)) << seed << " round " << round;
      cluster.restart(primary);
      ASSERT_TRUE(cluster.run_until(
          [&] { return cluster.in_one_view() && cluster.all_executed(); }, 3000))
          << seed << " round " << round;
    }
  }
}

TEST(ViewChange, BackToBackFailuresOfPrimariesAreSurvived) {
  Cluster cluster(of_size(13));
  load(cluster, 5, 5);
  for (const std::size_t i : {0, 1, 2, 3}) cluster.crash(r(i));
  cluster.submit();
  // 1 + 1 + 2 + 4 seconds of patience, and the steps between.
  EXPECT_TRUE(cluster.run_until_all_executed(9000));
  EXPECT_EQ(cluster.node(r(4)).replica->view(), View{4});
}

TEST(ViewChange, BatchesInFlightSurviveTheirPrimary) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Cluster cluster(of_size(4, seed));
    for (int i = 0; i < 8; ++i) cluster.submit();
    cluster.run_for(seed % 12);
    cluster.crash(r(0), seed % 2 == 0);
    EXPECT_TRUE(cluster.run_until_all_executed(2500)) << seed;
    cluster.restart(r(0));
    cluster.submit();
    EXPECT_TRUE(cluster.run_until_all_executed(5000)) << seed;
  }
}

TEST(ViewChange, LossDelaysAndDuplicatesDoNotStopIt) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    ClusterOptions options = of_size(4, seed);
    options.loss_percent = 20;
    options.duplicate_percent = 30;
    options.delay_ms_max = 40;
    Cluster cluster(options);
    load(cluster, 10, 20);
    cluster.crash(r(0));
    load(cluster, 3, 20);
    EXPECT_TRUE(cluster.run_until_all_executed(20'000)) << seed;
    cluster.restart(r(0));
    EXPECT_TRUE(cluster.run_until_all_executed(20'000)) << seed;
  }
}

TEST(ViewChange, AllReplicasKilledAtAnyMomentGoOn) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Cluster cluster(of_size(4, seed));
    load(cluster, 10, 5);
    cluster.crash(r(0));
    cluster.submit();
    cluster.run_for(990 + seed);  // before, in and after the view change
    for (std::size_t i = 1; i < 4; ++i) cluster.crash(r(i), seed % 2 == 0);
    for (std::size_t i = 0; i < 4; ++i) cluster.restart(r(i));
    cluster.submit();
    EXPECT_TRUE(cluster.run_until_all_executed(5000)) << seed;
  }
}

TEST(ViewChange, HealsAPartitionWithoutAQuorumAnywhere) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    Cluster cluster(of_size(4, seed));
    load(cluster, 5, 5);
    bool is_cut = true;
    cluster.passes = [&](ReplicaId from, ReplicaId to, std::uint64_t, const Packet&) {
      return !is_cut || from.value / 2 == to.value / 2;
    };
    cluster.submit();
    cluster.run_for(30'000);
    is_cut = false;
    EXPECT_TRUE(cluster.run_until_all_executed(12'000)) << seed;
  }
}

TEST(ViewChange, SilentPrimaryIsReplacedThoughItsVotesArrive) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Cluster cluster(of_size(4, seed));
    cluster.passes = [](ReplicaId from, ReplicaId, std::uint64_t, const Packet& packet) {
      const auto* message = std::get_if<Message>(&packet);
      return !(from == r(0) && message && std::holds_alternative<PrePrepare>(*message));
    };
    cluster.submit();
    EXPECT_TRUE(cluster.run_until_all_executed(1500)) << seed;
  }
}

TEST(Checkpoints, BecomeStableAndMoveTheWindow) {
  Cluster cluster(of_size(4));
  load(cluster, 100, 20);
  ASSERT_TRUE(cluster.run_until_all_executed(1000));
  for (std::size_t i = 0; i < 4; ++i) {
    const Replica& replica = *cluster.node(r(i)).replica;
    EXPECT_GE(replica.low_watermark().value, 80U);
    EXPECT_LE(replica.open_slots(), 32U);
  }
}

TEST(Checkpoints, CloseAnIdleBurst) {
  Cluster cluster(of_size(4));
  load(cluster, 3, 20);
  cluster.run_for(3000);
  for (std::size_t i = 0; i < 4; ++i) {
    const Replica& replica = *cluster.node(r(i)).replica;
    EXPECT_GE(replica.low_watermark().value, 3U);
    EXPECT_EQ(replica.low_watermark(), replica.executed());
  }
  const std::size_t batches = cluster.witness.history().size();
  cluster.run_for(60'000);
  EXPECT_EQ(cluster.witness.history().size(), batches) << "an idle network orders nothing";
}

TEST(HonestPrimary, IsNotReplacedUnderModerateLoadWithJitter) {
  ClusterOptions options = of_size(4);
  options.delay_ms_max = 60;
  options.sync_ms_max = 20;
  options.execution_ms_max = 20;
  Cluster cluster(options);
  load(cluster, 250, 25);
  ASSERT_TRUE(cluster.run_until_all_executed(2000));
  cluster.run_for(30'000);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(cluster.node(r(i)).replica->view(), View{0});
}

// A restart with executed batches that no checkpoint covers yet blames nobody for them.
TEST(HonestPrimary, IsNotSuspectedByAReplicaThatRestarts) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Cluster cluster(of_size(4, seed));
    load(cluster, 20, 100);  // long after time zero
    for (std::size_t i = 0; i < 4; ++i) {
      cluster.crash(r(i), false);
      cluster.restart(r(i));
      load(cluster, 3, 20);
    }
    EXPECT_TRUE(cluster.run_until_all_executed(1000)) << seed;
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(cluster.node(r(i)).replica->view(), View{0}) << seed << " " << i;
    }
  }
}

// Found by simulation: an idle network whose primary recovers would wait for it for ever.
TEST(Recovering, PrimaryThatSaysSoIsLeftAtOnce) {
  Lone lone(4, r(2));
  StatusReport report = report_of(0);
  EXPECT_TRUE(sent<ViewChange>(lone.step(StatusArrived{r(0), report})).empty());
  report.fill_to = {48};
  EXPECT_TRUE(sent<ViewChange>(lone.step(StatusArrived{r(3), report})).empty());
  const Output out = lone.step(StatusArrived{r(0), report});
  ASSERT_EQ(events<ViewLeft>(out).size(), 1U);
  EXPECT_EQ(events<ViewLeft>(out)[0].why, Suspected::kRecovering);
}

TEST(Recovering, PrimaryIsReplacedThoughNothingIsReady) {
  ClusterOptions options = of_size(4);
  Cluster cluster(options);
  load(cluster, 20, 10);
  ASSERT_TRUE(cluster.run_until_all_executed(1000));
  cluster.crash(r(0));
  cluster.node(r(0)).votes.clear();
  cluster.options_.recovering[r(0)] = {{}, {}, {48}};
  cluster.restart(r(0));
  EXPECT_TRUE(cluster.run_until([&] { return cluster.node(r(0)).voter->may_vote(); }, 30'000));
}

// Found by simulation: replica 1 lost its votes, and what it had signed is below the stable
// checkpoint, so that it recovers at once: in view 0, where it does not lead. The others idle in
// view 1, which it opened; the NEW-VIEW that they send it is its own. Replica 3 needs a primary.
TEST(Recovering, PrimaryThatForgotItsViewIsReplacedThoughNothingIsReady) {
  Cluster cluster(of_size(4));
  load(cluster, 20, 10);
  cluster.crash(r(0));
  load(cluster, 20, 10);
  const auto is_led_by_1 = [&] { return cluster.node(r(2)).replica->view() == View{1}; };
  ASSERT_TRUE(cluster.run_until(is_led_by_1, 9000));
  cluster.restart(r(0));
  ASSERT_TRUE(cluster.run_until_all_executed(9000));
  cluster.run_for(5000);  // all that was executed is below a stable checkpoint
  ASSERT_TRUE(is_led_by_1());
  for (const auto& [id, ceiling] : {std::pair{r(1), Ceiling{{}, {1}, {}}},
                                    std::pair{r(3), Ceiling{{}, {}, {64}}}}) {
    cluster.crash(id);
    cluster.node(id).votes.clear();
    cluster.options_.recovering[id] = ceiling;
    cluster.restart(id);
  }
  const auto votes_again = [&] { return cluster.node(r(3)).voter->may_vote(); };
  EXPECT_FALSE(votes_again());
  EXPECT_TRUE(cluster.run_until(votes_again, 60'000));
}

// Replica 2 in view 0, which recovered: what it signed in views up to 3 is forgotten.
class Recovered : public testing::Test {
 protected:
  Recovered()
      : world(4),
        voter(world.signer(r(2)), world.chain_id(), r(2), world.replicas(), Standing::kRecovering,
              {{}, {3}, {16}}),
        replica(config(), voter, start_at_genesis()) {
    (void)replica.step({now, Tick{}});
    now.monotonic_ms += 1;
    first_output = replica.step({now, world.verified(world.stable(16))});
  }

  ReplicaConfig config() const {
    ReplicaConfig result;
    result.self = r(2);
    result.replicas = world.replicas();
    return result;
  }
  Output receive(const ViewChange& message) { return replica.step({now, world.verified(message)}); }
  Output tick_after(std::uint64_t ms) {
    now.monotonic_ms += ms;
    return replica.step({now, Tick{}});
  }

  World world;
  Now now{1000, kStartTime};
  Voter voter;
  Replica replica;
  Output first_output;
};

// ... and that stays out of bounds in its next lives.
TEST_F(Recovered, FloorIsStoredWithTheCheckpointThatEndsIt) {
  EXPECT_TRUE(first_output.recovered);
  ASSERT_EQ(records<FloorRecord>(first_output).size(), 1U);
  EXPECT_EQ(records<FloorRecord>(first_output)[0].view, View{3});
  EXPECT_EQ(records<StableRecord>(first_output).size(), 1U);
}

// Found by simulation: in a view below its floor it was mute for good, and a quorum needed it.
TEST_F(Recovered, JoinsOthersAboveItsFloor) {
  (void)receive(world.view_change({1}, r(1)));
  const Output out = receive(world.view_change({1}, r(3)));
  ASSERT_EQ(sent<ViewChange>(out).size(), 1U);
  EXPECT_EQ(sent<ViewChange>(out)[0].body.view, View{4});
  EXPECT_TRUE(events<VoteWasRefused>(out).empty());
}

TEST_F(Recovered, SuspectsASilentPrimaryAboveItsFloor) {
  (void)replica.step({now, TransactionReady{world.transaction()}});
  std::vector<ViewChange> moves;
  for (int i = 0; i < 100 && moves.empty(); ++i) moves = sent<ViewChange>(tick_after(50));
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].body.view, View{4});
}

TEST(Recovering, ReplicaSignsNothingBelowItsCeilingAndVotesAgainAbove) {
  ClusterOptions options = of_size(4);
  Cluster cluster(options);
  load(cluster, 20, 10);
  cluster.crash(r(3));
  cluster.node(r(3)).votes.clear();
  cluster.options_.recovering[r(3)] = {{}, {}, {48}};
  bool is_below = true;
  cluster.on_step = [&](ReplicaId id, const Input&, const Output& out) {
    if (id != r(3)) return;
    if (out.recovered) is_below = false;
    for (const Send& send : out.send) {
      if (!is_below) continue;
      EXPECT_FALSE(std::holds_alternative<Prepare>(send.message) ||
                   std::holds_alternative<Commit>(send.message) ||
                   std::holds_alternative<ViewChange>(send.message) ||
                   std::holds_alternative<CheckpointVote>(send.message));
    }
  };
  cluster.restart(r(3));
  EXPECT_TRUE(cluster.run_until([&] { return !is_below; }, 30'000)) << "the others fill up";
  EXPECT_GE(cluster.node(r(3)).replica->low_watermark().value, 48U);
  // It counts again: without replica 2, a quorum needs it.
  cluster.crash(r(2));
  cluster.submit();
  EXPECT_TRUE(cluster.run_until_all_executed(5000));
}

}  // namespace
}  // namespace quorate::pbft::test
