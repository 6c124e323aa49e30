// The ledger store after crashes, on failing disks, and with damage anywhere.

#include <gtest/gtest.h>
#include <leveldb/write_batch.h>

#include <algorithm>
#include <functional>
#include <span>

#include "ledger/leveldb_open.h"
#include "ledger/store_keys.h"
#include "tests/crypto/test_folder.h"
#include "tests/ledger/store_fixture.h"
#include "tests/support/thinning.h"

namespace quorate::ledger::test {
namespace {

using Cut = quorate::test::FaultyEnv::PowerCut;

constexpr StoreWords kWords = {"test",         "missing", "exists",  "in-use",
                               "other",        "newer",   "corrupt", "unreadable",
                               "write-failed", "stopped", "rebuild"};

class DamagedStore : public StoreTest {
 protected:
  // A closed ledger of this many blocks, the earlier ones in tables, the last few in the log.
  void fill(int blocks) {
    create();
    for (int i = 1; i <= blocks; ++i) {
      append(any_transactions());
      if (model_.is_checkpoint.back()) {
        ASSERT_TRUE(store_->put_stable({note_at(model_.blocks.size()), 0, {}}));
      }
      if (i % 7 == 0 && i + 4 < blocks) reopen();
    }
    store_.reset();
  }

  // Opens a copy of the ledger in which one file holds other bytes, and closes it again.
  void with_copy(const std::string& file, const std::string& bytes,
                 const std::function<void(const Result<std::unique_ptr<Store>>&)>& judge) {
    env_.copy_folder("/ledger", "/copy");
    env_.write("/copy" + file.substr(7), bytes);
    judge(open("/copy"));
    env_.remove_folder("/copy");
    for (int n = 1; n < 3; ++n) env_.remove_folder("/copy.before-cut-" + std::to_string(n));
  }

  // Changes values behind the store's back, with good checksums.
  void rewrite(const std::function<void(LevelDb&, leveldb::WriteBatch&)>& change) {
    const auto database = LevelDb::open("/ledger", kWords, {&env_});
    ASSERT_TRUE(database) << database.error().to_string();
    leveldb::WriteBatch batch;
    change(**database, batch);
    ASSERT_TRUE((*database)->write(batch, true));
  }
  template <class T>
  void put(const Bytes& key, const T& value) {
    rewrite([&](LevelDb&, leveldb::WriteBatch& batch) {
      batch.Put(as_slice(key), as_slice(crypto::encode(value)));
    });
  }
  void put_raw(const Bytes& key, const Bytes& value) {
    rewrite(
        [&](LevelDb&, leveldb::WriteBatch& batch) { batch.Put(as_slice(key), as_slice(value)); });
  }
  void remove(const Bytes& key) {
    rewrite([&](LevelDb&, leveldb::WriteBatch& batch) { batch.Delete(as_slice(key)); });
  }

