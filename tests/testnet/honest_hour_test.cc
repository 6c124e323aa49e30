// A minute of the hour in which no honest primary is replaced (tests/e2e/honest_hour_test.sh).

#include "testnet/honest_hour.h"

#include <gtest/gtest.h>

namespace quorate::testnet {
namespace {

TEST(HonestHour, ReplacesNoPrimary) {
  const HonestReport report = run_honest({.replicas = 4, .seed = 1, .seconds = 60});
  EXPECT_EQ(report.left, 0U) << report.first;
  EXPECT_EQ(report.run.verdict, Verdict::kSound) << report.run.stuck;
  EXPECT_EQ(report.run.counts.views, 0U);
  EXPECT_EQ(report.run.counts.evidence, 0U);
  // What it promises did happen.
  EXPECT_GT(report.settled, 200U);
  EXPECT_GT(report.expired, 0U);
  EXPECT_GT(report.run.counts.checkpoints, 5U);
}

TEST(HonestHour, ReplacesNoPrimaryOfMore) {
  for (const std::size_t replicas : {5, 7}) {
    const HonestReport report = run_honest({.replicas = replicas, .seed = 2, .seconds = 10});
    EXPECT_EQ(report.left, 0U) << report.first << " (n " << replicas << ")";
    EXPECT_EQ(report.run.verdict, Verdict::kSound) << report.run.stuck;
  }
}

TEST(HonestHour, SameSeedSameHour) {
  const HonestOptions options{.seed = 3, .seconds = 5};
  EXPECT_EQ(run_honest(options).run.digest, run_honest(options).run.digest);
}

}  // namespace
}  // namespace quorate::testnet
