// A failing scenario becomes a small one that fails in the same way.

#include "testnet/shrink.h"

#include <gtest/gtest.h>

namespace quorate::testnet {
namespace {

constexpr std::uint64_t kSeed = 7;

Result<Shrunk> shrunk(const std::string& text) {
  return shrink(text, kSeed, [](std::uint64_t, std::uint64_t) {});
}

ScenarioReport run(const std::string& text) {
  ScenarioOptions options;
  options.seed = kSeed;
  return run_scenario(parse_scenario("test", text).value(), options).value();
}

TEST(Shrink, LeavesWhatItTakesToFailInTheSameWay) {
  const auto result = shrunk(
      "liar 0 equivocate double-vote replay\nliar 1 equivocate double-vote flood\nrun 1000\n"
      "submit 4 2\ncrash 3\nrun 50\nstart 3\ntrickle 20 50\nexpect view-change\nsettle\n");
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->failure, "agreement");
  EXPECT_LE(result->lines, 4U) << result->text;
  EXPECT_EQ(result->text.find("replay"), std::string::npos) << result->text;
  EXPECT_EQ(result->text.find("crash"), std::string::npos) << result->text;
  const ScenarioReport again = run(result->text);
  EXPECT_EQ(failure_of(again), "agreement") << result->text;
}

TEST(Shrink, ExpectationThatDoesNotHoldIsAFailureOfItsOwn) {
  const auto result = shrunk("run 100\nsubmit 8\nrun 500\nexpect view-change\n");
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->text, "expect view-change\n");
}

TEST(Shrink, ScenarioThatHoldsIsRefused) {
  const auto result = shrunk("submit 1\nsettle\n");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, "shrink-does-not-fail");
}

TEST(Shrink, WhatTheOptionsSayStandsInTheText) {
  const Scenario scenario = parse_scenario("test", "liar 0 silent\nreplicas 4\nrun 5\n").value();
  ScenarioOptions options;
  EXPECT_EQ(scenario_text(scenario, options), "liar 0 silent\nreplicas 4\nrun 5\n");
  options.replicas = 7;
  options.byzantine = {ledger::ReplicaId{1}, ledger::ReplicaId{2}};
  EXPECT_EQ(scenario_text(scenario, options),
            "replicas 7\nliar 1 silent\nliar 2 silent\nrun 5\n");
}

// All but the notes about faults themselves, which each of the two words its own way, and what
// comes after the last fault: when the end is noticed depends on what else is due then.
void add(std::uint64_t& hash, const RunOptions& options, const TraceEvent& event) {
  if (event.kind == TraceEvent::Kind::kFault) return;
  if (event.time_us > options.seconds * 1'000'000) return;
  for (const std::uint64_t part :
       {event.time_us, static_cast<std::uint64_t>(event.kind),
        static_cast<std::uint64_t>(event.replica.value_or(ledger::ReplicaId{999}).value),
        static_cast<std::uint64_t>(event.peer.value_or(ledger::ReplicaId{999}).value),
        event.number}) {
    hash = (hash ^ part) * 0x100000001b3;
  }
  if (!event.bytes) return;
  for (const std::uint8_t byte : *event.bytes) hash = (hash ^ byte) * 0x100000001b3;
}

void expect_same_history(const RunOptions& options) {
  RunOptions drawn = options;
  std::uint64_t of_run = 0;
  drawn.on_event = [&](const TraceEvent& event) { add(of_run, options, event); };
  const RunReport report = run_random(drawn);
  const std::string text = scenario_text_of_run(options, report);
  std::uint64_t of_text = 0;
  ScenarioOptions how;
  how.seed = options.seed;
  how.on_event = [&](const TraceEvent& event) { add(of_text, options, event); };
  const auto scenario = parse_scenario("test", text);
  ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
  const ScenarioReport again = run_scenario(*scenario, how).value();
  EXPECT_EQ(of_run, of_text) << "seed " << options.seed << "\n" << text;
  EXPECT_EQ(report.verdict, again.run.verdict);
  EXPECT_GT(report.happened.size(), 5U);
}

TEST(Shrink, RandomRunAsTextHasItsHistory) {
  RunOptions options;
  options.signatures = SimSignatures::kStandIn;
  options.seconds = 20;
  for (options.seed = 1; options.seed <= 6; ++options.seed) expect_same_history(options);
  options.replicas = 7;
  options.byzantine = {ledger::ReplicaId{2}, ledger::ReplicaId{5}};
  for (options.seed = 1; options.seed <= 2; ++options.seed) expect_same_history(options);
}

// Nobody joins the two halves again.
TEST(Shrink, FaultsThatItTakesAreLeftAsEarlyAsTheyCanBe) {
  const auto result = shrunk(
      "signatures stand-in\nas-drawn\nat 100.5 copy-votes all\nat 900 pause 3 20\n"
      "at 1000 partition 0,1/2,3\nat 1500.25 clock 2 -40\nclients 5000\nsettle 2000\n");
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->failure, "settle");
  EXPECT_TRUE(result->is_done);
  EXPECT_EQ(result->text.find("clock"), std::string::npos) << result->text;
  EXPECT_EQ(result->text.find("copy-votes"), std::string::npos) << result->text;
  EXPECT_NE(result->text.find("at 0 partition 0,1/2,3\n"), std::string::npos) << result->text;
}

// A pause of 2,000 ms would end before it does harm; that nothing settles at once proves nothing.
TEST(Shrink, TimesBetweenFaultsAndHowLongTheyLastBecomeShorter) {
  const auto result = shrunk(
      "signatures stand-in\nat 800.25 crash 2\nat 1600.5 pause 3 8000\nrun 2000\nsubmit 4\n"
      "settle 3000\n");
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->text, "at 0 pause 3 4000\nsubmit 1\nsettle 3000\n");
}

}  // namespace
}  // namespace quorate::testnet