  // The error names the height and the part.
  template <class T>
  static void expect_corrupt(const Result<T>& result, std::string_view part) {
    ASSERT_FALSE(result) << "the damage to " << part << " was not noticed";
    EXPECT_EQ(result.error().code, "ledger-corrupt");
    EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().next.find("rebuild"), std::string::npos);
  }
};

TEST_F(DamagedStore, LogCutAtAnyByteOpensAtABlock) {
  create();
  std::vector<std::size_t> sizes;  // of the log after the genesis and after each block
  const std::string log = env_.newest_log("/ledger");
  sizes.push_back(env_.read(log).size());
  for (int i = 0; i < 14; ++i) {
    append(any_transactions());
    sizes.push_back(env_.read(log).size());
  }
  store_.reset();
  const std::string bytes = env_.read(log);
  std::vector<std::size_t> cuts = sizes;
  for (const std::size_t size : sizes) cuts.insert(cuts.end(), {size - 1, size - 2, size - 9});
  constexpr std::size_t kStep = std::size_t{23} * quorate::test::kStride;
  for (std::size_t size = sizes[0]; size < bytes.size(); size += kStep) cuts.push_back(size);
  cuts.erase(std::remove_if(cuts.begin(), cuts.end(), [&](auto cut) { return cut < sizes[0]; }),
             cuts.end());
  for (const std::size_t size : cuts) {
    with_copy(log, bytes.substr(0, size), [&](const auto& opened) {
      ASSERT_TRUE(opened) << size << ": " << opened.error().to_string();
      const auto whole = std::prev(std::upper_bound(sizes.begin(), sizes.end(), size));
      ASSERT_EQ((*opened)->height().value, whole - sizes.begin()) << size;
      ASSERT_EQ((*opened)->dropped_tails().empty(), *whole == size) << size;
      ASSERT_EQ(difference(**opened), "") << size;
    });
  }
}

TEST_F(DamagedStore, PowerCutLeavesABlockBoundaryAtOrAboveTheLastSync) {
  for (const Cut cut : {Cut::kLosesUnsynced, Cut::kLeavesZeros, Cut::kTearsSectors}) {
    for (int unsynced = 0; unsynced < 8; ++unsynced) {
      create();
      for (int i = 0; i < 6; ++i) append(any_transactions());
      ASSERT_TRUE(store_->sync());
      for (int i = 0; i < unsynced; ++i) append(any_transactions());
      env_.stop();
      store_.reset();
      env_.cut_power(cut);
      env_.heal();
      reopen();
      EXPECT_GE(store_->height().value, 6U);
      EXPECT_EQ(difference(*store_), "");
      store_.reset();
      for (const char* used : {"/ledger", "/ledger.before-cut-1"}) env_.remove_folder(used);
      forget();
    }
  }
}

TEST_F(DamagedStore, ZeroTailIsRecoveredReportedAndTheLedgerGoesOn) {
  fill(12);
  const std::string log = env_.newest_log("/ledger");
  std::string bytes = env_.read(log);
  ASSERT_GT(bytes.size(), 1024U);
  const std::size_t size = bytes.size();
  bytes.resize(1024);
  bytes.resize(size, '\0');
  with_copy(log, bytes, [&](const auto& opened) {
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_LT((*opened)->height().value, 12U);
    EXPECT_EQ(difference(**opened), "");
    ASSERT_EQ((*opened)->dropped_tails().size(), 1U);
    EXPECT_EQ((*opened)->dropped_tails()[0].original_folder, "/copy.before-cut-1");
    EXPECT_EQ(env_.read("/copy.before-cut-1" + log.substr(7)), bytes);
  });
}

TEST_F(DamagedStore, NoBitOfAnyFileFlipsUnnoticed) {
  fill(30);
  std::map<std::string, int> refused;
  int harmless = 0;
  for (const std::string& file : env_.files("/ledger")) {
    const std::string bytes = env_.read(file);
    const std::size_t bits = bytes.size() * 8;
    for (std::size_t bit = 0; bit < bits; bit += std::max<std::size_t>(1, bits / 100)) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      with_copy(file, flipped, [&](const auto& opened) {
        const std::string found = opened ? difference(**opened) : std::string(opened.error().code);
        if (found.empty()) {
          ASSERT_EQ((*opened)->height(), Height{30}) << file << " bit " << bit;
          ASSERT_EQ((*opened)->latest_stable()->value().note, note_at(28))
              << file << " bit " << bit;
          ++harmless;
          return;
        }
        ASSERT_TRUE(found == "ledger-corrupt" || found == "ledger-unreadable")
            << file << " bit " << bit << ": " << found;
        ++refused[file];
      });
    }
  }
  EXPECT_GE(refused.size(), 5U);  // CURRENT, MANIFEST, log, and tables
  EXPECT_LT(harmless, 60);        // padding, and overwritten values that nobody asks for
}

