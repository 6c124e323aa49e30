// Scenarios: what is written wrong is refused with its line, and those that ship hold.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "crypto/bcs.h"
#include "ledger/store.h"
#include "testnet/scenario_run.h"
#include "testnet/sim_ledgers.h"
#include "tests/support/thinning.h"

namespace quorate::testnet {
namespace {

using ledger::ReplicaId;

Scenario shipped(std::string_view name) {
  for (const auto& [known, text] : shipped_scenarios()) {
    if (known == name) return parse_scenario(std::string(name), text).value();
  }
  ADD_FAILURE() << name << " does not ship";
  return {};
}

ScenarioReport run(const Scenario& scenario, std::uint64_t seed,
                   const std::set<ReplicaId>& byzantine = {}) {
  ScenarioOptions options;
  options.seed = seed;
  options.byzantine = byzantine;
  return run_scenario(scenario, options).value();
}

void expect_refused(std::string_view text, std::string_view message) {
  const auto scenario = parse_scenario("test", text);
  ASSERT_FALSE(scenario.has_value()) << text;
  EXPECT_EQ(scenario.error().code, "scenario-malformed");
  EXPECT_EQ(scenario.error().message, message);
}

TEST(Scenarios, WrongLineIsRefusedWithItsNumberAndWhatWasExpected) {
  expect_refused("run 5\n\n# nothing\nsubmit lots\n",
                 "line 4: found \"submit lots\", expected submit N [I]");
  expect_refused("crash 4", "line 1: found \"crash 4\", expected crash I, or crash primary");
  expect_refused("replicas 0", "line 1: found \"replicas 0\", expected replicas N, with N from 1 "
                               "to 400");
  expect_refused("liar 0 honest", "line 1: found \"liar 0 honest\", expected liar I BEHAVIOUR..., "
                                  "with behaviours that --list names");
  expect_refused("run 1\nreplicas 7",
                 "line 2: found \"replicas 7\", expected it before everything that happens");
  expect_refused("partition 0,1", "line 1: found \"partition 0,1\", expected partition I,I/I,I");
  expect_refused("expect evidence",
                 "line 1: found \"expect evidence\", expected expect view-change, no-view-change, "
                 "evidence I, no-evidence, recovery, stalled, decided, alike, one-view, sealed, "
                 "epoch N or diverged I");
  expect_refused("batch-transactions 0",
                 "line 1: found \"batch-transactions 0\", expected batch-transactions K, from 1 "
                 "to 4294967295");
  expect_refused("checkpoint-interval 4294967296",
                 "line 1: found \"checkpoint-interval 4294967296\", expected "
                 "checkpoint-interval K, from 1 to 4294967295");
  expect_refused("delay commit 0/1",
                 "line 1: found \"delay commit 0/1\", expected delay MESSAGE I,I/I,I MS, with a "
                 "MESSAGE such as pre-prepare, commit or view-change");
  expect_refused("at 5 submit 1", "line 1: found \"at 5 submit 1\", expected at MS FAULT, with a "
                                  "line that does something to replicas, links or disks");
  expect_refused("at 1.2345 heal", "line 1: found \"at 1.2345 heal\", expected at MS FAULT, with a "
                                   "line that does something to replicas, links or disks");
  expect_refused("at 5 crash 4", "line 1: found \"crash 4\", expected crash I, or crash primary");
  expect_refused("network 1001 0 5 0 5",
                 "line 1: found \"network 1001 0 5 0 5\", expected network LOST REPEATED MS SLOW "
                 "MS, with shares from 0 to 1000");
  expect_refused("lose courage 0/1",
                 "line 1: found \"lose courage 0/1\", expected lose MESSAGE I,I/I,I, with a "
                 "MESSAGE such as pre-prepare, commit or view-change");
}

std::optional<std::string> unmet(std::string_view text) {
  return run(parse_scenario("test", text).value(), 1).unmet;
}

TEST(Scenarios, LossOfOneKindOfMessageStopsWhatNeedsIt) {
  EXPECT_FALSE(unmet("run 1000\nlose prepare 1,2,3/0,1,2,3\nsubmit 1\nrun 500\nexpect stalled"));
  EXPECT_FALSE(unmet("run 1000\nlose prepare 1,2/3\nsubmit 1\nrun 500\nexpect decided"));
  EXPECT_FALSE(unmet("run 1000\nlose checkpoint 0,1,2,3/0,1,2,3\nsubmit 1\nrun 5000\n"
                     "expect decided"));
}

TEST(Scenarios, HealingEndsTheLoss) {
  EXPECT_FALSE(unmet("run 1000\nlose prepare 1,2,3/0,1,2,3\nsubmit 1\nrun 500\nheal\nsettle"));
}

TEST(Scenarios, DelayOfOneKindOfMessageDelaysWhatNeedsIt) {
  const std::string late = "run 1000\ndelay prepare 1,2,3/0,1,2,3 400\nsubmit 1\nrun 300\n";
  EXPECT_FALSE(unmet(late + "expect stalled"));
  EXPECT_FALSE(unmet(late + "run 300\nexpect decided\nexpect no-view-change"));
}

TEST(Scenarios, AlikeAndInOneViewAreThoseThatAreUp) {
  const std::string cut = "run 1000\npartition 3/0,1,2\nsubmit 1 0\nrun 500\n";
  EXPECT_TRUE(unmet(cut + "expect alike"));
  EXPECT_FALSE(unmet(cut + "heal\nrun 5000\nexpect alike"));
  EXPECT_FALSE(unmet(cut + "crash 3\nexpect alike"));
  EXPECT_FALSE(unmet(cut + "crash 0\ncrash 1\ncrash 2\nexpect alike"));
  EXPECT_TRUE(unmet("run 1000\ncrash 0\nsubmit 1 1\nrun 1004\nexpect one-view"));
  EXPECT_FALSE(unmet("run 1000\ncrash 0\nsubmit 1 1\nrun 5000\nexpect one-view"));
}

TEST(Scenarios, DamagedStateIsNoticedByItsReplicaAndNobodyElse) {
  const std::string damaged = "run 1000\ndamage-state 3\nsubmit 4\nrun 5000\n";
  EXPECT_FALSE(unmet(damaged + "expect diverged 3\nexpect decided"));
  EXPECT_TRUE(unmet(damaged + "expect diverged 2"));
}

TEST(Scenarios, SealedIsWhatEveryoneHasBelowAStableCheckpoint) {
  const std::string lost = "run 1000\nlose checkpoint 0,1,2,3/0,1,2,3\nsubmit 1\nrun 5000\n";
  EXPECT_TRUE(unmet(lost + "expect sealed"));
  EXPECT_FALSE(unmet(lost + "heal\nrun 30000\nexpect sealed"));
}

TEST(Scenarios, PrimaryThatCrashesIsTheOneOfTheView) {
  EXPECT_FALSE(unmet("run 1000\ncrash primary\nsubmit 1\nrun 5000\nexpect view-change\n"
                     "start 0\ncrash primary\nsubmit 1 2\nrun 5000\nexpect decided\n"
                     "start 1\nsettle"));
}

TEST(Scenarios, FaultAtATimeHappensWhileLaterLinesRun) {
  EXPECT_EQ(unmet("at 500 partition 0,1/2,3\nat 4000.5 rejoin 0,1/2,3\nrun 1000\nsubmit 4\n"
                  "run 2000\nexpect stalled\nsettle 20000"),
            std::nullopt);
  EXPECT_NE(unmet("run 1000\nsubmit 4\nrun 2000\nexpect stalled"), std::nullopt);
}

TEST(Scenarios, EveryFaultOfTheNemesisCanBeWritten) {
  EXPECT_EQ(unmet("copy-votes all\nsubmit 4\nrun 500\npower-cut-after 1 3\nsubmit 4\nrun 500\n"
                  "pause 2 300.5\ncut 0/3\nmend 0/3\nclog 0/2 20.25\nnetwork 100 100 5 50 40\n"
                  "clock 3 -50\ndisk-full 3 votes\nrun 500\nsync-fails 2 ledger\nrun 500\n"
                  "disk-good 2\nrestore-votes 0\npower-cut-after 0 adoption\nrun 500\ndrain\n"
                  "expect decided\nexpect alike"),
            std::nullopt);
}

TEST(Scenarios, UnknownVerbIsRefusedWithAllThatThereAre) {
  const auto scenario = parse_scenario("test", "dance 1");
  ASSERT_FALSE(scenario.has_value());
  EXPECT_NE(scenario.error().message.find("expected one of replicas"), std::string::npos);
}

TEST(Scenarios, ThoseThatShipHoldWithManySeeds) {
  EXPECT_GE(shipped_scenarios().size(), 9U);
  for (const auto& [name, text] : shipped_scenarios()) {
    const auto scenario = parse_scenario(std::string(name), text);
    ASSERT_TRUE(scenario.has_value()) << name << ": " << scenario.error().message;
    EXPECT_FALSE(scenario->sentence.empty()) << name;
    // The size of these two is for the optimised program (tests/e2e/simulate_test.sh).
    if (name == "quiet-hours" || name == "hundred-replicas") continue;
    for (std::uint64_t seed = 1; seed <= 3; seed += quorate::test::kStride) {
      const ScenarioReport report = run(*scenario, seed);
      EXPECT_EQ(report.run.verdict, Verdict::kSound)
          << name << ", seed " << seed << ": " << report.run.stuck
          << (report.run.violations.empty() ? "" : report.run.violations[0].text);
      EXPECT_FALSE(report.unmet.has_value()) << name << ", seed " << seed << ": " << *report.unmet;
    }
  }
}

TEST(Scenarios, ExpectationThatDoesNotHoldIsNamed) {
  const ScenarioReport report =
      run(parse_scenario("test", "run 100\nexpect view-change").value(), 1);
  ASSERT_TRUE(report.unmet.has_value());
  EXPECT_TRUE(report.unmet->starts_with("line 2: expected view-change")) << *report.unmet;
}

TEST(Scenarios, LedgersThatItLeavesOpenAsARealOneWithTheSameHead) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "quorate-left-ledgers";
  std::filesystem::remove_all(folder);
  ScenarioOptions options;
  std::vector<ledger::TreeHead> heads;
  options.at_end = [&](Simulator& simulator) {
    for (const auto& host : simulator.hosts()) heads.push_back(host->ledger().tree_head());
    const Status written = write_ledgers(folder, simulator);
    ASSERT_TRUE(written.has_value()) << written.error().message;
    EXPECT_EQ(write_ledgers(folder, simulator).error().code, "ledgers-exist");
  };
  const ScenarioReport report = run_scenario(shipped("power-cut-of-all"), options).value();
  ASSERT_EQ(heads.size(), 4U);
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const auto store = ledger::Store::open(folder / fmt::format("replica-{}", i) / "ledger",
                                           ledger::chain_id_of(report.genesis));
    ASSERT_TRUE(store.has_value()) << store.error().message;
    EXPECT_EQ((*store)->tree_head(), heads[i]);
    EXPECT_TRUE((*store)->latest_stable().value().has_value());
  }
}

