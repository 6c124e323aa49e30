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
  EXPECT_EQ(scenario_text_of_liars(4, {{ledger::ReplicaId{3}, {Behaviour::kFlood}}}),
            "replicas 4\nliar 3 flood\nrun 1000\ntrickle 200 50\nsettle\n");
}

}  // namespace
}  // namespace quorate::testnet
