// Ready transactions: their order, what batches in flight name, and the limits of a batch.

#include "pbft/requests.h"

#include <gtest/gtest.h>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

class RequestsTest : public testing::Test {
 protected:
  RequestsTest() : world(1) {
    for (std::uint64_t i = 0; i < 4; ++i) {
      tx.push_back(world.transaction());
      requests.add(tx.back(), 100 + i);
    }
  }
  [[nodiscard]] std::vector<TransactionPtr> oldest(std::size_t count = 100) const {
    return requests.oldest(count, 1 << 20);
  }

  World world;
  std::vector<TransactionPtr> tx;
  Requests requests;
};

TEST_F(RequestsTest, ComeInTheOrderInWhichTheyBecameReady) {
  EXPECT_EQ(oldest(), tx);
  EXPECT_EQ(requests.oldest_ready_ms(), 100U);
  EXPECT_EQ(oldest(2), (std::vector<TransactionPtr>{tx[0], tx[1]}));
  EXPECT_TRUE(oldest(0).empty());
}

TEST_F(RequestsTest, KnownOneKeepsItsPlace) {
  requests.add(tx[0], 999);
  EXPECT_EQ(requests.size(), 4U);
  EXPECT_EQ(oldest(), tx);
  EXPECT_EQ(requests.oldest_ready_ms(), 100U);
}

TEST_F(RequestsTest, NamedOnesAreNotProposedAndComeBackInTheirPlace) {
  requests.name({tx[0]->id, tx[2]->id});
  EXPECT_EQ(oldest(), (std::vector<TransactionPtr>{tx[1], tx[3]}));
  EXPECT_EQ(requests.unordered(), 2U);
  EXPECT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests.find(tx[0]->id), tx[0]);
  requests.unname({tx[0]->id});
  EXPECT_EQ(oldest(), (std::vector<TransactionPtr>{tx[0], tx[1], tx[3]}));
}

TEST_F(RequestsTest, OneNamedByTwoBatchesComesBackAfterBoth) {
  requests.name({tx[0]->id});
  requests.name({tx[0]->id});
  requests.unname({tx[0]->id});
  EXPECT_EQ(oldest().front(), tx[1]);
  requests.unname({tx[0]->id});
  EXPECT_EQ(oldest().front(), tx[0]);
  requests.unname({tx[0]->id});
  EXPECT_EQ(oldest(), tx);
}

TEST_F(RequestsTest, OneThatWasNamedBeforeItBecameReadyWaits) {
  const TransactionPtr late = world.transaction();
  requests.name({late->id});
  requests.add(late, 200);
  EXPECT_EQ(requests.unordered(), 4U);
  requests.unname({late->id});
  EXPECT_EQ(requests.unordered(), 5U);
}

TEST_F(RequestsTest, RemovedOneIsForgottenWhateverNamesIt) {
  requests.name({tx[0]->id});
  requests.remove(tx[0]->id);
  requests.remove(tx[0]->id);
  EXPECT_EQ(requests.find(tx[0]->id), nullptr);
  requests.unname({tx[0]->id});
  EXPECT_EQ(oldest().size(), 3U);
  requests.remove(tx[1]->id);
  EXPECT_EQ(requests.oldest_ready_ms(), 102U);
}

TEST_F(RequestsTest, BatchStopsBeforeTheOneThatExceedsTheBytes) {
  const std::size_t each = tx[0]->encoded_bytes;
  EXPECT_EQ(requests.oldest(100, 2 * each).size(), 2U);
  EXPECT_EQ(requests.oldest(100, 2 * each + each - 1).size(), 2U);
  EXPECT_TRUE(requests.oldest(100, each - 1).empty());
}

TEST_F(RequestsTest, NothingIsReadyAfterAllIsRemoved) {
  for (const TransactionPtr& t : tx) requests.remove(t->id);
  EXPECT_EQ(requests.size(), 0U);
  EXPECT_FALSE(requests.oldest_ready_ms());
}

}  // namespace
}  // namespace quorate::pbft::test
