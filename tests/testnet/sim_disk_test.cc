#include <gtest/gtest.h>

#include "testnet/sim_disk.h"
#include "testnet/sim_world.h"

namespace quorate::testnet {
namespace {

using ledger::CertifiedBatch;
using ledger::Execution;

const SimWorld& world() {
  static const SimWorld kWorld(4, {}, 1);
  return kWorld;
}

std::vector<ledger::VoteRecord> record(std::uint8_t name) { return {{{'v', name}, {name}}}; }

bool has(const VoteDisk& disk, std::uint8_t name) {
  return disk.get(Bytes{'v', name}).value().has_value();
}

void write(VoteDisk& disk, std::uint8_t name) {
  ASSERT_TRUE(disk.begin_write(record(name)).has_value());
  ASSERT_TRUE(disk.finish_write().has_value());
}

TEST(SimVotes, FinishedWriteSurvivesEveryCrash) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto disk = memory_votes(world().chain_id());
    write(*disk, 1);
    Prng dice(seed);
    disk->crash(seed % 2 == 0 ? CrashKind::kPower : CrashKind::kProcess, dice);
    EXPECT_TRUE(has(*disk, 1));
    EXPECT_EQ(disk->age(), ledger::StoreAge::kCurrent);
  }
}

TEST(SimVotes, InterruptedWriteIsWholeOrAbsent) {
  int kept = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto disk = memory_votes(world().chain_id());
    auto both = record(1);
    both.push_back(record(2)[0]);
    ASSERT_TRUE(disk->begin_write(both).has_value());
    EXPECT_FALSE(has(*disk, 1)) << "not durable yet";
    Prng dice(seed);
    disk->crash(CrashKind::kPower, dice);
    EXPECT_EQ(has(*disk, 1), has(*disk, 2));
    kept += has(*disk, 1) ? 1 : 0;
  }
  EXPECT_GT(kept, 0);
  EXPECT_LT(kept, 40);
}

TEST(SimVotes, ErasureMayComeUndoneUntilTheNextWrite) {
  int back = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto disk = memory_votes(world().chain_id());
    write(*disk, 1);
    disk->erase({{'v', 1}});
    EXPECT_FALSE(has(*disk, 1));
    Prng dice(seed);
    disk->crash(CrashKind::kPower, dice);
    back += has(*disk, 1) ? 1 : 0;
    disk->erase({{'v', 1}});
    write(*disk, 2);
    disk->crash(CrashKind::kPower, dice);
    EXPECT_FALSE(has(*disk, 1));
  }
  EXPECT_GT(back, 0);
  EXPECT_LT(back, 40);
}

TEST(SimVotes, RefusalIsFinalUntilTheNextLife) {
  const auto disk = memory_votes(world().chain_id());
  disk->faults.syncs_fail = true;
  ASSERT_TRUE(disk->begin_write(record(1)).has_value());
  EXPECT_EQ(disk->finish_write().error().code, "vote-store-write-failed");
  disk->faults = {};
  Prng dice(1);
  disk->crash(CrashKind::kProcess, dice);
  write(*disk, 2);
  disk->faults.is_full = true;
  EXPECT_EQ(disk->begin_write(record(3)).error().code, "vote-store-write-failed");
  disk->faults = {};
  EXPECT_EQ(disk->begin_write(record(3)).error().code, "vote-store-stopped");
}

TEST(SimVotes, GuardTellsAnOldCopyAndAnEmptyStore) {
  const auto disk = memory_votes(world().chain_id());
  disk->copy();
  write(*disk, 1);
  disk->restore_copy();
  EXPECT_EQ(disk->age(), ledger::StoreAge::kOlder);
  const auto other = memory_votes(world().chain_id());
  write(*other, 1);
  other->wipe();
  EXPECT_EQ(other->age(), ledger::StoreAge::kOlder);
}

struct Block {
  CertifiedBatch batch;
  Execution execution;
};