TEST_F(DamagedStore, MissingFilesNeverMakeAnEmptyLedger) {
  fill(12);
  for (const std::string& file : env_.files("/ledger")) {
    env_.copy_folder("/ledger", "/copy");
    ASSERT_TRUE(env_.RemoveFile("/copy" + file.substr(7)).ok());
    EXPECT_EQ(refusal_of("/copy"), file.ends_with("CURRENT") ? "ledger-missing" : "ledger-corrupt")
        << file;
    env_.remove_folder("/copy");
  }
}

TEST_F(DamagedStore, RefusesWhatIsNotItsOwn) {
  EXPECT_EQ(refusal_of("/ledger"), "ledger-missing");
  create();
  EXPECT_EQ(refusal_of("/ledger"), "ledger-in-use");
  store_.reset();
  EXPECT_EQ(refusal(Store::create("/ledger", genesis_, {&env_})), "ledger-exists");
  EXPECT_EQ(refusal(Store::open("/ledger", Digest{}, {&env_})), "ledger-other-chain");
  const auto identify = [&](std::uint32_t format) {
    rewrite([&](LevelDb&, leveldb::WriteBatch& batch) {
      put_identity(batch, {format, chain_, {}});
    });
  };
  identify(kLedgerFormat + 1);
  EXPECT_EQ(refusal_of("/ledger"), "ledger-newer-format");
  identify(kLedgerFormat);
  EXPECT_EQ(refusal_of("/ledger"), "none");
}

TEST_F(DamagedStore, WorksOnARealDisk) {
  const crypto::test::TestFolder folder;
  const std::string path = folder.path("ledger");
  {
    auto made = Store::create(path, genesis_);
    ASSERT_TRUE(made) << made.error().to_string();
    store_ = std::move(*made);
    for (int i = 0; i < 10; ++i) append(any_transactions());
    ASSERT_TRUE(store_->sync());
    EXPECT_EQ(refusal(Store::open(path, chain_)), "ledger-in-use");
    store_.reset();
  }
  EXPECT_EQ(refusal(Store::create(path, genesis_)), "ledger-exists");
  const auto opened = Store::open(path, chain_);
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ((*opened)->height(), Height{10});
  EXPECT_EQ(difference(**opened), "");
}

TEST_F(DamagedStore, FailedAppendStopsItAndShowsNothing) {
  for (const bool syncs : {false, true}) {
    create();
    for (int i = 0; i < 5; ++i) append(any_transactions());
    const Prepared block = prepare({transaction(nonce_, {test::put("half", "written")})});
    syncs ? env_.fail_syncs_from(0) : env_.fail_appends_from(0);
    if (syncs) {
      EXPECT_EQ(refusal(store_->sync()), "ledger-write-failed");
    } else {
      EXPECT_EQ(refusal(store_->append(block.batch, block.execution)), "ledger-write-failed");
    }
    env_.heal();
    EXPECT_EQ(refusal(store_->append(block.batch, block.execution)), "ledger-stopped");
    EXPECT_EQ(refusal(store_->sync()), "ledger-stopped");
    EXPECT_EQ(store_->height(), Height{5});
    EXPECT_EQ(read_entry(*store_, to_bytes("half")).value(), std::nullopt);
    EXPECT_EQ(store_->find(block.batch.batch.ids[0]).value(), std::nullopt);
    EXPECT_EQ(difference(*store_), "");
    reopen();  // the torn record is dropped
    EXPECT_EQ(store_->height(), Height{5});
    EXPECT_EQ(difference(*store_), "");
    append(any_transactions());
    store_.reset();
    env_.remove_folder("/ledger");
    forget();
  }
}

TEST_F(DamagedStore, CreationThatFailedIsNotALedger) {
  for (std::uint64_t step = 0; step < 10; ++step) {
    env_.fail_syncs_from(step);
    const auto made = Store::create("/ledger", genesis_, {&env_});
    env_.heal();
    if (made) return;
    EXPECT_TRUE(refusal(made) == "ledger-unreadable" || refusal(made) == "ledger-write-failed");
    const auto found = refusal_of("/ledger");
    EXPECT_TRUE(found == "ledger-missing" || found == "ledger-corrupt" || found == "none") << found;
    if (found == "none") {
      EXPECT_EQ(difference(**open("/ledger")), "");
    }
    env_.remove_folder("/ledger");
  }
  FAIL() << "creation never came to its end";
}

