// Whole clusters over bad networks: agreement always (the witness sees to it), progress once
// messages can arrive.

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "crypto/bcs.h"
#include "ledger/quorum.h"
#include "tests/support/pbft_cluster.h"

namespace quorate::pbft::test {
namespace {

ClusterOptions of_size(std::size_t replicas, std::uint64_t seed = 1) {
  ClusterOptions options;
  options.replicas = replicas;
  options.seed = seed;
  return options;
}

class ClusterOfSize : public testing::TestWithParam<std::size_t> {};

TEST_P(ClusterOfSize, CommitsWhatIsSubmitted) {
  Cluster cluster(of_size(GetParam()));
  for (int i = 0; i < 20; ++i) cluster.submit();
  EXPECT_TRUE(cluster.run_until_all_executed(1000));
}

TEST_P(ClusterOfSize, CommitsWithAsManyBackupsDownAsItTolerates) {
  Cluster cluster(of_size(GetParam()));
  const std::size_t faults = ledger::faults_tolerated(GetParam());
  for (std::size_t i = 0; i < faults; ++i) cluster.crash(r(GetParam() - 1 - i));
  for (int i = 0; i < 5; ++i) cluster.submit();
  EXPECT_TRUE(cluster.run_until_all_executed(1000));
}

TEST_P(ClusterOfSize, CommitsNothingWithoutAQuorum) {
  const std::size_t n = GetParam();
  if (n == 1) return;
  Cluster cluster(of_size(n));
  for (std::size_t up = ledger::quorum(n) - 1; up < n; ++up) cluster.crash(r(up));
  cluster.submit();
  EXPECT_FALSE(cluster.run_until([&] { return !cluster.witness.history().empty(); }, 5000));
}

INSTANTIATE_TEST_SUITE_P(Sizes, ClusterOfSize, testing::Values(1, 2, 3, 4, 5, 6, 7, 10, 13));

TEST(Network, ReorderedAndDuplicatedMessagesChangeNothing) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    ClusterOptions options = of_size(4, seed);
    options.delay_ms_max = 80;
    options.duplicate_percent = 50;
    Cluster cluster(options);
    for (int i = 0; i < 40; ++i) {
      cluster.submit();
      cluster.run_for(3);
    }
    EXPECT_TRUE(cluster.run_until_all_executed(5000)) << "seed " << seed;
  }
}

TEST(Network, CommitsWithThreeOfTenMessagesLost) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    ClusterOptions options = of_size(seed % 2 == 0 ? 4 : 7, seed);
    options.loss_percent = 30;
    Cluster cluster(options);
    for (int i = 0; i < 30; ++i) {
      cluster.submit();
      cluster.run_for(10);
    }
    EXPECT_TRUE(cluster.run_until_all_executed(20'000)) << "seed " << seed;
  }
}

// A run of two transactions; message `lost` (counted over all packets) never arrives. Returns the
// number of packets until everybody executed, 0 if that took too long.
std::uint64_t packets_when_one_is_lost(std::optional<std::uint64_t> lost) {
  Cluster cluster(of_size(4));
  cluster.passes = [&](ReplicaId, ReplicaId, std::uint64_t number, const Packet&) {
    return number != lost;
  };
  cluster.submit();
  cluster.run_for(20);
  cluster.submit();
  const bool done = cluster.run_until_all_executed(1000);
  return done ? cluster.packets() : 0;
}

TEST(Network, StatusReportsHealTheLossOfAnySingleMessage) {
  const std::uint64_t packets = packets_when_one_is_lost(std::nullopt);
  ASSERT_GT(packets, 50U);
  for (std::uint64_t lost = 0; lost < packets; ++lost) {
    EXPECT_NE(packets_when_one_is_lost(lost), 0U) << "without packet " << lost;
  }
}

