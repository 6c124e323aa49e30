#include "ledger/chain_store.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/faulty_env.h"

namespace quorate::ledger {
namespace {

namespace merkle = crypto::merkle;
using quorate::test::FaultyEnv;

const Digest kRules = crypto::sha256(as_bytes("rules"));
const Digest kOwnId = crypto::sha256(as_bytes("own"));

using Numbered = std::map<std::uint64_t, std::string>;

Numbered records_of(const ChainStore& store) {
  Numbered records;
  const Status visited = store.for_each_record([&](std::uint64_t number, ByteView record) {
    records.emplace(number, as_text(record));
    return Status{};
  });
  EXPECT_TRUE(visited) << visited.error().to_string();
  return records;
}

// The i-th append: two records and a line, and the second record of the append before it goes.
ChainAppend nth(std::uint64_t i) {
  ChainAppend append;
  append.records = {to_bytes("a" + std::to_string(i)), to_bytes(std::string(300, 'b'))};
  if (i > 0) append.erased = {2 * i - 1};
  append.journal = {"line " + std::to_string(i)};
  return append;
}

class ChainStoreTest : public testing::Test {
 protected:
  std::unique_ptr<ChainStore> create() {
    return ChainStore::create("/chain", kRules, kOwnId, nth(0), {&env_}).value();
  }
  Result<std::unique_ptr<ChainStore>> open(const Digest& chain = kRules) {
    return ChainStore::open("/chain", chain, {&env_});
  }

  FaultyEnv env_;
};

TEST_F(ChainStoreTest, KeepsRecordsInTheirOrderAndLinesAsALog) {
  merkle::Frontier twin;
  {
    const auto store = create();
    for (std::uint64_t i = 1; i < 300; ++i) ASSERT_TRUE(store->append(nth(i), i % 7 == 0));
  }
  for (std::uint64_t i = 0; i < 300; ++i) {
    twin.append(merkle::leaf_hash(as_bytes("line " + std::to_string(i))));
  }
  const auto store = open().value();
  EXPECT_EQ(store->next_record(), 600U);
  const Numbered records = records_of(*store);
  EXPECT_EQ(records.size(), 301U);
  EXPECT_EQ(records.at(2), "a1");
  EXPECT_EQ(records.count(3), 0U);
  EXPECT_EQ(records.count(599), 1U);
  EXPECT_EQ(store->journal_size(), 300U);
  EXPECT_EQ(store->journal_root(), twin.root());
  EXPECT_EQ(store->journal_lines(298, 10).value(),
            (std::vector<std::string>{"line 298", "line 299"}));
  EXPECT_TRUE(store->journal_lines(300, 10)->empty());
  EXPECT_EQ(store->store_id(), kOwnId);
  EXPECT_EQ(store->journal_origin(), "quorate.chain-journal/" + kOwnId.hex());
}

TEST_F(ChainStoreTest, AnEarlierHeadOfTheJournalIsProvedToBePartOfALaterOne) {
  const auto store = create();
  std::vector<Digest> roots{merkle::empty_root(), store->journal_root()};
  for (std::uint64_t i = 1; i < 40; ++i) {
    ASSERT_TRUE(store->append(nth(i), false));
    roots.push_back(store->journal_root());
  }
  for (std::uint64_t first = 1; first <= 40; ++first) {
    const auto path = store->journal_consistency(first, 40).value();
    EXPECT_TRUE(merkle::verify_consistency(first, 40, roots[first], roots[40], path)) << first;
  }
  EXPECT_EQ(store->journal_consistency(1, 41).error().code, "merkle-out-of-range");
}

TEST_F(ChainStoreTest, ACrashAtAnyWriteLeavesABoundary) {
  for (std::uint64_t writes = 0; writes < 12; ++writes) {
    FaultyEnv env;
    const StoreOptions options{&env};
    auto store = ChainStore::create("/chain", kRules, kOwnId, nth(0), options).value();
    env.fail_appends_from(writes);
    std::uint64_t done = 1;
    while (done < 8 && store->append(nth(done), true)) ++done;
    EXPECT_EQ(store->next_record(), 2 * done);
    if (done < 8) {
      EXPECT_EQ(store->append(nth(done), true).error().code, "chain-store-stopped");
    }
    env.stop();
    store.reset();
    env.cut_power(FaultyEnv::PowerCut::kLosesUnsynced);
    env.heal();
    store = ChainStore::open("/chain", kRules, options).value();
    EXPECT_EQ(store->next_record(), 2 * done) << writes;
    EXPECT_EQ(store->journal_size(), done) << writes;
    EXPECT_EQ(records_of(*store).size(), done + 1) << writes;
  }
}

TEST_F(ChainStoreTest, APowerCutTakesWholeUnsyncedAppends) {
  for (const auto cut : {FaultyEnv::PowerCut::kLosesUnsynced, FaultyEnv::PowerCut::kLeavesZeros,
                         FaultyEnv::PowerCut::kTearsSectors}) {
    FaultyEnv env;
    const StoreOptions options{&env};
    auto store = ChainStore::create("/chain", kRules, kOwnId, nth(0), options).value();
    for (std::uint64_t i = 1; i < 4; ++i) ASSERT_TRUE(store->append(nth(i), true));
    for (std::uint64_t i = 4; i < 9; ++i) ASSERT_TRUE(store->append(nth(i), false));
    env.stop();
    store.reset();
    env.cut_power(cut);
    env.heal();
    store = ChainStore::open("/chain", kRules, options).value();
    const std::uint64_t appends = store->next_record() / 2;
    EXPECT_GE(appends, 4U);
    EXPECT_LE(appends, 9U);
    EXPECT_EQ(store->journal_size(), appends);
    EXPECT_EQ(records_of(*store).size(), appends + 1);
  }
}

TEST_F(ChainStoreTest, OthersAreRefusedByName) {
  EXPECT_EQ(open().error().code, "chain-store-missing");
  {
    const auto store = create();
    EXPECT_EQ(open().error().code, "chain-store-in-use");
  }
  EXPECT_EQ(open(kOwnId).error().code, "chain-store-other-chain");
  EXPECT_EQ(ChainStore::create("/chain", kRules, kOwnId, {}, {&env_}).error().code,
            "chain-store-exists");
}

}  // namespace
}  // namespace quorate::ledger
