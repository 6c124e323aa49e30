// Whole simulations: determinism, and random faults that no invariant may notice.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "testnet/random_run.h"
#include "tests/support/thinning.h"

namespace quorate::testnet {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kFirstSeed = 386;

RunReport run_seed(std::size_t replicas, std::uint64_t seed, std::uint64_t seconds,
                   HostBug bug = HostBug::kNone) {
  RunOptions options;
  options.replicas = replicas;
  options.seed = seed;
  options.seconds = seconds;
  options.bug = bug;
  return run_random(options);
}

RunReport expect_good(std::size_t replicas, std::uint64_t seed, std::uint64_t seconds) {
  RunReport report = run_seed(replicas, seed, seconds);
  for (const Violation& found : report.violations) {
    ADD_FAILURE() << found.invariant << " at replica " << found.replica.value << ", "
                  << found.time_ms << " ms: " << found.text << " (n " << replicas << ", seed "
                  << seed << ")";
  }
  EXPECT_EQ(report.verdict, Verdict::kSound)
      << report.stuck << " (n " << replicas << ", seed " << seed << ")";
  return report;
}

// Found by a campaign: all kinds of faults but lost stores had weight 0, and nobody might lose one.
TEST(Nemesis, IsNotIdleBecauseNoStoreMayBeLost) {
  DrawnWorld drawn = draw_world(40315);
  const NemesisOptions options = draw_nemesis(drawn.dice, 1);
  EXPECT_EQ(options.lost_max, 0U);
  EXPECT_GT(options.quality, 0U);
}

TEST(SimRun, OneSeedGivesOneHistoryAndAnotherSeedAnother) {
  std::set<std::uint64_t> digests;
  for (std::uint64_t seed = 11; seed <= 15; ++seed) {
    const RunReport first = run_seed(4, seed, 5);
    const RunReport second = run_seed(4, seed, 5);
    EXPECT_EQ(first.digest, second.digest) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
    EXPECT_GT(first.events, 100U) << seed;
    digests.insert(first.digest);
  }
  EXPECT_EQ(digests.size(), 5U);
}

// A thousand of them are a step of tests/run.sh, with the optimised program.
TEST(SimRun, RandomFaultsBreakNothingAmongFour) {
  for (std::uint64_t seed = kFirstSeed; seed < kFirstSeed + 6; ++seed) expect_good(4, seed, 10);
}

TEST(SimRun, AllAreAlikeAndNearlySilentAfterAQuietMinute) {
  RunOptions options;
  options.seconds = 5;
  options.quiet_seconds = 60;
  for (options.seed = 1; options.seed <= 3; ++options.seed) {
    const RunReport report = run_random(options);
    EXPECT_EQ(report.verdict, Verdict::kSound) << report.stuck << ", seed " << options.seed;
  }
}

TEST(SimRun, RandomFaultsBreakNothingAtAnySize) {
  for (const std::size_t replicas : {1, 2, 3, 5, 6, 7, 10}) expect_good(replicas, 1, 5);
}

TEST(SimRun, SeedGivesTheTraceOfEveryBuild) {
  std::ifstream file(QUORATE_SOURCE_DIR "/tests/vectors/sim_traces.txt");
  std::size_t runs = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::size_t replicas = 0;
    std::uint64_t seed = 0;
    std::uint64_t seconds = 0;
    std::string digest;
    words >> replicas >> seed >> seconds >> digest;
    EXPECT_EQ(fmt::format("{:016x}", run_seed(replicas, seed, seconds).digest), digest)
        << "n " << replicas << ", seed " << seed << "; the file says how to renew it";
    ++runs;
  }
  EXPECT_GE(runs, 8U);
}

TEST(SimRun, GuardThatAdoptsAnEmptyStoreBreaksARecoveredReplicasWord) {
  bool unsafe = false;
  for (const std::uint64_t seed : {474, 764}) {
    unsafe = unsafe ||
             run_seed(4, seed, 20, HostBug::kAdoptsBeforeWrite).verdict == Verdict::kUnsafe;
  }
  EXPECT_TRUE(unsafe);
}

