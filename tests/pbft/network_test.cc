// Whole clusters over bad networks: agreement always, progress once messages can arrive.

#include <gtest/gtest.h>

#include <map>

#include "crypto/bcs.h"
#include "ledger/quorum.h"
#include "tests/support/pbft_cluster.h"

namespace quorate::pbft::test {
namespace {

class ClusterOfSize : public testing::TestWithParam<std::size_t> {};

TEST_P(ClusterOfSize, CommitsWhatIsSubmitted) {
  ClusterOptions options;
  options.replicas = GetParam();
  Cluster cluster(options);
  for (int i = 0; i < 20; ++i) cluster.submit();
  EXPECT_TRUE(cluster.run_until_all_executed(1000));
}

INSTANTIATE_TEST_SUITE_P(Sizes, ClusterOfSize, testing::Values(1, 4, 5, 6, 7, 10, 13));

}  // namespace
}  // namespace quorate::pbft::test