TEST(Scenarios, TwoEquivocatingPrimariesAmongFourBreakAgreement) {
  const ScenarioReport report =
      run(shipped("equivocating-primary"), 7, {ReplicaId{0}, ReplicaId{1}});
  ASSERT_EQ(report.run.verdict, Verdict::kUnsafe);
  EXPECT_EQ(report.run.violations[0].invariant, "agreement");
}

TEST(Scenarios, EvidenceOfARunVerifiesAndNoOneByteMutationDoes) {
  const ScenarioReport report = run(shipped("equivocating-primary"), 7);
  ASSERT_FALSE(report.run.accusations.empty());
  const ledger::Digest chain_id = ledger::chain_id_of(report.genesis);
  crypto::SignatureCache cache(1);
  const ledger::EvidenceVerifier verifier(chain_id, &cache);
  const ledger::ReplicaSet replicas = ledger::genesis_replicas(report.genesis);
  Bytes bytes = crypto::encode(ledger::EvidenceFile{ledger::kEvidenceFormat, chain_id,
                                                    report.run.accusations[0].evidence});
  const auto verifies = [&] {
    const auto file = crypto::decode<ledger::EvidenceFile>(bytes);
    return file && verifier.check(*file, replicas).has_value();
  };
  EXPECT_TRUE(verifies());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const auto change = static_cast<std::uint8_t>(1U << bit);
      bytes[i] ^= change;
      EXPECT_FALSE(verifies()) << "bit " << bit << " of byte " << i;
      bytes[i] ^= change;
    }
  }
}

}  // namespace
}  // namespace quorate::testnet
