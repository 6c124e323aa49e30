// Whole simulations: determinism, and random faults that no invariant may notice.

#include <gtest/gtest.h>

#include "testnet/nemesis.h"
#include "testnet/simulator.h"
#include "testnet/workload.h"

namespace quorate::testnet {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kDrawStream = 4;

struct Outcome {
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
  std::uint64_t commits = 0;
  std::uint64_t faults = 0;
  bool is_live = false;
  std::vector<Violation> violations;
};

// So long with faults; then all is healed, and what was submitted must end within a minute.
Outcome run_seed(std::size_t replicas, std::uint64_t seed, std::uint64_t duration_us,
                 HostBug bug = HostBug::kNone) {
  SimOptions options;
  options.replicas = replicas;
  options.seed = seed;
  Simulator simulator(options);
  for (const auto& host : simulator.hosts()) host->bug = bug;
  Workload workload(simulator, {});
  Prng dice = simulator.dice(kDrawStream);
  NemesisOptions faults = draw_nemesis(dice, replicas);
  faults.never_lost = {{0}};  // the primary for good
  Nemesis nemesis(simulator, faults);
  simulator.start_all();
  workload.start();
  nemesis.start();
  simulator.run_for(duration_us);
  workload.stop();
  nemesis.heal();
  Outcome outcome;
  outcome.is_live = simulator.run_until(
      [&] { return workload.open() == 0 && simulator.is_level(); }, 60 * kSecond);
  outcome.digest = simulator.trace().digest();
  outcome.events = simulator.trace().events();
  outcome.commits = simulator.checkers().counters().commits;
  outcome.faults = nemesis.faults();
  outcome.violations = simulator.checkers().violations();
  return outcome;
}

void expect_good(std::size_t replicas, std::uint64_t seed, std::uint64_t duration_us) {
  const Outcome outcome = run_seed(replicas, seed, duration_us);
  for (const Violation& found : outcome.violations) {
    ADD_FAILURE() << found.invariant << " at replica " << found.replica.value << ", "
                  << found.time_ms << " ms: " << found.text << " (n " << replicas << ", seed "
                  << seed << ")";
  }
  EXPECT_TRUE(outcome.is_live) << "no progress after healing (n " << replicas << ", seed " << seed
                               << ")";
}

TEST(SimRun, OneSeedGivesOneHistoryAndAnotherSeedAnother) {
  std::set<std::uint64_t> digests;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome first = run_seed(4, seed, 5 * kSecond);
    const Outcome second = run_seed(4, seed, 5 * kSecond);
    EXPECT_EQ(first.digest, second.digest) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
    EXPECT_GT(first.commits, 0U) << seed;
    digests.insert(first.digest);
  }
  EXPECT_EQ(digests.size(), 5U);
}

TEST(SimRun, RandomFaultsBreakNothingAmongFour) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) expect_good(4, seed, 8 * kSecond);
}

TEST(SimRun, RandomFaultsBreakNothingAtAnySize) {
  for (const std::size_t replicas : {1, 2, 3, 5, 6, 7, 10, 13}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) expect_good(replicas, seed, 3 * kSecond);
  }
}

TEST(SimRun, ReplicasThatHideBodiesLoseLiveness) {
  bool stuck = false;
  for (std::uint64_t seed = 1; seed <= 10 && !stuck; ++seed) {
    stuck = !run_seed(4, seed, 10 * kSecond, HostBug::kHidesBodies).is_live;
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

// The host's persistence points, one by one: a power cut there, then a restart.
TEST(SimRun, CrashAtEveryPersistencePointBreaksNothing) {
  for (std::size_t replica = 0; replica < 4; ++replica) {
    for (std::uint32_t point = 0; point < 60; ++point) {
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
