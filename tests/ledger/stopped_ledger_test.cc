// A stopped node's folder is read without a change to it, and refused where it must not be read.

#include "ledger/stopped_ledger.h"

#include <gtest/gtest.h>
#include <leveldb/write_batch.h>

#include <map>

#include "ledger/store_impl.h"
#include "ledger/store_kinds.h"
#include "tests/ledger/store_fixture.h"
#include "tests/support/temporary_folder.h"

namespace quorate::ledger::test {
namespace {

using Cut = quorate::test::FaultyEnv::PowerCut;

class StoppedLedger : public StoreTest {
 protected:
  // Opened so often that LevelDB wants to compact.
  void fill(int blocks) {
    create();
    for (int i = 0; i < blocks; ++i) {
      append(any_transactions());
      if (i % 3 == 0) reopen();
    }
    store_.reset();
  }
  std::map<std::string, std::string> folder() {
    std::map<std::string, std::string> bytes;
    for (const std::string& file : env_.files("/ledger")) bytes[file] = env_.read(file);
    return bytes;
  }
  Result<StoppedStore> open_stopped(std::optional<Digest> chain = std::nullopt) {
    return open_stopped_store("/ledger", chain, {&env_});
  }
};

TEST_F(StoppedLedger, IsReadWholeAndNoByteOfItChanges) {
  fill(30);
  const auto before = folder();
  {
    const auto opened = open_stopped(chain_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_EQ(difference(*opened->store), "");
  }
  EXPECT_EQ(folder(), before);
}

TEST_F(StoppedLedger, SeveralReadItAtATimeOnDiskAndNoneWhileANodeHasIt) {
  const quorate::test::TemporaryFolder folder;
  const auto path = folder.path() / "ledger";
  auto node = Store::create(path, genesis_);
  ASSERT_TRUE(node) << node.error().to_string();
  EXPECT_EQ(refusal(open_stopped_store(path, std::nullopt)), "ledger-in-use");
  node->reset();
  const auto one = open_stopped_store(folder.path(), chain_);  // the home is good enough
  ASSERT_TRUE(one) << one.error().to_string();
  const auto other = open_stopped_store(path, chain_);
  ASSERT_TRUE(other) << other.error().to_string();
  EXPECT_EQ(other->store->tree_head(), one->store->tree_head());
}

TEST_F(StoppedLedger, CopyWithoutALockFileIsRead) {
  const quorate::test::TemporaryFolder folder;
  ASSERT_TRUE(Store::create(folder.path() / "ledger", genesis_));
  std::filesystem::remove(folder.path() / "ledger" / "LOCK");
  EXPECT_TRUE(open_stopped_store(folder.path(), std::nullopt));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "ledger" / "LOCK"));
}

TEST_F(StoppedLedger, OfAnotherChainOrNothingIsRefused) {
  EXPECT_EQ(refusal(open_stopped()), "ledger-missing");
  fill(1);
  EXPECT_EQ(refusal(open_stopped(crypto::sha256({}))), "ledger-other-chain");
}

TEST_F(StoppedLedger, OfANewerFormatIsRefused) {
  fill(1);
  {
    const auto database = LevelDb::open("/ledger", kLedgerWords, {&env_}).value();
    leveldb::WriteBatch batch;
    put_identity(batch, {kLedgerFormat + 1, chain_, {}});
    ASSERT_TRUE(database->write(batch, true));
  }
  EXPECT_EQ(refusal(open_stopped()), "ledger-newer-format");
}

TEST_F(StoppedLedger, TailThatAPowerCutLeftIsPassedOverAndStays) {
  fill(6);
  const std::string log = env_.newest_log("/ledger");
  std::string bytes = env_.read(log);
  ASSERT_GT(bytes.size(), 100U);
  // The last record torn, zeros from a sector's start on.
  const std::size_t size = (bytes.size() / 512 + 2) * 512;
  bytes.resize(bytes.size() / 512 * 512);
  bytes.resize(size, '\0');
  env_.write(log, bytes);
  const auto before = folder();
  const auto opened = open_stopped();
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ(difference(*opened->store), "");
  ASSERT_EQ(opened->store->dropped_tails().size(), 1U);
  EXPECT_EQ(folder(), before);
  EXPECT_TRUE(env_.files("/ledger.before-cut-1").empty());
}

TEST_F(StoppedLedger, KeysAreCountedByKind) {
  fill(9);
  const auto opened = open_stopped_database("/ledger", std::nullopt, {&env_});
  ASSERT_TRUE(opened) << opened.error().to_string();
  const auto uses = count_kinds(*opened->database, [](std::uint64_t) {}).value();
  std::map<std::string_view, std::uint64_t> keys;
  for (const KindUse& use : uses) keys[use.kind.name] = use.keys;
  std::uint64_t transactions = 0;
  for (const StoredBlock& block : model_.blocks) transactions += block.transactions.size();
  EXPECT_EQ(keys["records"], 9U);
  EXPECT_EQ(keys["certificates"], 9U);
  EXPECT_EQ(keys["transactions"], transactions);
  EXPECT_EQ(keys["state"], model_.states.back().leaves.size());
  EXPECT_EQ(keys["log nodes"], 9U + 4 + 2 + 1);
  EXPECT_EQ(keys["identity"], 1U);
  EXPECT_EQ(uses.size(), kStoreKinds.size());
}

}  // namespace
}  // namespace quorate::ledger::test
