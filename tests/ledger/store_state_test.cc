// The versions of the state in the ledger store: what stands beside what, what goes, and what is
// noticed.

#include <gtest/gtest.h>
#include <leveldb/write_batch.h>

#include "ledger/leveldb_open.h"
#include "ledger/store_keys.h"
#include "tests/ledger/store_fixture.h"

namespace quorate::ledger::test {
namespace {

constexpr StoreWords kWords = {"test",         "missing", "exists",  "in-use",
                               "other",        "newer",   "corrupt", "unreadable",
                               "write-failed", "stopped", "rebuild"};

class StoreStateTest : public StoreTest {
 protected:
  void fill(int blocks) {
    for (int i = 0; i < blocks; ++i) append(any_transactions());
  }
  StableCheckpoint stable_at(std::uint64_t height) const {
    return stabilise(note_at(height), 1'700'000'000 + height, {0, 1, 2});
  }
  std::uint64_t stable_height() const {
    const auto view = store_->stable_view();
    return view ? view->checkpoint().note.sequence.value : 0;
  }
  void rewrite(const std::function<void(LevelDb&, leveldb::WriteBatch&)>& change) {
    store_.reset();
    const auto database = LevelDb::open("/ledger", kWords, {&env_}).value();
    leveldb::WriteBatch batch;
    change(*database, batch);
    ASSERT_TRUE(database->write(batch, true));
  }
  // The heights in the keys of one kind.
  std::vector<std::uint64_t> stored(char kind) {
    std::vector<std::uint64_t> heights;
    rewrite([&](LevelDb& database, leveldb::WriteBatch&) {
      EXPECT_TRUE(database.for_each(static_cast<std::uint8_t>(kind), [&](ByteView key, ByteView) {
        const std::uint64_t height = keys::height_in(key).value;
        if (heights.empty() || heights.back() != height) heights.push_back(height);
        return Status{};
      }));
    });
    reopen();
    return heights;
  }
};

using Heights = std::vector<std::uint64_t>;

TEST(StoreStateKeys, HaveTheDocumentedForm) {
  EXPECT_EQ(to_hex(keys::version(Height{258})), "760000000000000102");
  EXPECT_EQ(to_hex(keys::replaced(Height{258})), "780000000000000102");
  EXPECT_EQ(to_hex(keys::page({Height{1}, {1, 0x70}})), "700000000000000001" "0170");
  EXPECT_EQ(to_hex(keys::before(Height{1}, to_bytes("k"))), "620000000000000001" "6b");
}

TEST_F(StoreStateTest, EachOwnCheckpointIsAVersionUntilANewerOneIsStable) {
  create();
  EXPECT_EQ(stored('v'), Heights{0});
  fill(14);  // checkpoints at 4, 8 and 12
  EXPECT_EQ(stored('v'), (Heights{0, 4, 8, 12}));
  EXPECT_EQ(stored('x'), (Heights{4, 8, 12}));
  EXPECT_EQ(stored('b'), (Heights{0, 4, 8, 12}));
  EXPECT_EQ(stable_height(), 0U);

  ASSERT_TRUE(store_->put_stable(stable_at(8)));
  EXPECT_EQ(stable_height(), 8U);
  EXPECT_EQ(stored('v'), (Heights{8, 12}));
  EXPECT_EQ(stored('x'), (Heights{12}));
  EXPECT_EQ(stored('b'), (Heights{8, 12}));
  EXPECT_EQ(stable_height(), 8U) << "after reopening";
  EXPECT_EQ(difference(*store_), "");

  ASSERT_TRUE(store_->put_stable(stable_at(4)));  // an older one changes nothing
  EXPECT_EQ(stable_height(), 8U);
  ASSERT_TRUE(store_->put_stable(stable_at(12)));
  EXPECT_EQ(stable_height(), 12U);
  EXPECT_EQ(stored('v'), Heights{12});
  EXPECT_EQ(difference(*store_), "");
}

TEST_F(StoreStateTest, TheStableStateStaysWhileTheHeadGoesOn) {
  create();
  for (int round = 0; round < 30; ++round) {
    fill(static_cast<int>(dice_.below(6)));
    const std::uint64_t head = model_.blocks.size();
    const std::uint64_t newest = head / 4 * 4;
    if (newest > 0 && dice_.below(2) == 0) {
      ASSERT_TRUE(store_->put_stable(stable_at(dice_.below(3) == 0 && newest > 4 ? newest - 4
                                                                                : newest)));
    }
    if (dice_.below(4) == 0) reopen();
    ASSERT_EQ(difference(*store_), "") << round;
  }
  EXPECT_GT(stable_height(), 20U);
}

TEST_F(StoreStateTest, AViewKeepsWhatANewerStableOneDrops) {
  create();
  fill(5);
  ASSERT_TRUE(store_->put_stable(stable_at(4)));
  const auto view = store_->stable_view();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->head(), Height{5});
  fill(15);
  ASSERT_TRUE(store_->put_stable(stable_at(20)));
  EXPECT_EQ(stable_height(), 20U);
  for (const auto& [key, value] : model_.states[4].leaves) {
    ASSERT_EQ(view->get(key).value(), value);
    const auto proof = view->prove(key);
    ASSERT_TRUE(proof) << proof.error().to_string();
    EXPECT_TRUE(verify_key(*proof, key, value, note_at(4).state_root));
  }
}

// Below a stable checkpoint that is ahead there is nothing to prove with, and nothing piles up.
TEST_F(StoreStateTest, WhileItCatchesUpOnlyTheNewestVersionStays) {
  create();
  std::vector<Prepared> blocks;
  for (int i = 0; i < 14; ++i) {
    blocks.push_back(prepare(any_transactions()));
    note(blocks.back());
  }
  ASSERT_TRUE(store_->put_stable(stable_at(12)));
  for (const Prepared& block : blocks) {
    ASSERT_TRUE(store_->append(block.batch, block.execution));
    const std::uint64_t height = store_->height().value;
    EXPECT_EQ(stable_height(), height < 12 ? 0U : 12U);
    if (height == 10) {
      EXPECT_EQ(stored('v'), Heights{8});
    }
  }
  EXPECT_EQ(stored('v'), Heights{12});
  EXPECT_EQ(difference(*store_), "");
}

TEST_F(StoreStateTest, ACrashAtAnyByteLeavesEveryVersionWhole) {
  create();
  const std::string log = env_.newest_log("/ledger");
  const std::size_t first = env_.read(log).size();
  for (int i = 0; i < 15; ++i) {
    append(any_transactions());
    const std::uint64_t height = model_.blocks.size();
    if (height % 4 != 2 || height < 4) continue;
    ASSERT_TRUE(store_->put_stable(stable_at(height - 2)));
  }
  store_.reset();
  const std::string bytes = env_.read(log);
  ASSERT_EQ(log, env_.newest_log("/ledger"));
  std::uint64_t last = 0;
  std::uint64_t stable = 0;
  for (std::size_t step = 0; step <= 150; ++step) {
    const std::size_t length = first + step * (bytes.size() - first) / 150;
    env_.copy_folder("/ledger", "/copy");
    env_.write("/copy" + log.substr(7), bytes.substr(0, length));
    const auto opened = open("/copy");
    ASSERT_TRUE(opened) << length << ": " << opened.error().to_string();
    ASSERT_EQ(difference(**opened), "") << length;
    EXPECT_GE((*opened)->height().value, last);
    last = (*opened)->height().value;
    const auto view = (*opened)->stable_view();
    const std::uint64_t found = view ? view->checkpoint().note.sequence.value : 0;
    EXPECT_GE(found, stable);
    stable = found;
    env_.remove_folder("/copy");
  }
  EXPECT_EQ(last, 15U);
  EXPECT_EQ(stable, 12U);
}

TEST_F(StoreStateTest, AValueThatIsNotInTheTreeIsFoundAndNotProved) {
  create();
  fill(10);
  ASSERT_TRUE(store_->put_stable(stable_at(8)));
  const Bytes bob = account_key(public_key_of("bob"));
  const Bytes epoch = epoch_key();  // no block has changed it
  const Bytes good = model_.states.back().leaves.at(epoch);
  EXPECT_TRUE(store_->check_state());
  rewrite([&](LevelDb&, leveldb::WriteBatch& batch) {
    batch.Put(as_slice(keys::state(epoch)), as_slice(crypto::encode(Epoch{7})));
  });
  reopen();
  const auto found = store_->check_state();
  EXPECT_EQ(refusal(found), "ledger-corrupt");
  EXPECT_NE(found.error().message.find(to_hex(epoch)), std::string::npos);
  EXPECT_EQ(refusal(store_->stable_view()->prove(epoch)), "ledger-corrupt");
  EXPECT_TRUE(store_->stable_view()->prove(bob));

  rewrite([&](LevelDb&, leveldb::WriteBatch& batch) {
    batch.Put(as_slice(keys::state(epoch)), as_slice(good));
    batch.Put(as_slice(keys::state(to_bytes("nobody wrote this"))), as_slice(good));
  });
  reopen();
  EXPECT_NE(store_->check_state().error().message.find("1 keys that its tree"), std::string::npos);
  rewrite([&](LevelDb&, leveldb::WriteBatch& batch) {
    batch.Delete(as_slice(keys::state(to_bytes("nobody wrote this"))));
    batch.Delete(as_slice(keys::state(epoch)));
  });
  reopen();
  EXPECT_EQ(refusal(store_->check_state()), "ledger-corrupt");
}

TEST_F(StoreStateTest, DamagedVersionsAreRefusedAndDamagedPagesNamed) {
  create();
  fill(10);
  ASSERT_TRUE(store_->put_stable(stable_at(8)));
  store_.reset();
  env_.copy_folder("/ledger", "/good");
  const auto damaged = [&](const Bytes& key, const std::optional<Bytes>& value) {
    rewrite([&](LevelDb&, leveldb::WriteBatch& batch) {
      if (value) batch.Put(as_slice(key), as_slice(*value));
      if (!value) batch.Delete(as_slice(key));
    });
    auto opened = open("/ledger");
    std::string said = opened ? std::string("opened") : opened.error().message;
    if (opened) {
      const auto note = (*opened)->checkpoint_note();
      if (!note) said = note.error().message;
    }
    opened = fail(ErrorKind::kNotFound, "closed", "", "");
    env_.remove_folder("/ledger");
    env_.copy_folder("/good", "/ledger");
    return said;
  };
  const auto expect_said = [](const std::string& said, const std::string& part) {
    EXPECT_NE(said.find(part), std::string::npos) << said;
  };
  expect_said(damaged(keys::version(Height{8}), std::nullopt), "the state's tree is missing");
  expect_said(damaged(keys::version(Height{8}), Bytes{9}), "does not decode");
  expect_said(damaged(keys::version(Height{8}), crypto::encode(StateSlot(StateHole{}))),
              "the state root of height 8 is not that of its checkpoint");
  expect_said(damaged(keys::version(Height{99}), crypto::encode(StateSlot(StateHole{}))),
              "does not decode");
  expect_said(damaged(keys::writes(Height{9}), std::nullopt), "the list of writes of height 9");
  const PageId top{Height{8}, path_of({}, 0)};
  expect_said(damaged(keys::page(top), std::nullopt), "of version 8 is missing");
  expect_said(damaged(keys::page(top), Bytes{1, 2}), "of version 8 does not decode");
  const Bytes empty = crypto::encode(StateSlots{});
  expect_said(damaged(keys::page(top), empty), "at path 00 of version 8 has");
  EXPECT_EQ(damaged(keys::version(Height{8}), [&] {
              reopen();
              return crypto::encode(store_->stable_view()->root());
            }()),
            "opened");
}

TEST_F(StoreStateTest, ALedgerWithoutTreeIsOfAnOlderFormat) {
  create();
  rewrite([&](LevelDb&, leveldb::WriteBatch& batch) {
    put_identity(batch, {1, chain_, {}});
  });
  EXPECT_EQ(refusal_of("/ledger"), "ledger-older-format");
}

}  // namespace
}  // namespace quorate::ledger::test