// All that was sent to replica 3 in the first run was lost: not only one message of each kind.
TEST(Network, ReplicaThatMissedEverythingFollowsAfterwards) {
  Cluster cluster(of_size(4));
  bool is_cut = true;
  cluster.passes = [&](ReplicaId from, ReplicaId to, std::uint64_t, const Packet&) {
    return !is_cut || (from != r(3) && to != r(3));
  };
  for (int i = 0; i < 100; ++i) {
    cluster.submit({r(0), r(1), r(2)});
    cluster.run_for(8);
  }
  EXPECT_EQ(cluster.node(r(3)).replica->executed(), Sequence{0});
  is_cut = false;
  EXPECT_TRUE(cluster.run_until_all_executed(12'000));
}

// The same while the others are never idle: nobody may be too busy to say how far the rest is.
TEST(Network, ReplicaThatMissedMuchCatchesUpWithABusyCluster) {
  Cluster cluster(of_size(4));
  bool is_cut = true;
  cluster.passes = [&](ReplicaId from, ReplicaId to, std::uint64_t, const Packet&) {
    return !is_cut || (from != r(3) && to != r(3));
  };
  const auto load = [&](int transactions) {
    for (int i = 0; i < transactions; ++i) {
      cluster.submit({r(0), r(1), r(2)});
      cluster.run_for(8);
    }
  };
  load(100);
  is_cut = false;
  load(200);
  const auto executed = [&](std::size_t id) {
    return cluster.node(r(id)).replica->executed().value;
  };
  EXPECT_GE(executed(3) + 64, executed(0)) << "after 1.6 s of connection";
  EXPECT_GT(executed(3), 100U);
}

TEST(Network, HalvesStandStillAndHealWithinASecond) {
  Cluster cluster(of_size(4));
  cluster.submit();
  ASSERT_TRUE(cluster.run_until_all_executed(1000));
  bool is_cut = true;
  cluster.passes = [&](ReplicaId from, ReplicaId to, std::uint64_t, const Packet&) {
    return !is_cut || from.value / 2 == to.value / 2;
  };
  for (int i = 0; i < 5; ++i) cluster.submit();
  cluster.run_for(30'000);
  EXPECT_EQ(cluster.witness.history().size(), 1U);
  is_cut = false;
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t b = 2; b < 4; ++b) cluster.connect(r(a), r(b));
  }
  EXPECT_TRUE(cluster.run_until_all_executed(1000));
}

TEST(Network, LearnerFollowsAndNeverVotes) {
  ClusterOptions options = of_size(4);
  options.learners = {r(2)};
  Cluster cluster(options);
  cluster.on_step = [&](ReplicaId id, const Input&, const Output& out) {
    if (id != r(2)) return;
    for (const DurableRecord& record : out.persist) {
      EXPECT_TRUE(std::holds_alternative<StableRecord>(record));
    }
    for (const Send& send : out.send) {
      EXPECT_TRUE(std::holds_alternative<StatusReport>(send.message) ||
                  std::holds_alternative<StableCheckpoint>(send.message) ||
                  std::holds_alternative<PrePrepare>(send.message));
    }
  };
  for (int i = 0; i < 50; ++i) {
    cluster.submit();
    cluster.run_for(5);
  }
  EXPECT_TRUE(cluster.run_until_all_executed(1000));
}

Digest transcript_of_seed(std::uint64_t seed) {
  ClusterOptions options = of_size(4, seed);
  options.loss_percent = 10;
  options.duplicate_percent = 10;
  Cluster cluster(options);
  for (int i = 0; i < 20; ++i) {
    cluster.submit();
    cluster.run_for(5);
  }
  EXPECT_TRUE(cluster.run_until_all_executed(10'000));
  return cluster.transcript();
}

TEST(Determinism, OneSeedIsOneHistory) {
  EXPECT_EQ(transcript_of_seed(5), transcript_of_seed(5));
  EXPECT_NE(transcript_of_seed(5), transcript_of_seed(6));
}

TEST(Determinism, SameInputsGiveTheSameBytes) {
  ClusterOptions options = of_size(4, 3);
  options.loss_percent = 10;
  Cluster cluster(options);
  std::vector<std::pair<Input, Bytes>> steps;
  cluster.on_step = [&](ReplicaId id, const Input& input, const Output& out) {
    if (id == r(1)) steps.emplace_back(input, bytes_of(out));
  };
  for (int i = 0; i < 20; ++i) {
    cluster.submit();
    cluster.run_for(5);
  }
  ASSERT_TRUE(cluster.run_until_all_executed(10'000));
  Voter voter(cluster.world.signer(r(1)), cluster.world.chain_id(), r(1), cluster.world.replicas(),
              Standing::kVoter);
  ReplicaConfig config;
  config.self = r(1);
  config.replicas = cluster.world.replicas();
  Replica twin(config, voter, start_at_genesis());
  // The first Tick was before the test could listen.
  (void)twin.step({{1000, {kStartTime.value + 1000}}, Tick{}});
  ASSERT_GT(steps.size(), 100U);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    ASSERT_EQ(to_hex(bytes_of(twin.step(steps[i].first))), to_hex(steps[i].second)) << "step " << i;
  }
}

}  // namespace
}  // namespace quorate::pbft::test
