#include "ledger/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "ledger/store_keys.h"
#include "tests/ledger/store_fixture.h"

namespace quorate::ledger::test {
namespace {

namespace merkle = crypto::merkle;

TEST(StoreKeys, HaveTheDocumentedForm) {
  const Digest digest = crypto::sha256(as_bytes("id"));
  const PublicKey alice = public_key_of("alice");
  EXPECT_EQ(to_hex(keys::head()), "68");
  EXPECT_EQ(to_hex(keys::record(Height{1})), "720000000000000001");
  EXPECT_EQ(to_hex(keys::certificate(Height{258})), "630000000000000102");
  EXPECT_EQ(to_hex(keys::results(Height{1})), "750000000000000001");
  EXPECT_EQ(to_hex(keys::writes(Height{1})), "770000000000000001");
  EXPECT_EQ(to_hex(keys::transaction(Height{1}, 2)), "74000000000000000100000002");
  EXPECT_EQ(to_hex(keys::node({3, 4})), "6d030000000000000004");
  EXPECT_EQ(to_hex(keys::location(TxId{digest})), "69" + digest.hex());
  EXPECT_EQ(to_hex(keys::nonce_owner(alice, 5)), "6e" + alice.hex() + "0000000000000005");
  EXPECT_EQ(to_hex(keys::state(to_bytes("key"))), "736b6579");
}

TEST_F(StoreTest, CreatedStoreHoldsTheGenesisStateAndNoBlock) {
  create();
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_EQ(store_->height(), Height{0});
    EXPECT_EQ(store_->time(), kGenesisTime);
    EXPECT_EQ(store_->tree_head(), (TreeHead{0, merkle::empty_root()}));
    EXPECT_EQ(store_->chain_id(), chain_);
    EXPECT_EQ(read_account(*store_, public_key_of("alice"))->balance, 1000U);
    EXPECT_EQ(refusal(store_->block(Height{0})), "block-not-found");
    EXPECT_EQ(refusal(store_->block(Height{1})), "block-not-found");
    EXPECT_EQ(difference(*store_), "");
  }
}

TEST_F(StoreTest, BlocksAreReadBackAsAppended) {
  create();
  append({transaction(1, {put("colour", "blue")}), transaction(2, {add("n", 5)})});
  append({});
  append({transaction(3, {put("colour", "red"), del("n")})});
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_EQ(store_->height(), Height{3});
    EXPECT_EQ(store_->time(), (TimeMs{kGenesisTime.value + 30}));
    EXPECT_EQ(difference(*store_), "");
    EXPECT_EQ(read_entry(*store_, to_bytes("colour")).value()->value, to_bytes("red"));
    EXPECT_EQ(read_entry(*store_, to_bytes("n")).value(), std::nullopt);
    EXPECT_EQ(store_->record(Height{2}), model_.blocks[1].record);
    EXPECT_EQ(store_->certificate(Height{3})->batch, model_.blocks[2].certificate.batch);
    EXPECT_EQ(refusal(store_->record(Height{4})), "block-not-found");
    EXPECT_EQ(refusal(store_->certificate(Height{4})), "block-not-found");
    EXPECT_EQ(refusal(store_->writes(Height{4})), "block-not-found");
  }
}

TEST_F(StoreTest, NullBatchIsABlock) {
  create();
  Prepared block;
  block.batch.batch = null_batch(Sequence{1});
  block.batch.certificate = certificate_of(block.batch.batch.header);
  block.execution = execute(block.batch.batch.header, {}, genesis_, *store_).value();
  ASSERT_TRUE(store_->append(block.batch, block.execution));
  reopen();
  EXPECT_EQ(store_->height(), Height{1});
  EXPECT_EQ(store_->time(), kGenesisTime);
  EXPECT_EQ(store_->record(Height{1})->batch.flags, kFlagNull);
}

TEST_F(StoreTest, TransactionsAreFoundByIdAndByNonce) {
  create();
  append({transaction(1, {put("a", "1")}), transaction(5, {put("b", "1")})});
  append({transaction(2, {compare_and_set("a", "not this", "2")})});  // rejected, uses its nonce
  const PublicKey alice = public_key_of("alice");
  const auto place = store_->find(model_.blocks[0].results[1].id).value();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->height, Height{1});
  EXPECT_EQ(place->index, 1U);
  EXPECT_EQ(store_->nonce_owner(alice, 5).value(), model_.blocks[0].results[1].id);
  EXPECT_EQ(store_->nonce_owner(alice, 2).value(), model_.blocks[1].results[0].id);
  EXPECT_EQ(store_->nonce_owner(alice, 3).value(), std::nullopt);
  EXPECT_EQ(store_->nonce_owner(public_key_of("bob"), 1).value(), std::nullopt);
  EXPECT_EQ(store_->find(TxId{crypto::sha256(as_bytes("no such"))}).value(), std::nullopt);
}

TEST_F(StoreTest, SkippedTransactionIsStoredButNotIndexed) {
  create();
  const auto first = transaction(1, {put("a", "1")});
  const auto loser = transaction(1, {put("a", "2")});
  append({first});
  append({loser, first});  // one lost the nonce, the other has it already
  EXPECT_EQ(model_.blocks[1].results[0].outcome, Outcome::kSkippedNonceUsed);
  EXPECT_EQ(store_->find(loser->id).value(), std::nullopt);
  EXPECT_EQ(store_->find(first->id).value()->height, Height{1});
  EXPECT_EQ(store_->nonce_owner(public_key_of("alice"), 1).value(), first->id);
  EXPECT_EQ(store_->block(Height{2})->transactions.size(), 2U);
  EXPECT_EQ(difference(*store_), "");
}

