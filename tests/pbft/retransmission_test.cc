// What a report says and what is sent again, of a log that the test makes; what the replica does
// with it is in catch_up_test.cc.

#include "pbft/retransmission.h"

#include <gtest/gtest.h>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

// Replica 1 of four in view 0, with one proposal.
struct Log {
  World world{4};
  TransactionPtr body = world.transaction();
  PrePrepare proposal = world.pre_prepare(batch_of(1, {body}));
  std::optional<StableCheckpoint> stable;
  Checkpoints checkpoints{4, 16};
  std::map<Sequence, Slot> slots;
  ViewChanges view_changes{r(1), 4};
  std::map<Digest, Transcript> transcripts;

  Log() {
    Slot& slot = slots[{1}];
    slot.proposal = proposal;
    slot.content = Content{proposal.vote.batch, proposal.batch, {body}, {}};
    slot.own_prepare = world.prepare(proposal, r(1));
  }
  [[nodiscard]] Holdings ours() const {
    return {.self = r(1), .replicas = 4, .window = 16, .epoch = {}, .view = {}, .opened_by = {},
            .slots_view = {}, .executed = {}, .committed = {}, .low = {}, .fill_to = {},
            .stable = stable, .checkpoints = checkpoints, .slots = slots,
            .view_changes = view_changes, .transcripts = transcripts};
  }
};

TEST(Retransmission, ReportSaysWhatEachSlotHas) {
  Log log;
  EXPECT_EQ(status_report(log.ours(), false).slots, std::vector<std::uint8_t>{kSlotHasProposal});
  log.slots[{1}].announced_prepared = true;
  EXPECT_EQ(status_report(log.ours(), false).slots,
            std::vector<std::uint8_t>{kSlotHasProposal | kSlotPrepared});
}

TEST(Retransmission, NothingIsResentToWhoeverHasItAll) {
  const Log log;
  EXPECT_EQ(resend(log.ours(), r(2), report_of(0), 0).size(), 2U) << "proposal and prepare";
  EXPECT_EQ(resend(log.ours(), r(2), report_of(0, {kSlotHasProposal}), 0).size(), 1U);
  const std::uint8_t all = kSlotHasProposal | kSlotPrepared | kSlotCommitted;
  EXPECT_TRUE(resend(log.ours(), r(2), report_of(0, {all}), 0).empty());
  EXPECT_TRUE(resend(log.ours(), r(2), report_of(1), 0).empty());
}

TEST(Retransmission, WhoMovesToOurViewGetsOurViewChangeUnlessItHasIt) {
  Log log;
  const ViewChange own = log.world.view_change({1}, r(1));
  ASSERT_FALSE(log.view_changes.add(own));
  Holdings ours = log.ours();
  ours.view = {1};
  ours.in_view = false;
  StatusReport theirs = status_report(ours, false);
  theirs.view_changes = {0};
  EXPECT_EQ(resend(ours, r(2), theirs, 0).size(), 1U);
  theirs.view_changes = {2};  // replica 1's
  EXPECT_TRUE(resend(ours, r(2), theirs, 0).empty());
}

TEST(Retransmission, WhatIsAskedForByNameIsAnsweredIfItIsHere) {
  Log log;
  const Digest unknown = crypto::sha256(as_bytes("unknown"));
  Ask ask{{unknown}, {unknown}, {{{1}, unknown}}};
  EXPECT_TRUE(answer(log.ours(), r(2), ask).empty());
  ask.batches.push_back({{1}, log.proposal.vote.batch});
  log.slots[{1}].kept = {*log.slots[{1}].content};
  EXPECT_EQ(answer(log.ours(), r(2), ask).size(), 1U);
}

TEST(Retransmission, BodiesComeFromProposalsAndAreThoseWanted) {
  Log log;
  const TxId unknown = log.world.transaction()->id;
  const BodySend found = bodies_of_proposals(log.slots, {r(3), {log.body->id, unknown}});
  EXPECT_EQ(found.to, r(3));
  ASSERT_EQ(found.transactions.size(), 1U);
  EXPECT_EQ(found.transactions[0]->id, log.body->id);
  EXPECT_TRUE(bodies_of_proposals(log.slots, {r(3), {unknown}}).transactions.empty());
}

}  // namespace
}  // namespace quorate::pbft::test