// --- values that were changed behind the store's back, with good checksums -----------------------

TEST_F(DamagedStore, RecordThatIsNotTheLeafIsNotServed) {
  fill(12);
  Record forged = model_.blocks[4].record;
  forged.effective_time = next(forged.effective_time);
  put(keys::record(Height{5}), forged);
  reopen();
  expect_corrupt(store_->record(Height{5}), "the record of height 5");
  expect_corrupt(store_->block(Height{5}), "the record of height 5");
  expect_corrupt(store_->certificate(Height{5}), "the record of height 5");
  EXPECT_TRUE(store_->block(Height{6}));
}

TEST_F(DamagedStore, RecordOfAnotherHeightIsNotServed) {
  fill(12);
  rewrite([&](LevelDb&, leveldb::WriteBatch& batch) {
    batch.Put(as_slice(keys::record(Height{5})), as_slice(crypto::encode(model_.blocks[5].record)));
    batch.Put(as_slice(keys::node({0, 4})), as_slice(model_.leaves[5].bytes));
  });
  reopen();
  expect_corrupt(store_->record(Height{5}), "the record of height 5");
}

TEST_F(DamagedStore, PartsThatDoNotFitTheRecordAreNotServed) {
  fill(12);
  std::uint64_t height = 1;  // of a block with transactions
  while (model_.blocks[height - 1].transactions.size() < 2) ++height;
  const StoredBlock& good = model_.blocks[height - 1];
  const Height at{height};
  const std::string where = " of height " + std::to_string(height);

  CommitCertificate certificate = good.certificate;
  certificate.batch = crypto::sha256(as_bytes("another batch"));
  put(keys::certificate(at), certificate);
  reopen();
  expect_corrupt(store_->certificate(at), "the certificate" + where);
  expect_corrupt(store_->block(at), "the certificate" + where);
  store_.reset();
  put(keys::certificate(at), good.certificate);

  std::vector<TxResult> results = good.results;
  results[0].failed_operation = 9;
  put(keys::results(at), results);
  reopen();
  expect_corrupt(store_->block(at), "the results" + where);
  store_.reset();
  put(keys::results(at), good.results);

  SignedTransaction transaction = good.transactions[1];
  transaction.body.nonce += 5000;
  put(keys::transaction(at, 1), transaction);
  reopen();
  expect_corrupt(store_->block(at), "the list of transactions" + where);
  store_.reset();
  remove(keys::transaction(at, 1));
  reopen();
  expect_corrupt(store_->block(at), "the transaction 1" + where);
  store_.reset();
  put(keys::transaction(at, 1), good.transactions[1]);

  reopen();
  EXPECT_EQ(difference(*store_), "");
}

TEST_F(DamagedStore, MissingAndUndecodableValuesAreNamed) {
  fill(12);
  put_raw(keys::record(Height{2}), {1, 2, 3});
  remove(keys::record(Height{3}));
  put_raw(keys::writes(Height{4}), {0xff});
  put_raw(keys::node({0, 4}), {1, 2, 3});
  const TxId somewhere{crypto::sha256(as_bytes("an id"))};
  put(keys::location(somewhere), TxLocation{Height{99}, 0});
  put_raw(keys::nonce_owner(public_key_of("carol"), 3), {1});
  reopen();
  expect_corrupt(store_->record(Height{2}), "the record of height 2 does not decode");
  expect_corrupt(store_->record(Height{3}), "the record of height 3 is missing");
  expect_corrupt(store_->writes(Height{4}), "the list of writes of height 4");
  expect_corrupt(store_->record(Height{5}), "node 4 of level 0");
  expect_corrupt(store_->inclusion_path(Height{6}, 12), "node 4 of level 0");
  expect_corrupt(store_->find(somewhere), "none of the log");
  expect_corrupt(store_->nonce_owner(public_key_of("carol"), 3), "the owner of nonce 3");
}

