#include <gtest/gtest.h>

#include <algorithm>

#include "testnet/agenda.h"
#include "testnet/prng.h"

namespace quorate::testnet {
namespace {

// As every implementation of xoshiro256** that is seeded by splitmix64.
TEST(Prng, SequenceIsThatOfTheReference) {
  Prng dice(0);
  EXPECT_EQ(dice.next(), 11091344671253066420ULL);
  EXPECT_EQ(dice.next(), 13793997310169335082ULL);
  EXPECT_EQ(dice.next(), 1900383378846508768ULL);
}

TEST(Prng, DrawsStayInTheirBoundsAndReachThem) {
  Prng dice(7);
  std::vector<int> seen(5, 0);
  for (int i = 0; i < 5000; ++i) {
    ++seen[dice.below(5)];
    const std::uint64_t number = dice.between(10, 12);
    EXPECT_TRUE(number >= 10 && number <= 12);
  }
  for (const int times : seen) EXPECT_NEAR(times, 1000, 150);
  EXPECT_EQ(dice.below(1), 0U);
  EXPECT_EQ(dice.between(3, 3), 3U);
  EXPECT_FALSE(dice.chance(0));
  EXPECT_TRUE(dice.chance(1000));
}

TEST(Prng, ForkDependsOnSeedAndStreamAlone) {
  Prng thrown(3);
  (void)thrown.next();
  EXPECT_EQ(thrown.fork(8).next(), Prng(3).fork(8).next());
  EXPECT_NE(Prng(3).fork(8).next(), Prng(3).fork(9).next());
  EXPECT_NE(Prng(3).fork(8).next(), Prng(4).fork(8).next());
}

TEST(Prng, ShuffleKeepsEveryValue) {
  Prng dice(5);
  std::vector<int> values = {1, 2, 3, 4, 5, 6, 7, 8};
  dice.shuffle(values);
  EXPECT_NE(values, (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Agenda, EntriesRunByTimeAndThenInTheOrderOfTheirMaking) {
  Agenda agenda;
  std::string seen;
  agenda.at(20, [&] { seen += 'c'; });
  agenda.at(10, [&] {
    seen += 'a';
    agenda.at(5, [&] { seen += '!'; });  // has passed: now
  });
  agenda.at(20, [&] { seen += 'd'; });
  agenda.at(10, [&] { seen += 'b'; });
  while (agenda.run_next()) {
  }
  EXPECT_EQ(seen, "ab!cd");
  EXPECT_EQ(agenda.now_us(), 20U);
  agenda.advance_to(50);
  EXPECT_EQ(agenda.now_us(), 50U);
  EXPECT_FALSE(agenda.next_us().has_value());
}

}  // namespace
}  // namespace quorate::testnet