// A power cut between the two, then a ledger that is lost: the replica forgets what it signed.
TEST(SimRun, VotesThatAreErasedBeforeTheCheckpointIsWrittenBreakAReplicasWord) {
  constexpr std::uint64_t kSeed = 20437;
  EXPECT_EQ(run_seed(4, kSeed, 4, HostBug::kErasesBeforeWrite).verdict, Verdict::kUnsafe);
  expect_good(4, kSeed, 4);
}

// Restarts between a checkpoint and the vote for it left two votes of three, and a full window.
TEST(SimRun, CheckpointThatWasExecutedBeforeACrashIsVotedForAfterIt) { expect_good(4, 36832, 60); }

TEST(SimRun, ReplicasThatHideNewViewsLoseLiveness) {
  bool stuck = false;
  for (std::uint64_t seed = 1; seed <= 10 && !stuck; ++seed) {
    stuck = run_seed(4, seed, 10, HostBug::kHidesNewViews).verdict == Verdict::kStuck;
  }
  EXPECT_TRUE(stuck);
}

TEST(SimRun, NothingExecutesWithoutAQuorum) {
  Simulator simulator({});
  Workload workload(simulator, {});
  simulator.host(0).start();
  simulator.host(1).start();
  (void)workload.submit(0, 0);
  EXPECT_FALSE(simulator.run_until([&] { return workload.open() == 0; }, 60 * kSecond));
  EXPECT_TRUE(simulator.is_sound());
  simulator.host(2).start();
  EXPECT_TRUE(simulator.run_until([&] { return workload.open() == 0; }, 60 * kSecond));
}

TEST(SimRun, SlowNetworkIsNotAStuckOne) {
  constexpr std::uint64_t kPause = kSecond / 2;
  SimOptions options;
  options.parameters.window_batches = 1;
  options.parameters.checkpoint_interval = 1;
  options.parameters.batch_transactions_max = 1;
  Simulator simulator(options);
  Workload workload(simulator, {});
  simulator.start_all();
  simulator.run_for(kSecond);
  for (std::size_t i = 0; i < 200; ++i) (void)workload.submit(i % 4, i % 4);
  EXPECT_FALSE(workload.run_until_all_end(kPause));
  EXPECT_TRUE(workload.run_while_any_settles(kPause));

  for (const std::size_t replica : {2, 3}) simulator.host(replica).crash(CrashKind::kProcess);
  (void)workload.submit(0, 0);
  EXPECT_FALSE(workload.run_while_any_settles(kPause));
  EXPECT_TRUE(simulator.is_sound());
}

// The host's persistence points, one by one: a power cut there, then a restart.
TEST(SimRun, CrashAtEveryPersistencePointBreaksNothing) {
  for (std::size_t replica = 0; replica < 4; ++replica) {
    for (std::uint32_t point = 0; point < 60; point += 3 * quorate::test::kStride) {
      SimOptions options;
      options.seed = point;
      Simulator simulator(options);
      WorkloadOptions clients;
      clients.retry_us = 100'000;
      Workload workload(simulator, clients);
      std::optional<std::uint32_t> left = point;
      simulator.host(replica).crashes_here = [&](CrashPoint) {
        if (!left || (*left)-- > 0) return false;
        left.reset();
        simulator.agenda().in(50'000, [&] { simulator.host(replica).start(); });
        return true;
      };
      simulator.start_all();
      simulator.run_for(kSecond);
      for (std::size_t i = 0; i < 8; ++i) (void)workload.submit(i % 4, i % 4);
      EXPECT_TRUE(simulator.run_until([&] { return workload.open() == 0 && simulator.is_level(); },
                                      60 * kSecond))
          << "replica " << replica << ", point " << point;
      for (const Violation& found : simulator.checkers().violations()) {
        ADD_FAILURE() << found.text << " (replica " << replica << ", point " << point << ")";
      }
      EXPECT_FALSE(left.has_value()) << "point " << point << " was never reached";
    }
  }
}

}  // namespace
}  // namespace quorate::testnet
