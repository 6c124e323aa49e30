// Checkpoints in the ledger store: the state root, the notes of own checkpoints, and the stable
// certificates that a quorum made.

#include <gtest/gtest.h>
#include <leveldb/write_batch.h>

#include <atomic>
#include <thread>

#include "ledger/leveldb_open.h"
#include "ledger/store_keys.h"
#include "tests/ledger/store_fixture.h"

namespace quorate::ledger::test {
namespace {

using Cut = quorate::test::FaultyEnv::PowerCut;

constexpr StoreWords kWords = {"test",         "missing", "exists",  "in-use",
                               "other",        "newer",   "corrupt", "unreadable",
                               "write-failed", "stopped", "rebuild"};

class StoreCheckpointTest : public StoreTest {
 protected:
  void fill(int blocks) {
    for (int i = 0; i < blocks; ++i) append(any_transactions());
  }
  void append_prepared(const Prepared& block) {
    const Status appended = store_->append(block.batch, block.execution);
    ASSERT_TRUE(appended) << appended.error().to_string();
    note(block);
  }

  // What three replicas cosigned at this height of the model.
  StableCheckpoint stable_at(std::uint64_t height,
                             const std::vector<std::uint16_t>& voters = {0, 1, 2}) const {
    return stabilise(note_at(height), 1'700'000'000 + height, voters);
  }
  // The sequence of what was found, 0 if nothing was.
  static std::uint64_t sequence_of(const Result<std::optional<StableCheckpoint>>& found) {
    EXPECT_TRUE(found) << found.error().to_string();
    return found && *found ? (*found)->note.sequence.value : 0;
  }

  // Changes a value behind the store's back, with a good checksum.
  void rewrite(const Bytes& key, const Bytes& value, const std::string& folder = "/ledger") {
    store_.reset();
    const auto database = LevelDb::open(folder, kWords, {&env_}).value();
    leveldb::WriteBatch batch;
    batch.Put(as_slice(key), as_slice(value));
    ASSERT_TRUE(database->write(batch, true));
  }
  template <class T>
  static void expect_corrupt(const Result<T>& result, std::string_view part) {
    ASSERT_EQ(refusal(result), "ledger-corrupt");
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
  }
};

TEST(StoreCheckpointKeys, HaveTheDocumentedForm) {
  EXPECT_EQ(to_hex(keys::own_checkpoint(Height{258})), "6b0000000000000102");
  EXPECT_EQ(to_hex(keys::stable(Height{1})), "710000000000000001");
}

TEST_F(StoreCheckpointTest, TheNoteIsThatOfTheHead) {
  create();
  for (int height = 0; height < 40; ++height) {
    if (height % 7 == 6) reopen();
    EXPECT_EQ(store_->checkpoint_note().value(), note_at(model_.blocks.size()));
    append(any_transactions());
  }
  EXPECT_EQ(store_->checkpoint_note().value().chain_id, chain_);
  EXPECT_EQ(store_->checkpoint_note().value().sequence, Sequence{40});
}

TEST_F(StoreCheckpointTest, TheNotesOfOwnCheckpointsAreKept) {
  create();
  fill(4);
  append_prepared(prepare({}, 1000, kFlagCheckpoint));
  append_prepared(prepare({}, 999, kFlagCheckpoint));  // too early
  fill(6);
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    for (std::uint64_t height = 1; height <= 12; ++height) {
      const auto own = store_->own_checkpoint(Height{height});
      ASSERT_TRUE(own) << own.error().to_string();
      const bool is_one = height % 4 == 0 || height == 5;
      EXPECT_EQ(*own, is_one ? std::optional(note_at(height)) : std::nullopt) << height;
    }
    EXPECT_EQ(refusal(store_->own_checkpoint(Height{0})), "block-not-found");
    EXPECT_EQ(refusal(store_->own_checkpoint(Height{13})), "block-not-found");
  }
}

TEST_F(StoreCheckpointTest, ABlockThatFailedLeavesNoTraceInTheTree) {
  create();
  fill(7);
  const Prepared block = prepare({transaction(nonce_, {put("half", "written")})});
  ASSERT_TRUE(block.execution.is_checkpoint);
  env_.fail_appends_from(0);
  EXPECT_EQ(refusal(store_->append(block.batch, block.execution)), "ledger-write-failed");
  env_.heal();
  EXPECT_EQ(store_->checkpoint_note().value(), note_at(7));
  EXPECT_EQ(difference(*store_), "");
}

TEST_F(StoreCheckpointTest, ANoteIsOfOneMomentWhileOneAppends) {
  create();
  std::vector<Prepared> blocks;
  for (int i = 0; i < 300; ++i) {
    blocks.push_back(prepare({transaction(nonce_++, {put("last", std::to_string(i))})}));
    note(blocks.back());
  }
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      std::uint64_t height = 0;
      while (!done || height < blocks.size()) {
        const CheckpointNote seen = store_->checkpoint_note().value();
        EXPECT_GE(seen.sequence.value, height);
        height = seen.sequence.value;
        EXPECT_EQ(seen, note_at(height));
        EXPECT_TRUE(store_->latest_stable());
      }
    });
  }
  for (const Prepared& block : blocks) {
    EXPECT_TRUE(store_->append(block.batch, block.execution));
    const std::uint64_t height = block.batch.batch.header.sequence.value;
    if (height % 4 != 0) continue;
    EXPECT_TRUE(store_->put_stable(stable_at(height)));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

// --- stable certificates -------------------------------------------------------------------------

TEST_F(StoreCheckpointTest, TheFirstStableCheckpointThatCoversAHeightIsFound) {
  create();
  EXPECT_EQ(sequence_of(store_->latest_stable()), 0U);
  EXPECT_EQ(sequence_of(store_->stable_at_or_above(Height{0})), 0U);
  fill(13);
  ASSERT_TRUE(store_->put_stable(stable_at(12)));  // in any order
  ASSERT_TRUE(store_->put_stable(stable_at(4)));
  for (const bool reopened : {false, true}) {
    if (reopened) reopen();
    EXPECT_EQ(sequence_of(store_->latest_stable()), 12U);
    for (std::uint64_t height = 0; height <= 14; ++height) {
      EXPECT_EQ(sequence_of(store_->stable_at_or_above(Height{height})),
                height <= 4    ? 4U
                : height <= 12 ? 12U
                               : 0U)
          << height;
    }
    EXPECT_EQ(crypto::encode(store_->stable_at_or_above(Height{5})->value()),
              crypto::encode(stable_at(12)));
    EXPECT_EQ(sequence_of(store_->stable_at_or_above(Height{UINT64_MAX})), 0U);
  }
}

TEST_F(StoreCheckpointTest, TheFirstCertificateOfASequenceStays) {
  create();
  fill(4);
  ASSERT_TRUE(store_->put_stable(stable_at(4, {0, 1, 2})));
  ASSERT_TRUE(store_->put_stable(stable_at(4, {1, 2, 3})));
  EXPECT_EQ(crypto::encode(store_->latest_stable()->value()),
            crypto::encode(stable_at(4, {0, 1, 2})));
}

TEST_F(StoreCheckpointTest, ACertificateAgainstAnOwnCheckpointIsRefusedWithBothRoots) {
  create();
  fill(9);
  const Digest other = crypto::sha256(as_bytes("another root"));
  for (const std::uint64_t height : {4, 8, 9}) {  // 9: no checkpoint, but the head is known
    StableCheckpoint wrong = stable_at(height);
    wrong.note.state_root = other;
    Status status = store_->put_stable(wrong);
    ASSERT_EQ(refusal(status), "ledger-diverged") << height;
    EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
    for (const Digest& root : {other, note_at(height).state_root, note_at(height).head.root}) {
      EXPECT_NE(status.error().message.find(root.hex()), std::string::npos)
          << status.error().message;
    }
    wrong = stable_at(height);
    wrong.note.head.root = other;
    status = store_->put_stable(wrong);
    ASSERT_EQ(refusal(status), "ledger-diverged") << height;
    EXPECT_NE(status.error().message.find(other.hex()), std::string::npos);
    wrong = stable_at(height);
    wrong.note.pending_boundary = Sequence{99};
    EXPECT_EQ(refusal(store_->put_stable(wrong)), "ledger-diverged") << height;
  }
  EXPECT_EQ(sequence_of(store_->latest_stable()), 0U);
  append(any_transactions());  // refusing is no failure of the store
  EXPECT_EQ(difference(*store_), "");
}

TEST_F(StoreCheckpointTest, WhereNoOwnNoteIsTheLogRootDecides) {
  create();
  fill(9);
  StableCheckpoint stable = stable_at(6);
  stable.note.head.root = crypto::sha256(as_bytes("another root"));
  const Status status = store_->put_stable(stable);
  ASSERT_EQ(refusal(status), "ledger-diverged");
  EXPECT_NE(status.error().message.find(note_at(6).head.root.hex()), std::string::npos);
  EXPECT_TRUE(store_->put_stable(stable_at(6)));
}

TEST_F(StoreCheckpointTest, ACertificateAheadWaitsForTheLedger) {
  create();
  fill(3);
  const Prepared block = prepare(any_transactions());
  note(block);  // so that the model is ahead
  ASSERT_TRUE(store_->put_stable(stable_at(4)));
  EXPECT_EQ(sequence_of(store_->stable_at_or_above(Height{2})), 4U);
  // Two certificates at one sequence that differ: more than f replicas lied.
  StableCheckpoint second = stable_at(4, {1, 2, 3});
  second.note.state_root = crypto::sha256(as_bytes("another root"));
  EXPECT_EQ(refusal(store_->put_stable(second)), "ledger-diverged");
  EXPECT_TRUE(store_->append(block.batch, block.execution));
  EXPECT_EQ(difference(*store_), "");
}

TEST_F(StoreCheckpointTest, ACertificateMakesNoOwnCheckpoint) {
  create();
  fill(2);
  const Prepared block = prepare(any_transactions());
  note(block);
  ASSERT_TRUE(store_->put_stable(stable_at(3)));
  ASSERT_TRUE(store_->append(block.batch, block.execution));
  EXPECT_EQ(store_->own_checkpoint(Height{3}).value(), std::nullopt);
}

TEST_F(StoreCheckpointTest, ABlockThatContradictsACertificateIsNotAppended) {
  for (const bool reopened : {false, true}) {
    create();
    fill(2);
    const Prepared third = prepare(any_transactions());
    note(third);
    StableCheckpoint wrong = stable_at(3);  // where this ledger sees no checkpoint
    wrong.note.state_root = crypto::sha256(as_bytes("another root"));
    ASSERT_TRUE(store_->put_stable(wrong));
    ASSERT_TRUE(store_->put_stable(stable_at(1)));
    if (reopened) reopen();
    for (int attempt = 0; attempt < 2; ++attempt) {
      const Status status = store_->append(third.batch, third.execution);
      ASSERT_EQ(refusal(status), "ledger-diverged");
      EXPECT_NE(status.error().message.find(note_at(3).state_root.hex()), std::string::npos);
      EXPECT_NE(status.error().message.find(wrong.note.state_root.hex()), std::string::npos);
      EXPECT_EQ(store_->checkpoint_note().value(), note_at(2));
    }
    store_.reset();
    env_.remove_folder("/ledger");
    forget();
  }
}

TEST_F(StoreCheckpointTest, ACertificateIsDurableWithTheNextSync) {
  create();
  fill(8);
  ASSERT_TRUE(store_->put_stable(stable_at(4)));
  ASSERT_TRUE(store_->sync());
  ASSERT_TRUE(store_->put_stable(stable_at(8)));
  env_.stop();
  store_.reset();
  env_.cut_power(Cut::kLosesUnsynced);
  env_.heal();
  reopen();
  EXPECT_EQ(sequence_of(store_->latest_stable()), 4U);
  EXPECT_EQ(difference(*store_), "");
}

TEST_F(StoreCheckpointTest, AFailedWriteOfACertificateStopsTheStore) {
  create();
  fill(4);
  env_.fail_appends_from(0);
  EXPECT_EQ(refusal(store_->put_stable(stable_at(4))), "ledger-write-failed");
  env_.heal();
  EXPECT_EQ(refusal(store_->put_stable(stable_at(4))), "ledger-stopped");
  EXPECT_EQ(refusal(store_->sync()), "ledger-stopped");
}

// --- damage with good checksums ------------------------------------------------------------------

TEST_F(StoreCheckpointTest, DamagedCheckpointsAreNotServed) {
  create();
  fill(13);
  ASSERT_TRUE(store_->put_stable(stable_at(12)));
  ASSERT_TRUE(store_->put_stable(stable_at(8)));
  CheckpointNote forged = note_at(8);
  forged.head.root.bytes[0] ^= 1;
  rewrite(keys::own_checkpoint(Height{8}), crypto::encode(forged));
  rewrite(keys::own_checkpoint(Height{4}), {1, 2, 3});
  StableCheckpoint wrong = stable_at(8);
  wrong.note.head.root.bytes[0] ^= 1;
  rewrite(keys::stable(Height{8}), crypto::encode(wrong));
  reopen();
  expect_corrupt(store_->own_checkpoint(Height{4}), "the checkpoint note of height 4");
  expect_corrupt(store_->own_checkpoint(Height{8}), "the checkpoint note of height 8");
  expect_corrupt(store_->stable_at_or_above(Height{3}), "the stable checkpoint of height 8");
  expect_corrupt(store_->put_stable(stable_at(8)), "the stable checkpoint of height 8");
  EXPECT_EQ(sequence_of(store_->latest_stable()), 12U);
  rewrite(keys::stable(Height{8}), {1, 2, 3});
  rewrite(keys::stable(Height{99}), crypto::encode(stable_at(8)));
  reopen();
  expect_corrupt(store_->stable_at_or_above(Height{3}), "checkpoint of height 8 does not decode");
  EXPECT_EQ(sequence_of(store_->stable_at_or_above(Height{12})), 12U);
  expect_corrupt(store_->latest_stable(), "the stable checkpoint of height 99");
}

// Those that the versions of the state's tree rest on.
TEST_F(StoreCheckpointTest, ADamagedNewestCheckpointIsRefusedAtOpening) {
  create();
  fill(13);
  ASSERT_TRUE(store_->put_stable(stable_at(12)));
  StableCheckpoint wrong = stable_at(12);
  wrong.note.head.root.bytes[0] ^= 1;
  rewrite(keys::stable(Height{12}), crypto::encode(wrong));
  expect_corrupt(open("/ledger"), "the stable checkpoint of height 12");
  rewrite(keys::stable(Height{12}), {1, 2, 3});
  expect_corrupt(open("/ledger"), "the stable checkpoint of height 12 does not decode");
  rewrite(keys::stable(Height{12}), crypto::encode(stable_at(12)));
  reopen();
  CheckpointNote forged = note_at(12);
  forged.sequence = {11};
  rewrite(keys::own_checkpoint(Height{12}), crypto::encode(forged));
  expect_corrupt(open("/ledger"), "the checkpoint note of height 12");
  rewrite(keys::own_checkpoint(Height{12}), {1, 2, 3});
  expect_corrupt(open("/ledger"), "the checkpoint note of height 12 does not decode");
}

TEST_F(StoreCheckpointTest, WhatAViewBeganWithIsKeptAndTheFirstStays) {
  create();
  append(any_transactions());
  const Digest one = crypto::sha256(as_bytes("one"));
  ASSERT_TRUE(store_->put_transcript(one, as_bytes("transcript")));
  ASSERT_TRUE(store_->put_transcript(one, as_bytes("another")));
  append(any_transactions());
  ASSERT_TRUE(store_->sync());
  reopen();
  const auto kept = store_->transcript(one).value();
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(as_text(*kept), "transcript");
  EXPECT_FALSE(store_->transcript(crypto::sha256(as_bytes("two"))).value().has_value());
  EXPECT_EQ(difference(*store_), "");
}

}  // namespace
}  // namespace quorate::ledger::test