// The next block of that ledger, with one transaction.
Block next_block(const LedgerDisk& ledger) {
  const std::uint64_t sequence = ledger.height().value + 1;
  const auto transaction = world().sign(
      0, sequence, {SimWorld::kStart.value + 1000},
      {ledger::Put{to_bytes("key"), to_bytes(std::to_string(sequence)), std::nullopt}});
  Block block;
  block.batch.batch =
      ledger::make_batch({sequence}, {SimWorld::kStart.value + sequence}, 0, {transaction->id});
  block.batch.certificate.sequence = {sequence};
  block.batch.transactions = {transaction};
  block.execution =
      ledger::execute(block.batch.batch.header, block.batch.transactions, world().genesis(), ledger)
          .value();
  return block;
}

TEST(SimLedger, PowerCutKeepsAPrefixThatHoldsWhatWasSynced) {
  std::set<std::uint64_t> heights;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto disk = memory_ledger(world().genesis());
    std::vector<ledger::TreeHead> heads = {disk->tree_head()};
    for (int i = 0; i < 6; ++i) {
      const Block block = next_block(*disk);
      ASSERT_TRUE(disk->append(block.batch, block.execution).has_value());
      heads.push_back(disk->tree_head());
      if (i == 2) {
        ASSERT_TRUE(disk->sync().has_value());
      }
    }
    Prng dice(seed);
    disk->crash(CrashKind::kProcess, dice);
    EXPECT_EQ(disk->height().value, 6U);
    disk->crash(CrashKind::kPower, dice);
    const std::uint64_t height = disk->height().value;
    heights.insert(height);
    ASSERT_GE(height, 3U);
    EXPECT_EQ(disk->tree_head(), heads[height]);
    EXPECT_EQ(ledger::read_entry(*disk, to_bytes("key")).value()->value,
              to_bytes(std::to_string(height)));
    EXPECT_EQ(ledger::read_nonces(*disk, world().client_key(0)).value().highest, height);
    // And it goes on from there as if nothing had been.
    const Block block = next_block(*disk);
    ASSERT_TRUE(disk->append(block.batch, block.execution).has_value());
    EXPECT_TRUE(disk->find(block.batch.batch.ids[0]).value().has_value());
    EXPECT_TRUE(height == 6 || disk->tree_head() == heads[height + 1]);
  }
  EXPECT_EQ(heights, (std::set<std::uint64_t>{3, 4, 5, 6}));
}

TEST(SimLedger, FullDiskTakesNoBlock) {
  const auto disk = memory_ledger(world().genesis());
  const Block block = next_block(*disk);
  disk->faults.is_full = true;
  EXPECT_EQ(disk->append(block.batch, block.execution).error().code, "ledger-write-failed");
  EXPECT_EQ(disk->height().value, 0U);
}

TEST(SimLedger, FlippedBitIsDamageUntilTheLedgerBeginsAnew) {
  const auto disk = memory_ledger(world().genesis());
  Prng dice(1);
  disk->flip(dice);
  EXPECT_FALSE(disk->is_damaged());  // there is nothing to flip
  const Block block = next_block(*disk);
  ASSERT_TRUE(disk->append(block.batch, block.execution).has_value());
  disk->flip(dice);
  EXPECT_TRUE(disk->is_damaged());
  disk->wipe();
  EXPECT_FALSE(disk->is_damaged());
}

TEST(SimVotes, FlippedBitIsDamageUntilTheStoreIsReplaced) {
  const auto disk = memory_votes(world().chain_id());
  ASSERT_TRUE(disk->begin_write({{to_bytes("key"), to_bytes("value")}}).has_value());
  ASSERT_TRUE(disk->finish_write().has_value());
  EXPECT_FALSE(disk->is_damaged());
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Prng dice(seed);
    disk->copy();
    disk->flip(dice);
    EXPECT_TRUE(disk->is_damaged()) << seed;
    disk->restore_copy();
    EXPECT_FALSE(disk->is_damaged()) << seed;
  }
}

}  // namespace
}  // namespace quorate::testnet
