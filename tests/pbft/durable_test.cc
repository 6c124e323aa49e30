// What is stored: round trips, the order of keys, and damage.

#include "pbft/durable.h"

#include <gtest/gtest.h>

#include "crypto/bcs.h"
#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

class Durable : public testing::Test {
 protected:
  Durable() : world(4), body(world.transaction()), a(at(1)) {}

  [[nodiscard]] PrePrepare at(std::uint64_t sequence, View view = {}) const {
    return world.pre_prepare(batch_of(sequence, {body}), view);
  }
  static Status restore(const ledger::VoteRecord& record, RestoredVotes& out) {
    return restore_vote(record.key, record.value, out);
  }

  World world;
  TransactionPtr body;
  PrePrepare a;
};

TEST_F(Durable, VotesComeBackAsTheyWere) {
  const Prepare prepare = world.prepare(a, r(1));
  const CommitRecord commit{world.commit(a, r(1)), world.prepared(a)};
  RestoredVotes restored;
  ASSERT_TRUE(restore(to_vote_record(ProposalRecord{a, prepare}), restored));
  ASSERT_TRUE(restore(to_vote_record(ProposalRecord{a, std::nullopt}), restored));
  ASSERT_TRUE(restore(to_vote_record(commit), restored));
  ASSERT_EQ(restored.proposals.size(), 2U);
  ASSERT_EQ(restored.commits.size(), 1U);
  EXPECT_EQ(restored.proposals[0].pre_prepare.vote, a.vote);
  EXPECT_EQ(restored.proposals[0].pre_prepare.batch.ids, a.batch.ids);
  EXPECT_EQ(restored.proposals[0].prepare->signature, prepare.signature);
  EXPECT_FALSE(restored.proposals[1].prepare);
  EXPECT_EQ(restored.commits[0].commit.signature, commit.commit.signature);
  EXPECT_EQ(restored.commits[0].prepared.prepares.size(), 2U);
}

TEST_F(Durable, BodiesAreStoredAsTheirTransaction) {
  const ledger::VoteRecord record = to_vote_record(BodyRecord{body});
  EXPECT_EQ(record.key, body_key(body->id));
  EXPECT_EQ(world.transactions().check(record.value).value()->id, body->id);
}

TEST_F(Durable, VoteKeysSortBySequenceThenEpochAndView) {
  const auto key = [&](std::uint64_t sequence, std::uint64_t view) {
    return to_vote_record(ProposalRecord{at(sequence, {view}), std::nullopt}).key;
  };
  EXPECT_LT(key(1, 300), key(2, 0));
  EXPECT_LT(key(255, 0), key(256, 0));
  EXPECT_LT(key(1, 255), key(1, 256));
  EXPECT_LT(key(1, 0), to_vote_record(CommitRecord{world.commit(a, r(1)), {}}).key);
}

TEST_F(Durable, FirstKeyAboveTheWatermarkDividesWhatIsDroppedFromWhatIsKept) {
  const auto key = [&](std::uint64_t sequence) {
    return to_vote_record(CommitRecord{world.commit(at(sequence), r(1)), {}}).key;
  };
  const Bytes first = first_keys({7}).front();
  EXPECT_LT(key(7), first);
  EXPECT_GT(key(8), first);
  const auto dropped = keys_between({}, {7});
  const auto is_dropped = [&](const Bytes& stored) {
    return std::ranges::any_of(dropped, [&](const auto& range) {
      return range.first <= stored && stored < range.second;
    });
  };
  EXPECT_TRUE(is_dropped(key(7)));
  EXPECT_FALSE(is_dropped(key(8)));
  EXPECT_FALSE(is_dropped(body_key(body->id)));
}

TEST_F(Durable, DamagedRecordIsNamedByItsKey) {
  ledger::VoteRecord record = to_vote_record(ProposalRecord{a, std::nullopt});
  RestoredVotes restored;
  ledger::VoteRecord cut = record;
  cut.value.pop_back();
  const Status error = restore(cut, restored);
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, "vote-record-malformed");
  EXPECT_NE(error.error().message.find(to_hex(record.key)), std::string::npos);
  EXPECT_TRUE(restored.proposals.empty());
}

TEST_F(Durable, RecordUnderAnotherKeyThanItsOwnIsRefused) {
  const ledger::VoteRecord record = to_vote_record(ProposalRecord{a, std::nullopt});
  RestoredVotes restored;
  const Bytes elsewhere = to_vote_record(ProposalRecord{at(2), std::nullopt}).key;
  EXPECT_EQ(restore_vote(elsewhere, record.value, restored).error().code, "vote-record-malformed");
  EXPECT_EQ(restore_vote({}, record.value, restored).error().code, "vote-record-malformed");
  EXPECT_EQ(restore_vote(body_key(body->id), record.value, restored).error().code,
            "vote-record-malformed");
  Bytes unknown_kind = record.key;
  unknown_kind.back() = 9;
  EXPECT_EQ(restore_vote(unknown_kind, record.value, restored).error().code,
            "vote-record-malformed");
  EXPECT_TRUE(restored.proposals.empty() && restored.commits.empty());
}

}  // namespace
}  // namespace quorate::pbft::test
