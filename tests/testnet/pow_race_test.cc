// The closed forms beside the figures that their authors printed, and beside the races themselves.

#include "testnet/pow_race.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace quorate::testnet {
namespace {

constexpr double kSevenDigits = 0.5e-7 + 1e-12;

TEST(NakamotoRisk, HasTheFiguresOfThePaper) {
  const double tenth[] = {1.0000000, 0.2045873, 0.0509779, 0.0131722, 0.0034552, 0.0009137,
                          0.0002428, 0.0000647, 0.0000173, 0.0000046, 0.0000012};
  for (std::uint64_t z = 0; z <= 10; ++z) {
    EXPECT_NEAR(nakamoto_risk(0.1, z), tenth[z], kSevenDigits) << z;
  }
  const double three_tenths[] = {1.0000000, 0.1773523, 0.0416605, 0.0101008, 0.0024804, 0.0006132,
                                 0.0001522, 0.0000379, 0.0000095, 0.0000024, 0.0000006};
  for (std::uint64_t i = 0; i <= 10; ++i) {
    EXPECT_NEAR(nakamoto_risk(0.3, 5 * i), three_tenths[i], kSevenDigits) << 5 * i;
  }
}

TEST(NakamotoRisk, SaysHowDeepIsDeepEnoughAsThePaperDoes) {
  const std::pair<double, std::uint64_t> table[] = {{0.10, 5},  {0.15, 8},  {0.20, 11},
                                                    {0.25, 15}, {0.30, 24}, {0.35, 41},
                                                    {0.40, 89}, {0.45, 340}};
  for (const auto& [q, z] : table) EXPECT_EQ(blocks_for(nakamoto_risk, q, 0.001), z) << q;
  EXPECT_EQ(blocks_for(nakamoto_risk, 0.5, 0.001), std::nullopt);
  EXPECT_EQ(blocks_for(race_risk, 0.9, 0.001), std::nullopt);
}

TEST(RaceRisk, HasTheFiguresOfTheExactRace) {
  const double tenth[] = {0.2000000, 0.0560000, 0.0171200, 0.0054560, 0.0017818, 0.0005914};
  for (std::uint64_t z = 1; z <= 6; ++z) {
    EXPECT_NEAR(race_risk(0.1, z), tenth[z - 1], kSevenDigits) << z;
  }
  const std::pair<std::uint64_t, double> three_tenths[] = {
      {5, .1976173}, {10, .0651067}, {15, .0233077}, {20, .0086739}};
  for (const auto& [z, risk] : three_tenths) EXPECT_NEAR(race_risk(0.3, z), risk, kSevenDigits);
  EXPECT_EQ(race_risk(0.3, 0), 1);
  EXPECT_EQ(race_risk(0.5, 100), 1);
  // Far away it neither overflows nor leaves [0, 1].
  EXPECT_NEAR(race_risk(0.45, kRaceBlocksMax), 0, 1e-9);
  EXPECT_NEAR(nakamoto_risk(0.45, kRaceBlocksMax), 0, 1e-9);
}

TEST(RaceRisk, IsWhatRacesFind) {
  std::mt19937_64 random(11);
  constexpr int kRaces = 20'000;
  for (const auto& [q, z] : {std::pair{0.1, 2}, {0.3, 3}, {0.3, 8}, {0.4, 5}}) {
    const auto attacker_finds = [&, q = q] {
      return static_cast<double>(random() >> 11) * 0x1p-53 < q;
    };
    int won = 0;
    for (int i = 0; i < kRaces; ++i) {
      int lead = 0;  // of the honest blocks
      for (int honest = 0; honest < z;) {
        const bool is_attacker = attacker_finds();
        lead += is_attacker ? -1 : 1;
        honest += is_attacker ? 0 : 1;
      }
      while (lead > 0 && lead < 60) lead += attacker_finds() ? -1 : 1;
      won += lead <= 0 ? 1 : 0;
    }
    const double risk = race_risk(q, static_cast<std::uint64_t>(z));
    const double error = std::sqrt(risk * (1 - risk) / kRaces);
    EXPECT_NEAR(static_cast<double>(won) / kRaces, risk, 3 * error) << q << " " << z;
  }
}

TEST(SelfishMining, HasTheFiguresOfThePaper) {
  const std::tuple<double, double, double> table[] = {
      {.25, 0, .195122},   {.30, 0, .273126},   {1.0 / 3, 0, .333333}, {.40, 0, .483721},
      {.45, 0, .651773},   {.25, .5, .250000},  {.30, .5, .326874},    {.40, .5, .525581},
      {.30, 1, .380622}};
  for (const auto& [alpha, gamma, revenue] : table) {
    EXPECT_NEAR(selfish_revenue(alpha, gamma), revenue, 0.5e-6) << alpha << " " << gamma;
  }
  for (const double gamma : {0.0, 0.3, 0.5, 0.9}) {
    const double alpha = selfish_threshold(gamma);
    EXPECT_NEAR(selfish_revenue(alpha, gamma), alpha, 1e-9) << gamma;
  }
}

// The miner's strategy, step by step (Eyal and Sirer, algorithm 1).
TEST(SelfishMining, IsWhatTheStrategyEarns) {
  std::mt19937_64 random(12);
  const auto dice = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  for (const auto& [alpha, gamma] : {std::pair{0.3, 0.5}, {0.4, 0.0}, {0.3, 1.0}}) {
    double own = 0;
    double others = 0;
    int lead = 0;
    bool is_tie = false;  // two public branches of one block each
    for (int i = 0; i < 300'000; ++i) {
      const bool is_own = dice() < alpha;
      if (is_tie) {
        own += is_own ? 2 : 0;
        if (!is_own) {
          const bool on_ours = dice() < gamma;
          own += on_ours ? 1 : 0;
          others += on_ours ? 1 : 2;
        }
        is_tie = false;
      } else if (is_own) {
        ++lead;
      } else if (lead == 0) {
        others += 1;
      } else if (lead == 1) {
        is_tie = true;
        lead = 0;
      } else if (lead == 2) {
        own += 2;
        lead = 0;
      } else {
        own += 1;
        --lead;
      }
    }
    EXPECT_NEAR(own / (own + others), selfish_revenue(alpha, gamma), 0.005) << alpha;
  }
}

}  // namespace
}  // namespace quorate::testnet
