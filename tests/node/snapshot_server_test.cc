// Serving snapshots: which states are held, and that no peer takes another one's turn.

#include "node/snapshot_server.h"

#include <gtest/gtest.h>

#include <future>
#include <semaphore>

#include "tests/ledger/epoch_ledger.h"

namespace quorate::node {
namespace {

using ledger::ReplicaId;

class SnapshotServerTest : public ledger::test::SignedLedger {
 protected:
  // The next checkpoint, stable.
  void add_stable() {
    append_empty(2);
    stabilise_newest();
  }
  [[nodiscard]] static SnapshotOffer offered(SnapshotServer& server) {
    return std::get<SnapshotOffer>(server.offer().value());
  }
  [[nodiscard]] static ChunkRequest root_of(const SnapshotOffer& offer) {
    return {offer.head->checkpoint.note.sequence, ledger::path_of({}, 0)};
  }
};

TEST_F(SnapshotServerTest, OffersTheNewestStableStateAndItsChunks) {
  SnapshotServer server(*store_, [](ReplicaId, const PeerMessage&) {});
  EXPECT_FALSE(offered(server).head) << "nothing is stable yet";
  add_stable();
  const SnapshotOffer offer = offered(server);
  EXPECT_TRUE(ledger::check_snapshot_head(*offer.head, genesis_));
  const ChunkAnswer answer = server.answer(root_of(offer)).value();
  const auto& note = offer.head->checkpoint.note;
  EXPECT_TRUE(ledger::verify_chunk(answer.chunk.value(), answer.path, note.state_root));
  ChunkRequest other = root_of(offer);
  other.path = {7};
  EXPECT_FALSE(server.answer(other).value().chunk) << "no path of it";
  other = root_of(offer);
  other.sequence.value += 1;
  EXPECT_FALSE(server.answer(other).value().chunk) << "no state of it";
}

TEST_F(SnapshotServerTest, HoldsAStateThatIsAskedForWhileTheHeadGoesOn) {
  SnapshotServer server(*store_, [](ReplicaId, const PeerMessage&) {});
  std::vector<ChunkRequest> roots;
  for (std::size_t i = 0; i <= kSnapshotsMax; ++i) {
    add_stable();
    roots.push_back(root_of(offered(server)));
    append({transaction(i + 1, {ledger::test::put("key", std::to_string(i))})});
    append({});
    stabilise_newest();
  }
  EXPECT_FALSE(server.answer(roots.front()).value().chunk) << "one more than are held";
  for (std::size_t i = 1; i < roots.size(); ++i) {
    const auto stable = store_->stable_at_or_above(roots[i].sequence).value().value();
    const ChunkAnswer answer = server.answer(roots[i]).value();
    EXPECT_TRUE(ledger::verify_chunk(answer.chunk.value(), answer.path, stable.note.state_root));
  }
}

TEST_F(SnapshotServerTest, APeerHasAFewQuestionsWaitingAndNoOneElsesTurn) {
  add_stable();
  std::binary_semaphore entered(0);
  std::promise<void> gate;
  std::vector<std::uint16_t> order;
  SnapshotServer server(*store_, [&](ReplicaId to, const PeerMessage&) {
    if (order.empty()) {
      entered.release();
      gate.get_future().wait();
    }
    order.push_back(to.value);
    if (order.size() == kServedQuestionsMax + 2) entered.release();
  });
  ASSERT_TRUE(server.post({1}, SnapshotRequest{}));
  entered.acquire();
  for (std::size_t i = 0; i < kServedQuestionsMax; ++i) {
    EXPECT_TRUE(server.post({1}, SnapshotRequest{}));
  }
  EXPECT_FALSE(server.post({1}, SnapshotRequest{}));
  EXPECT_TRUE(server.post({2}, SnapshotRequest{}));
  gate.set_value();
  entered.acquire();
  server.stop();
  ASSERT_EQ(order.size(), kServedQuestionsMax + 2);
  EXPECT_EQ(order[1], 2) << "each peer has its turn";
  EXPECT_FALSE(server.post({2}, SnapshotRequest{})) << "it was stopped";
}

class SnapshotServerInALaterEpoch : public ledger::test::EpochLedger {};

TEST_F(SnapshotServerInALaterEpoch, OffersTheProofsOfItsEpochs) {
  fill_epochs();
  SnapshotServer server(*store_, [](ReplicaId, const PeerMessage&) {});
  const auto offer = std::get<EpochSnapshotOffer>(server.offer().value());
  EXPECT_EQ(offer.epochs.size(), 3U);
  EXPECT_TRUE(ledger::check_snapshot_head(offer.head, genesis_, offer.epochs));
  const Bytes frame = crypto::encode(PeerMessage(offer));
  EXPECT_GE(frame.front(), kSnapshotTagFirst);
}

}  // namespace
}  // namespace quorate::node
