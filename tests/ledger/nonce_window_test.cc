#include "ledger/nonce_window.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace quorate::ledger {
namespace {

__extension__ typedef __int128 Wide;  // no difference of two nonces overflows it

// The rule as its sentence says it, with no bitmap.
struct Twin {
  std::set<std::uint64_t> used;

  [[nodiscard]] std::uint64_t highest() const { return used.empty() ? 0 : *used.rbegin(); }

  [[nodiscard]] NonceVerdict judge(std::uint64_t nonce) const {
    const auto ahead = static_cast<Wide>(nonce) - static_cast<Wide>(highest());
    if (nonce == 0 || ahead <= -1024) return NonceVerdict::kTooOld;
    if (ahead > 1024) return NonceVerdict::kTooFar;
    return used.contains(nonce) ? NonceVerdict::kUsed : NonceVerdict::kFree;
  }
};

void walk_beside_twin(std::uint64_t start, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  NonceWindow window;
  Twin twin;
  if (start > 0) {
    window.highest = start - 1;
    twin.used.insert(start - 1);
    window.used[(start - 1) % kNonceWindow / 8] |=
        static_cast<std::uint8_t>(1U << ((start - 1) % 8));
  }
  for (int step = 0; step < 4000; ++step) {
    // Mostly near the highest, at times far from it; arithmetic past 2^64 wraps, which is a test
    // too.
    const std::uint64_t reach = random() % 8 == 0 ? 3000 : 40;
    const std::uint64_t nonce = twin.highest() + random() % (2 * reach) - reach;
    ASSERT_EQ(judge_nonce(window, nonce), twin.judge(nonce))
        << "nonce " << nonce << ", highest " << twin.highest() << ", seed " << seed;
    if (twin.judge(nonce) != NonceVerdict::kFree) continue;
    use_nonce(window, nonce);
    twin.used.insert(nonce);
    ASSERT_EQ(window.highest, twin.highest());
  }
}

TEST(NonceWindow, AgreesWithASetOnRandomWalks) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) walk_beside_twin(0, seed);
}

TEST(NonceWindow, AgreesWithASetAtTheEndOfTheNumbers) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) walk_beside_twin(UINT64_MAX - 3000, seed);
}

TEST(NonceWindow, BeginsAtOne) {
  const NonceWindow window;
  EXPECT_EQ(judge_nonce(window, 0), NonceVerdict::kTooOld);
  EXPECT_EQ(judge_nonce(window, 1), NonceVerdict::kFree);
  EXPECT_EQ(judge_nonce(window, 1024), NonceVerdict::kFree);
  EXPECT_EQ(judge_nonce(window, 1025), NonceVerdict::kTooFar);
}

TEST(NonceWindow, TakesEachOf1024InAnyOrderOnce) {
  NonceWindow window;
  use_nonce(window, 1024);
  for (std::uint64_t nonce = 1023; nonce >= 1; --nonce) {
    ASSERT_EQ(judge_nonce(window, nonce), NonceVerdict::kFree);
    use_nonce(window, nonce);
  }
  for (std::uint64_t nonce = 1; nonce <= 1024; ++nonce) {
    ASSERT_EQ(judge_nonce(window, nonce), NonceVerdict::kUsed);
  }
}

TEST(NonceWindow, ForgetsWhatFallsBehind) {
  NonceWindow window;
  use_nonce(window, 1);
  use_nonce(window, 1024);
  EXPECT_EQ(judge_nonce(window, 1), NonceVerdict::kUsed);
  use_nonce(window, 1025);
  EXPECT_EQ(judge_nonce(window, 1), NonceVerdict::kTooOld);
  EXPECT_EQ(judge_nonce(window, 2), NonceVerdict::kFree);
}

TEST(NonceWindow, AFullJumpClearsTheWholeWindow) {
  NonceWindow window;
  for (std::uint64_t nonce = 1; nonce <= 1024; ++nonce) use_nonce(window, nonce);
  use_nonce(window, 2048);
  for (std::uint64_t nonce = 1025; nonce < 2048; ++nonce) {
    ASSERT_EQ(judge_nonce(window, nonce), NonceVerdict::kFree) << nonce;
  }
}

TEST(NonceWindowDeathTest, UsingANonceTwiceIsOurOwnBug) {
  NonceWindow window;
  use_nonce(window, 1);
  EXPECT_DEATH(use_nonce(window, 1), "a nonce is used once");
}

}  // namespace
}  // namespace quorate::ledger
