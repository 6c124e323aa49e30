// Attacks on real chains beside the closed forms: seeds are fixed, so these always give the same.

#include <gtest/gtest.h>

#include <cmath>

#include "testnet/attack_runs.h"
#include "testnet/attack_tables.h"
#include "testnet/attack_world.h"
#include "testnet/pow_race.h"

namespace quorate::testnet {
namespace {

constexpr std::uint64_t kSeed = 1;

void in_order(std::uint64_t count,
              const std::function<std::function<void(std::uint64_t)>()>& make_worker) {
  const auto work = make_worker();
  for (std::uint64_t i = 0; i < count; ++i) work(i);
}
void backwards(std::uint64_t count,
               const std::function<std::function<void(std::uint64_t)>()>& make_worker) {
  while (count > 0) make_worker()(--count);
}

TEST(Exponential, HasItsMeanAndItsSpread) {
  Prng dice(kSeed);
  constexpr int kThrows = 100'000;
  double sum = 0;
  double squares = 0;
  int above = 0;
  for (int i = 0; i < kThrows; ++i) {
    const double x = static_cast<double>(exponential(dice, kMillion)) / 1e6;
    sum += x;
    squares += x * x;
    above += x > 1 ? 1 : 0;
  }
  EXPECT_NEAR(sum / kThrows, 1, 3 / std::sqrt(kThrows));
  EXPECT_NEAR(squares / kThrows, 2, 3 * std::sqrt(20.0 / kThrows));
  const double e = std::exp(-1.0);
  EXPECT_NEAR(static_cast<double>(above) / kThrows, e, 3 * std::sqrt(e * (1 - e) / kThrows));
}

TEST(AttackWorld, ATieIsWonByWhatWasHeardFirst) {
  AttackWorld world(2, Prng(kSeed));
  const auto a = world.mine(0, 1);
  const auto b = world.mine(1, 2);
  world.deliver(0, a);
  world.deliver(0, b);
  world.deliver(1, b);
  world.deliver(1, a);
  EXPECT_EQ(world.chain(0).tip().hash, a->hash);
  EXPECT_EQ(world.chain(1).tip().hash, b->hash);
  const auto longer = world.mine(1, 2);
  world.deliver(0, longer);
  EXPECT_EQ(world.chain(0).tip().hash, longer->hash);
  EXPECT_EQ(world.miner_at(0, 1), 2);
}

TEST(AttackTables, LieWithinThreeErrorsOfWhatIsPublished) {
  for (const std::string_view name : attack_names()) {
    const AttackTable table = run_attack(name, kSeed, 200, in_order);
    const AttackTable::Fit fit = table.fit();
    EXPECT_GE(fit.points, 7U) << name;
    EXPECT_LE(fit.farthest, 3) << name;
    const double n = static_cast<double>(fit.points);
    EXPECT_NEAR(fit.squares, n, 3 * std::sqrt(2 * n)) << name;
  }
}

// The same yardstick, held to wrong rules: it must not fit.
TEST(AttackTables, AreFarFromTheFormulaOfAnotherRule) {
  AttackTable table = run_attack("double-spend", kSeed, kAttackRunsMin, in_order);
  for (std::size_t i = 0; i < table.series.size(); ++i) {
    const double q = 0.1 * static_cast<double>(i + 1);
    for (AttackPoint& point : table.series[i].points) {
      point.published = race_risk(q, static_cast<std::uint64_t>(point.x) + 1);
    }
  }
  EXPECT_GT(table.fit().farthest, 3);  // a payment that is one block deeper
  table = run_attack("selfish", kSeed, kAttackRunsMin, in_order);
  for (AttackSeries& series : table.series) {
    for (AttackPoint& point : series.points) point.published = point.x;  // honest mining
  }
  EXPECT_GT(table.fit().farthest, 3);
}

TEST(AttackTables, AreTheSameInWhateverOrderTheRunsAreDone) {
  for (const std::string_view name : {"double-spend", "stale", "partition"}) {
    const AttackTable one = run_attack(name, 7, kAttackRunsMin, in_order);
    const AttackTable two = run_attack(name, 7, kAttackRunsMin, backwards);
    ASSERT_EQ(one.series.size(), two.series.size());
    for (std::size_t i = 0; i < one.series.size(); ++i) {
      ASSERT_EQ(one.series[i].points.size(), two.series[i].points.size());
      for (std::size_t k = 0; k < one.series[i].points.size(); ++k) {
        EXPECT_EQ(one.series[i].points[k].simulated, two.series[i].points[k].simulated) << name;
        EXPECT_EQ(one.series[i].points[k].error, two.series[i].points[k].error) << name;
      }
    }
  }
}

TEST(DoubleSpend, TheDeficitToGiveUpAtIsHopeless) {
  EXPECT_EQ(give_up_at(100'000), 7U);
  for (const std::uint64_t share : {100'000U, 300'000U, 400'000U}) {
    const double odds = static_cast<double>(share) / static_cast<double>(kMillion - share);
    const double k = static_cast<double>(give_up_at(share));
    EXPECT_LT(std::pow(odds, k), 1e-6);
    EXPECT_GT(std::pow(odds, k - 1), 0.99e-6);
  }
}

// A majority always wins against a depth of one; nobody gives up before.
TEST(DoubleSpend, IsDecidedByTheOthersChain) {
  std::uint64_t won = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    won += run_double_spend(Prng(kSeed).fork(i), 900'000, 3, 1000).part;
  }
  EXPECT_EQ(won, 50U);
}

TEST(Selfish, IsAFunctionOfItsDice) {
  const AttackCount one = run_selfish(Prng(7), 300'000, 500'000, 500);
  EXPECT_EQ(run_selfish(Prng(7), 300'000, 500'000, 500), one);
  EXPECT_NE(run_selfish(Prng(8), 300'000, 500'000, 500), one);
}

TEST(Partition, WithoutTimeThrowsNothingAway) {
  EXPECT_EQ(run_partition(Prng(kSeed), 500'000, 0), (AttackCount{0, 1}));
}

}  // namespace
}  // namespace quorate::testnet
