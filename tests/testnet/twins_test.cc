// Twins: the scenarios are those that there are, each is one history, f of them break nothing, and
// more do.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "testnet/twins_search.h"

namespace quorate::testnet {
namespace {

using ledger::ReplicaId;
using Kind = TraceEvent::Kind;

constexpr TwinsSize kFourAndOne{4, 1};
constexpr TwinsSize kFourAndTwo{4, 2};

TwinsScenario scenario_of(const TwinsSize& size, std::string_view text) {
  const auto scenario = parse_twins(size, text);
  EXPECT_TRUE(scenario.has_value()) << text;
  return scenario.value_or(TwinsScenario{});
}

// -- Which there are -----------------------------------------------------------------------------

// Every way to put instances on numbered sides, named once; kept if a quorum and the primary meet.
std::set<std::string> rounds_by_force(const TwinsSize& size) {
  const std::size_t count = size.instances();
  std::size_t ways = 1;
  for (std::size_t i = 0; i < count; ++i) ways *= count;
  std::set<std::string> texts;
  for (std::size_t way = 0; way < ways; ++way) {
    std::vector<std::size_t> labels;
    for (std::size_t i = 0, rest = way; i < count; ++i, rest /= count) {
      labels.push_back(rest % count);
    }
    TwinsRound round;
    std::map<std::size_t, std::uint8_t> names;
    std::map<std::size_t, std::set<std::uint16_t>> members;
    for (std::size_t i = 0; i < count; ++i) {
      const auto name = static_cast<std::uint8_t>(names.size());
      round.sides.push_back(names.emplace(labels[i], name).first->second);
      members[labels[i]].insert(static_cast<std::uint16_t>(i % size.replicas));
    }
    for (std::uint16_t primary = 0; primary < size.replicas; ++primary) {
      const bool leads = std::ranges::any_of(members, [&](const auto& side) {
        return side.second.size() * 3 > size.replicas * 2 && side.second.contains(primary);
      });
      if (!leads) continue;
      round.primary = {primary};
      for (const TwinsReach reach :
           {TwinsReach::kProposed, TwinsReach::kPrepared, TwinsReach::kCommitted}) {
        round.reach = reach;
        texts.insert(twins_text(size, {round}));
      }
    }
  }
  return texts;
}

TEST(TwinsPlan, HasEveryRoundThatCanGetAnywhereOnce) {
  for (const TwinsSize& size : {kFourAndOne, TwinsSize{4, 0}}) {
    const TwinsPlan plan({size, 1, 1'000, 1});
    std::set<std::string> texts;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
      texts.insert(twins_text(size, plan.scenario(i)));
    }
    EXPECT_EQ(texts.size(), plan.size());
    EXPECT_EQ(texts, rounds_by_force(size));
  }
}

TEST(TwinsPlan, WalksThroughShortScenariosAndDrawsTheRestFromTheSeed) {
  const TwinsPlan plan({kFourAndOne, 4, 36'000, 1});
  const std::uint64_t rounds = plan.rounds();
  EXPECT_EQ(rounds, 189U);
  EXPECT_EQ(plan.exhaustive_rounds(), 2U);
  EXPECT_EQ(plan.exhaustive(), rounds + rounds * rounds);
  EXPECT_EQ(plan.size(), 36'000U);
  EXPECT_EQ(plan.scenario(rounds - 1).size(), 1U);
  EXPECT_EQ(plan.scenario(rounds).size(), 2U);
  std::set<std::string> texts;
  for (std::uint64_t i = 0; i < 2 * rounds; ++i) {
    texts.insert(twins_text(kFourAndOne, plan.scenario(i)));
  }
  EXPECT_EQ(texts.size(), 2 * rounds);
  EXPECT_EQ(plan.scenario(plan.exhaustive()).size(), 4U);
  const TwinsPlan other({kFourAndOne, 4, 36'000, 2});
  EXPECT_EQ(other.scenario(5), plan.scenario(5));
  EXPECT_NE(other.scenario(35'999), plan.scenario(35'999));
}

TEST(TwinsPlan, DrawsNothingWhereAllFit) {
  const TwinsPlan plan({kFourAndOne, 1, 1'000'000, 1});
  EXPECT_EQ(plan.size(), plan.exhaustive());
}

TEST(TwinsText, IsReadAsItWasWritten) {
  const TwinsPlan plan({kFourAndTwo, 3, 50, 7});
  for (std::uint64_t i = 0; i < plan.size(); ++i) {
    const TwinsScenario scenario = plan.scenario(i);
    EXPECT_EQ(scenario_of(kFourAndTwo, twins_text(kFourAndTwo, scenario)), scenario);
  }
  EXPECT_EQ(twins_text(kFourAndOne, scenario_of(kFourAndOne, "1:0,2,3/0b,1:prepared")),
            "1:0,2,3/1,0b:prepared");
}

TEST(TwinsText, RefusesWhatIsNoScenarioAndSaysWhich) {
  for (const std::string_view text :
       {"", "1", "4:0,1,2,3,0b:committed", "1:0,1,2,3:committed", "1:0,1,2,3,0b,0:committed",
        "1:0,1,2,3,1b:committed", "1:0,1,2,3,0b:agreed", "x:0,1,2,3,0b:committed",
        "1:0,1,2,3,0b:committed:1", "1:0,1,2,3/,0b:committed"}) {
    const auto scenario = parse_twins(kFourAndOne, text);
    ASSERT_FALSE(scenario.has_value()) << text;
    EXPECT_EQ(scenario.error().code, "twins-malformed");
  }
  const auto second = parse_twins(kFourAndOne, "1:0,1,2,3,0b:committed 2:0");
  EXPECT_NE(second.error().message.find("\"2:0\" as round 2"), std::string::npos);
}

// -- What a round lets through -------------------------------------------------------------------

TEST(TwinsRun, RoundIsLedByItsPrimary) {
  const TwinsWorld world(kFourAndOne, SimSignatures::kStandIn);
  for (std::uint16_t primary = 0; primary < 4; ++primary) {
    const std::string text = std::to_string(primary) + ":0,1,2,3/0b:committed";
    std::set<std::uint64_t> views;
    const TwinsReport report = run_twins(
        world, scenario_of(kFourAndOne, text), [&](const TraceEvent& event) {
          if (event.kind == Kind::kCommit) views.insert(event.batch->certificate.view.value);
        });
    EXPECT_TRUE(report.violations.empty());
    EXPECT_EQ(report.stuck, "");
    ASSERT_FALSE(views.empty());
    EXPECT_EQ(*views.begin(), primary) << text;
  }
}

TEST(TwinsRun, RoundEndsWhereItMayReach) {
  const TwinsWorld world(kFourAndOne, SimSignatures::kStandIn);
  const auto first_commit_ms = [&](std::string_view text) {
    std::uint64_t first_us = 0;
    (void)run_twins(world, scenario_of(kFourAndOne, text), [&](const TraceEvent& event) {
      if (event.kind == Kind::kCommit && first_us == 0) first_us = event.time_us;
    });
    return first_us / 1000;
  };
  EXPECT_LT(first_commit_ms("0:0,1,2,3/0b:committed"), 10U);
  // The round lasts 30 ms after what it may reach.
  EXPECT_GE(first_commit_ms("0:0,1,2,3/0b:prepared"), 30U);
  EXPECT_GE(first_commit_ms("0:0,1,2,3/0b:proposed"), 30U);
}

TEST(TwinsRun, SameScenarioIsTheSameHistoryWhateverRanBefore) {
  const TwinsScenario scenario =
      scenario_of(kFourAndOne, "0:0,1,2/3,0b:prepared 1:1,2,3,0b/0:committed");
  const TwinsWorld world(kFourAndOne, SimSignatures::kStandIn);
  const TwinsReport first = run_twins(world, scenario);
  (void)run_twins(world, scenario_of(kFourAndOne, "2:0,1,2/3,0b:committed"));
  const TwinsReport again = run_twins(world, scenario);
  EXPECT_EQ(first.trace, again.trace);
  EXPECT_EQ(first.events, again.events);
  const TwinsReport with_ed25519 = run_twins(TwinsWorld(kFourAndOne), scenario);
  EXPECT_EQ(first.history, with_ed25519.history);
  EXPECT_NE(first.trace, with_ed25519.trace);
}

// -- What it finds -------------------------------------------------------------------------------

TEST(TwinsRun, TwinPrimaryThatSpeaksTwiceToAllIsAccusedAndReplaced) {
  const TwinsReport report =
      run_twins(TwinsWorld(kFourAndOne), scenario_of(kFourAndOne, "0:0,1,2,3,0b:committed"));
  EXPECT_TRUE(report.violations.empty());
  EXPECT_EQ(report.stuck, "");
  EXPECT_GT(report.evidence, 0U);
  EXPECT_GE(report.view, ledger::View{1});
}

TEST(TwinsRun, TwoPairsAmongFourBreakAgreement) {
  const TwinsReport report = run_twins(
      TwinsWorld(kFourAndTwo), scenario_of(kFourAndTwo, "0:0,1,2/3,0b,1b:committed"));
  ASSERT_FALSE(report.violations.empty());
  EXPECT_EQ(report.violations[0].invariant, "agreement");
}

TEST(TwinsSearch, OnePairAmongFourBreaksNothingAndEverythingEnds) {
  const TwinsTotals totals =
      search_twins({kFourAndOne, 3, 12, 5}, SimSignatures::kStandIn, [](const auto&, auto) {});
  EXPECT_EQ(totals.runs, 12U);
  EXPECT_EQ(totals.unsafe + totals.stuck, 0U);
  EXPECT_GT(totals.distinct, 6U);
  EXPECT_GT(totals.commits, 12U);
  EXPECT_GT(totals.views.rbegin()->first, 2U);
}

TEST(TwinsTotals, KeepTheFailuresOfTheLowestNumbersInOrder) {
  TwinsTotals totals;
  TwinsReport broken;
  broken.violations = {{"agreement", ReplicaId{1}, 0, "two batches"}};
  for (std::uint64_t number = 100; number > 0; --number) totals.add(number, broken);
  TwinsReport stuck;
  stuck.stuck = "somebody lacks something";
  totals.add(0, stuck);
  EXPECT_EQ(totals.unsafe, 100U);
  EXPECT_EQ(totals.stuck, 1U);
  EXPECT_EQ(totals.invariants, (std::map<std::string, std::uint64_t>{{"agreement", 100}}));
  ASSERT_EQ(totals.failures.size(), kTwinsFailuresMax);
  for (std::size_t i = 0; i < kTwinsFailuresMax; ++i) EXPECT_EQ(totals.failures[i].first, i);
}

}  // namespace
}  // namespace quorate::testnet