TEST_F(StoreTest, TransactionThatExpiresTwiceKeepsItsFirstPlace) {
  create();
  const auto late = transaction(1, {put("a", "1")});
  append({late}, 4'000'000);
  append({late});
  ASSERT_EQ(model_.blocks[0].results[0].outcome, Outcome::kRejectedExpired);
  ASSERT_EQ(model_.blocks[1].results[0].outcome, Outcome::kRejectedExpired);
  EXPECT_EQ(store_->find(late->id).value()->height, Height{1});
  EXPECT_EQ(store_->nonce_owner(public_key_of("alice"), 1).value(), std::nullopt);
}

TEST_F(StoreTest, WritesOfABlockRebuildTheState) {
  create();
  for (int i = 0; i < 30; ++i) append(any_transactions());
  MapState rebuilt(genesis_state(genesis_));
  for (Height at{1}; at <= store_->height(); at = next(at)) {
    rebuilt.apply(store_->writes(at).value());
    EXPECT_EQ(rebuilt.leaves, model_.states[at.value].leaves) << at.value;
  }
}

TEST_F(StoreTest, ThousandBlocksKeepEveryProofAcrossRestarts) {
  create();
  for (int i = 1; i <= 1000; ++i) {
    append(any_transactions());
    if (i % 211 == 0) reopen();
    ASSERT_EQ(store_->tree_head(), model_.heads.back());
  }
  reopen();
  EXPECT_EQ(difference(*store_), "");
  for (const std::uint64_t size : {1, 2, 3, 255, 256, 257, 640, 999, 1000}) {
    for (std::uint64_t height = 1; height <= size; ++height) {
      const auto path = store_->inclusion_path(Height{height}, size);
      ASSERT_TRUE(path) << path.error().to_string();
      ASSERT_TRUE(merkle::verify_inclusion(model_.leaves[height - 1], height - 1, size, *path,
                                           model_.heads[size].root))
          << height << " of " << size;
    }
    EXPECT_EQ(refusal(store_->inclusion_path(Height{size + 1}, size)), "block-not-found");
  }
  EXPECT_EQ(refusal(store_->inclusion_path(Height{1}, 1001)), "block-not-found");
  EXPECT_EQ(refusal(store_->inclusion_path(Height{0}, 10)), "block-not-found");
}

TEST_F(StoreTest, ViewStaysAtItsBlock) {
  create();
  append({transaction(1, {put("colour", "blue")})});
  const StoreView before = store_->view();
  append({transaction(2, {put("colour", "red"), put("new", "key")})});
  EXPECT_EQ(before.height(), Height{1});
  EXPECT_EQ(before.tree_head(), model_.heads[1]);
  EXPECT_EQ(before.time(), model_.blocks[0].record.effective_time);
  EXPECT_EQ(read_entry(before, to_bytes("colour")).value()->value, to_bytes("blue"));
  EXPECT_EQ(read_entry(before, to_bytes("new")).value(), std::nullopt);
  EXPECT_EQ(read_entry(store_->view(), to_bytes("colour")).value()->value, to_bytes("red"));
}

TEST_F(StoreTest, ViewOutlivesItsStore) {
  create();
  append({transaction(1, {put("colour", "blue")})});
  std::optional<StoreView> view = store_->view();
  store_.reset();
  EXPECT_EQ(read_entry(*view, to_bytes("colour")).value()->value, to_bytes("blue"));
  EXPECT_EQ(refusal_of("/ledger"), "ledger-in-use");
  view.reset();
  EXPECT_EQ(refusal_of("/ledger"), "none");
}

TEST_F(StoreTest, ReadersSeeWholeBlocksWhileOneAppends) {
  create();
  std::vector<Prepared> blocks;
  for (int i = 0; i < 300; ++i) {
    blocks.push_back(prepare({transaction(nonce_++, {put("last", std::to_string(i + 1))})}));
    note(blocks.back());
  }
  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      std::uint64_t highest = 0;
      while (!done || highest < blocks.size()) {
        const StoreView view = store_->view();
        const std::uint64_t height = view.height().value;
        EXPECT_GE(height, highest);
        highest = height;
        EXPECT_EQ(view.tree_head(), model_.heads[height]);
        EXPECT_EQ(read_time(view).value(), view.time());
        if (height == 0) continue;
        EXPECT_EQ(read_entry(view, to_bytes("last")).value()->value,
                  to_bytes(std::to_string(height)));
        EXPECT_EQ(store_->record(Height{height}), model_.blocks[height - 1].record);
        const auto place = store_->find(model_.blocks[height - 1].results[0].id);
        EXPECT_TRUE(place && *place && (*place)->height.value == height);
        ++reads;
      }
    });
  }
  for (const Prepared& block : blocks) EXPECT_TRUE(store_->append(block.batch, block.execution));
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(reads, 0);
}

TEST_F(StoreTest, BlockOutOfOrderIsOurOwnFault) {
  create();
  const Prepared block = prepare({});
  ASSERT_TRUE(store_->append(block.batch, block.execution));
  EXPECT_DEATH((void)store_->append(block.batch, block.execution), "in order, without gaps");
}

}  // namespace
}  // namespace quorate::ledger::test
