// Which batches are checkpoints: every multiple of K, and flagged ones once it was quiet for C ms.

#include <gtest/gtest.h>

#include "tests/ledger/store_fixture.h"

namespace quorate::ledger {
namespace {

using namespace test;

class CheckpointRuleTest : public testing::Test {
 protected:
  CheckpointRuleTest() {
    genesis_.parameters.checkpoint_interval = 10;
    genesis_.parameters.checkpoint_quiet_ms = 1000;
  }

  // Executes an empty batch this long after genesis; whether it was a checkpoint.
  bool run(std::uint64_t sequence, std::uint64_t after_ms, std::uint32_t flags) {
    const Batch batch = (flags & kFlagNull) != 0
                            ? null_batch({sequence})
                            : make_batch({sequence}, {kGenesisTime.value + after_ms}, flags, {});
    const Execution execution = execute(batch.header, {}, genesis_, state_).value();
    EXPECT_EQ(execution.writes.contains(checkpoint_key()), execution.is_checkpoint);
    state_.apply(execution.writes);
    return execution.is_checkpoint;
  }
  CheckpointMark mark() const { return read_checkpoint_mark(state_).value(); }

  Genesis genesis_ = example_genesis();
  MapState state_{genesis_state(genesis_)};
};

TEST_F(CheckpointRuleTest, GenesisIsTheFirstMark) {
  EXPECT_EQ(mark(), (CheckpointMark{{0}, kGenesisTime}));
}

TEST_F(CheckpointRuleTest, EveryMultipleOfKIsOneWhateverTheBatchSays) {
  for (std::uint64_t sequence = 1; sequence <= 40; ++sequence) {
    const std::uint32_t flags = sequence == 20 ? kFlagNull : sequence == 30 ? kFlagCheckpoint : 0;
    EXPECT_EQ(run(sequence, sequence, flags), sequence % 10 == 0) << sequence;
    const std::uint64_t last = sequence / 10 * 10;
    EXPECT_EQ(mark().sequence.value, last);
    // A null batch inherits the time of the one before.
    EXPECT_EQ(mark().time.value, kGenesisTime.value + (last == 20 ? 19 : last));
  }
}

TEST_F(CheckpointRuleTest, AFlagCountsOnceItWasQuietForC) {
  EXPECT_FALSE(run(1, 999, kFlagCheckpoint));
  EXPECT_FALSE(run(2, 1000, 0));
  EXPECT_TRUE(run(3, 1000, kFlagCheckpoint));
  EXPECT_EQ(mark(), (CheckpointMark{{3}, {kGenesisTime.value + 1000}}));
  EXPECT_FALSE(run(4, 1999, kFlagCheckpoint));
  EXPECT_TRUE(run(5, 2000, kFlagCheckpoint));
  // One at a multiple of K is a checkpoint as well.
  EXPECT_TRUE(run(10, 2500, 0));
  EXPECT_FALSE(run(11, 3000, kFlagCheckpoint));
  EXPECT_TRUE(run(12, 3500, kFlagCheckpoint));
}

TEST_F(CheckpointRuleTest, WhatCountsIsEffectiveTime) {
  EXPECT_FALSE(run(1, 1500, 0));
  // Its own clock says 200 ms, the state's time is past C.
  EXPECT_TRUE(run(2, 200, kFlagCheckpoint));
  EXPECT_EQ(mark().time.value, kGenesisTime.value + 1500);
}

TEST_F(CheckpointRuleTest, ADamagedMarkEndsTheExecutionByName) {
  const BatchHeader header = make_batch({3}, {kGenesisTime.value + 1}, kFlagCheckpoint, {}).header;
  for (const bool is_absent : {false, true}) {
    MapState damaged = state_;
    damaged.leaves[checkpoint_key()] = {1, 2, 3};
    if (is_absent) damaged.leaves.erase(checkpoint_key());
    const auto executed = execute(header, {}, genesis_, damaged);
    ASSERT_EQ(refusal(executed), "state-malformed");
    EXPECT_NE(executed.error().message.find("0063"), std::string::npos);
    EXPECT_EQ(refusal(read_checkpoint_mark(damaged)), "state-malformed");
  }
  // A mark from the future is no reason to wrap around.
  MapState future = state_;
  future.leaves[checkpoint_key()] = crypto::encode(CheckpointMark{{1}, {UINT64_MAX}});
  EXPECT_FALSE(execute(header, {}, genesis_, future)->is_checkpoint);
}

TEST_F(CheckpointRuleTest, AgreesWithTheRuleWrittenAgain) {
  Dice dice(3);
  for (int round = 0; round < 50; ++round) {
    genesis_.parameters.checkpoint_interval = static_cast<std::uint32_t>(1 + dice.below(16));
    genesis_.parameters.checkpoint_quiet_ms = 1 + dice.below(50);
    state_ = MapState(genesis_state(genesis_));
    std::uint64_t now = 0;
    std::uint64_t last = 0;
    for (std::uint64_t sequence = 1; sequence <= 60; ++sequence) {
      const std::uint64_t proposed = now + dice.below(12);
      const std::uint32_t flags = static_cast<std::uint32_t>(dice.below(3));
      if (flags != kFlagNull) now = proposed;
      const bool expected =
          sequence % genesis_.parameters.checkpoint_interval == 0 ||
          (flags == kFlagCheckpoint && now >= last + genesis_.parameters.checkpoint_quiet_ms);
      if (expected) last = now;
      ASSERT_EQ(run(sequence, proposed, flags), expected) << round << ", " << sequence;
      ASSERT_EQ(mark().time.value, kGenesisTime.value + last);
    }
  }
}

}  // namespace
}  // namespace quorate::ledger
