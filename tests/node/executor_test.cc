// The executor: what is durable when the core is told, and what it is told of a checkpoint.

#include "node/executor.h"

#include <gtest/gtest.h>

#include "crypto/bcs.h"

#include "tests/ledger/example_network.h"
#include "tests/support/faulty_env.h"

namespace quorate::node {
namespace {

using namespace ledger::test;
using quorate::test::FaultyEnv;

class ExecutorTest : public testing::Test {
 protected:
  struct Seen {
    pbft::BatchExecuted executed;
    std::uint64_t syncs = 0;  // of the disk, since the start
  };

  ExecutorTest() {
    genesis_.parameters.checkpoint_interval = 4;
    store_ = ledger::Store::create("/ledger", genesis_, {&env_}).value();
  }

  // Runs empty batches and ends; `flagged` asks for a checkpoint.
  void run(std::uint64_t batches, std::uint64_t flagged = 0,
           std::optional<ledger::StableCheckpoint> stable = std::nullopt) {
    const std::uint64_t before = env_.syncs();
    Mempool mempool(genesis_, *store_, {}, {[](const auto&) {}, [](const auto&) {}});
    Tracker tracker;
    Executor executor(
        genesis_, *store_, mempool, tracker,
        [&](pbft::BatchExecuted executed) {
          if (executed.sequence == fail_at_) env_.stop();
          seen_.push_back({std::move(executed), env_.syncs() - before});
        },
        [this](const Error& error) { fatal_ = error.code; });
    std::vector<ledger::CertifiedBatch> work;
    for (std::uint64_t sequence = 1; sequence <= batches; ++sequence) {
      ledger::CertifiedBatch block;
      block.batch = ledger::make_batch({sequence}, {kGenesisTime.value + 1700 * sequence},
                                       sequence == flagged ? ledger::kFlagCheckpoint : 0, {});
      block.certificate = certify(genesis_, block.batch.header, {0, 1, 2});
      work.push_back(std::move(block));
    }
    executor.post({{}, std::move(work), std::move(stable)});
    executor.stop();
  }

  ledger::Genesis genesis_ = example_genesis();
  FaultyEnv env_;
  std::unique_ptr<ledger::Store> store_;
  ledger::Sequence fail_at_;  // the disk fails once this block is reported
  std::vector<Seen> seen_;
  std::string fatal_;
};

TEST_F(ExecutorTest, SyncsBeforeItReportsACheckpointAndAtNoOtherBlock) {
  run(9, 6);
  ASSERT_EQ(seen_.size(), 9U);
  std::uint64_t syncs = 0;
  for (std::uint64_t sequence = 1; sequence <= 9; ++sequence) {
    const Seen& seen = seen_[sequence - 1];
    const bool is_checkpoint = sequence % 4 == 0 || sequence == 6;
    EXPECT_EQ(seen.executed.checkpoint.has_value(), is_checkpoint) << sequence;
    if (is_checkpoint) ++syncs;
    EXPECT_EQ(seen.syncs, syncs) << sequence;
  }
  EXPECT_EQ(fatal_, "");
}

TEST_F(ExecutorTest, ReportsTheNoteAndTheEffectiveTimeInSeconds) {
  run(4);
  ASSERT_EQ(seen_.size(), 4U);
  const auto& checkpoint = seen_.back().executed.checkpoint;
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->note, store_->checkpoint_note().value());
  EXPECT_EQ(checkpoint->note, store_->own_checkpoint({4}).value());
  EXPECT_EQ(checkpoint->note.sequence, ledger::Sequence{4});
  EXPECT_EQ(checkpoint->time_seconds, kGenesisTime.value / 1000 + 6);  // 6800 ms
}

TEST_F(ExecutorTest, AReportedCheckpointSurvivesAPowerCut) {
  fail_at_ = {4};
  run(7);
  EXPECT_EQ(fatal_, "ledger-write-failed");
  const ledger::CheckpointNote note = seen_.at(3).executed.checkpoint.value().note;
  store_.reset();
  env_.cut_power(FaultyEnv::PowerCut::kLosesUnsynced);
  env_.heal();
  store_ = ledger::Store::open("/ledger", chain_id_of(genesis_), {&env_}).value();
  EXPECT_EQ(store_->height(), ledger::Height{4});
  EXPECT_EQ(store_->checkpoint_note().value(), note);
}

TEST_F(ExecutorTest, ACheckpointThatCannotBeSyncedIsNotReported) {
  env_.fail_syncs_from(0);
  run(4);
  EXPECT_EQ(fatal_, "ledger-write-failed");
  ASSERT_EQ(seen_.size(), 3U);
  for (const Seen& seen : seen_) EXPECT_FALSE(seen.executed.checkpoint);
}

TEST_F(ExecutorTest, KeepsAStableCheckpointAfterTheBlocksThatCameWithIt) {
  run(4);
  const ledger::StableCheckpoint stable =
      stabilise(seen_.back().executed.checkpoint.value().note, 6, {0, 1, 2});
  store_.reset();
  env_.remove_folder("/ledger");
  store_ = ledger::Store::create("/ledger", genesis_, {&env_}).value();
  run(4, 0, stable);
  EXPECT_EQ(fatal_, "");
  EXPECT_EQ(store_->latest_stable()->value().note, stable.note);
}

TEST_F(ExecutorTest, AStableCheckpointWithOtherRootsIsFatal) {
  run(4);
  ledger::StableCheckpoint stable;
  stable.note = seen_.back().executed.checkpoint.value().note;
  stable.note.state_root.bytes[0] ^= 1;
  store_.reset();
  env_.remove_folder("/ledger");
  store_ = ledger::Store::create("/ledger", genesis_, {&env_}).value();
  run(4, 0, stable);
  EXPECT_EQ(fatal_, "ledger-diverged");
}

TEST_F(ExecutorTest, KeepsWhatAViewBeganWithBesideTheBlocks) {
  pbft::Transcript transcript;
  transcript.new_view.body.view = {3};
  {
    Mempool mempool(genesis_, *store_, {}, {[](const auto&) {}, [](const auto&) {}});
    Tracker tracker;
    Executor executor(genesis_, *store_, mempool, tracker, [](const auto&) {},
                      [this](const Error& error) { fatal_ = error.code; });
    executor.post({{}, {}, {}, {transcript}});
    executor.stop();
  }
  EXPECT_EQ(fatal_, "");
  const auto kept =
      store_->transcript(pbft::view_vote(transcript.new_view.body).content).value();
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(*kept, crypto::encode(transcript));
}

}  // namespace
}  // namespace quorate::node
