// Byzantine replicas: up to f of them achieve nothing, whatever they do; more break agreement.

#include <gtest/gtest.h>

#include "testnet/behaviours_sim.h"
#include "testnet/random_run.h"

namespace quorate::testnet {
namespace {

using ledger::ReplicaId;

constexpr std::uint64_t kSecond = 1'000'000;

// Replica 0, the first primary, behaves so among four, with clients and no other faults.
RunReport run_liar(std::set<Behaviour> behaviours, std::uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  options.liars = {ReplicaId{0}};
  Simulator simulator(options);
  WorkloadOptions clients;
  clients.expiring_permille = 0;
  Workload workload(simulator, clients);
  const Cabal cabal(simulator, {{ReplicaId{0}, std::move(behaviours)}});
  simulator.start_all();
  workload.start();
  simulator.run_for(4 * kSecond);
  workload.stop();
  const bool is_live = simulator.run_until(
      [&] { return workload.open() == 0 && simulator.is_level(); }, 120 * kSecond);
  return make_report(simulator, workload, is_live);
}

void expect_sound(const RunReport& report, std::string_view what, std::uint64_t seed) {
  for (const Violation& found : report.violations) {
    ADD_FAILURE() << found.invariant << ": " << found.text << " (" << what << ", seed " << seed
                  << ")";
  }
  EXPECT_EQ(report.verdict, Verdict::kSound)
      << report.stuck << " (" << what << ", seed " << seed << ")";
  EXPECT_GT(report.counts.commits, 0U) << what;
}

TEST(SimBehaviours, EachIsFoundByItsNameAndAnotherNameIsNone) {
  for (const BehaviourInfo& info : behaviours()) {
    EXPECT_EQ(find_behaviour(info.name), info.behaviour) << info.name;
  }
  EXPECT_FALSE(find_behaviour("honest").has_value());
}

TEST(SimBehaviours, OnePrimaryThatLiesAmongFourAchievesNothing) {
  for (const BehaviourInfo& info : behaviours()) {
    expect_sound(run_liar({info.behaviour}, 1), info.name, 1);
  }
}

TEST(SimBehaviours, BehavioursCompose) {
  const std::set<Behaviour> all = {Behaviour::kEquivocate,     Behaviour::kDoubleVote,
                                   Behaviour::kLieViewChange,  Behaviour::kLieCheckpoint,
                                   Behaviour::kLieCatchUp,     Behaviour::kReplay,
                                   Behaviour::kCorruptBytes};
  for (std::uint64_t seed = 1; seed <= 2; ++seed) expect_sound(run_liar(all, seed), "all", seed);
}

TEST(SimBehaviours, EquivocationAndDoubleVotesLeaveProofs) {
  for (const Behaviour behaviour : {Behaviour::kEquivocate, Behaviour::kDoubleVote}) {
    const RunReport report = run_liar({behaviour}, 3);
    ASSERT_FALSE(report.accusations.empty());
    EXPECT_EQ(ledger::accused(report.accusations[0].evidence), ReplicaId{0});
  }
}

TEST(SimBehaviours, SilentPrimaryIsReplacedAndNobodyIsAccused) {
  const RunReport report = run_liar({Behaviour::kSilent}, 1);
  EXPECT_GT(report.counts.views, 0U);
  EXPECT_EQ(report.counts.evidence, 0U);
}

TEST(SimBehaviours, LiarsAmongRandomFaultsAchieveNothing) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    RunOptions options;
    options.seed = seed;
    options.seconds = 5;
    options.byzantine = {ReplicaId{static_cast<std::uint16_t>(seed % 4)}};
    const RunReport report = run_random(options);
    EXPECT_EQ(report.verdict, Verdict::kSound)
        << seed << " " << report.stuck
        << (report.violations.empty() ? "" : report.violations[0].text);
  }
}

TEST(SimBehaviours, MoreLiarsThanToleratedBreakAgreementAndAreSeen) {
  std::size_t broken = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    RunOptions options;
    options.seed = seed;
    options.seconds = 20;
    options.byzantine = {ReplicaId{0}, ReplicaId{1}};
    const RunReport report = run_random(options);
    if (report.verdict == Verdict::kUnsafe && report.violations[0].invariant == "agreement") {
      ++broken;
    }
  }
  EXPECT_GE(broken, 3U);
}

}  // namespace
}  // namespace quorate::testnet
