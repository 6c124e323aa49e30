// Broken runs, and who is blamed for them: at least f+1 liars, never a correct replica.

#include "testnet/blame_run.h"

#include <gtest/gtest.h>

#include "ledger/quorum.h"

namespace quorate::testnet {
namespace {

TEST(BlameRun, NamesMoreThanFLiarsAndNobodyElse) {
  std::size_t within = 0;
  std::size_t across = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const BlameReport report = run_blame(seed);
    EXPECT_FALSE(report.fault.has_value()) << "seed " << seed << ": " << *report.fault;
    if (!report.is_broken) continue;
    EXPECT_GT(report.named.size(), ledger::faults_tolerated(report.replicas));
    ++(report.is_across_views() ? across : within);
  }
  EXPECT_GE(within, 1U) << "conflicts within one view";
  EXPECT_GE(across, 1U) << "and across views";
}

}  // namespace
}  // namespace quorate::testnet