TEST_F(DamagedStore, PathThatDoesNotLeadToTheRootIsNotServed) {
  fill(12);
  const Digest wrong = crypto::sha256(as_bytes("wrong"));
  put_raw(keys::node({1, 0}), {wrong.bytes.begin(), wrong.bytes.end()});
  reopen();
  expect_corrupt(store_->inclusion_path(Height{3}, 12), "the inclusion path of height 3");
  EXPECT_TRUE(store_->inclusion_path(Height{1}, 12));  // needs its sibling, not its parent
}

TEST_F(DamagedStore, UpperNodesOfTheLogAreNamedOrRefusedToo) {
  fill(300);
  const Digest wrong = crypto::sha256(as_bytes("wrong"));
  const auto digest_of = [this](std::size_t first, std::size_t count) {
    return crypto::merkle::root(std::span(model_.leaves).subspan(first, count));
  };
  remove(keys::node({6, 2}));
  put_raw(keys::node({6, 1}), {1, 2, 3});
  put_raw(keys::node({6, 3}), {wrong.bytes.begin(), wrong.bytes.end()});
  put_raw(keys::node({6, 4}), {wrong.bytes.begin(), wrong.bytes.end()});  // not complete before 320
  reopen();
  for (int twice = 0; twice < 2; ++twice) {
    expect_corrupt(store_->inclusion_path(Height{1}, 300), "node 1 of level 6");
    expect_corrupt(store_->inclusion_path(Height{256}, 300), "node 2 of level 6");
    expect_corrupt(store_->inclusion_path(Height{129}, 300), "the inclusion path of height 129");
    const auto good = store_->inclusion_path(Height{65}, 300);  // beside node 0 of level 6
    ASSERT_TRUE(good) << good.error().to_string();
    EXPECT_EQ((*good)[6], digest_of(0, 64));
  }
  for (int i = 300; i < 330; ++i) append(any_transactions());  // and is written when it is
  const auto grown = store_->inclusion_path(Height{330}, 330);
  ASSERT_TRUE(grown) << grown.error().to_string();
  EXPECT_EQ(grown->at(grown->size() - 2), digest_of(256, 64));
}

TEST_F(DamagedStore, HeadThatDoesNotFitTheLogIsRefused) {
  fill(12);
  const auto with_head = [&](const std::function<void(StoredHead&)>& change) {
    StoredHead head;
    for (const Digest& leaf : model_.leaves) head.frontier.append(leaf);
    head.height = Height{12};
    head.time = model_.blocks.back().record.effective_time;
    head.root = head.frontier.root();
    change(head);
    put(keys::head(), head);
    return open("/ledger");
  };
  const Digest wrong = crypto::sha256(as_bytes("wrong"));
  EXPECT_TRUE(with_head([](StoredHead&) {}));
  expect_corrupt(with_head([&](StoredHead& head) { head.root = wrong; }), "the head");
  expect_corrupt(with_head([&](StoredHead& head) { head.height = Height{11}; }), "the head");
  expect_corrupt(with_head([&](StoredHead& head) { head.frontier.nodes.pop_back(); }), "the head");
  expect_corrupt(with_head([&](StoredHead& head) { head.time = next(head.time); }), "the time");
  expect_corrupt(with_head([&](StoredHead& head) {
                   head.frontier.append(wrong);  // a leaf that nobody stored
                   head.root = head.frontier.root();
                   head.height = Height{13};
                 }),
                 "node 12 of level 0");
  expect_corrupt(with_head([&](StoredHead& head) {
                   head.frontier.nodes[0] = wrong;
                   head.root = head.frontier.root();
                 }),
                 "node 0 of level 3");
  put_raw(keys::head(), {7});
  expect_corrupt(open("/ledger"), "the head does not decode");
  remove(keys::head());
  expect_corrupt(open("/ledger"), "the head is missing");
}

}  // namespace
}  // namespace quorate::ledger::test
