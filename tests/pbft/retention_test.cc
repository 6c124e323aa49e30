// What the writer of a vote store keeps in mind: how high was voted, and which bodies may go.

#include "pbft/retention.h"

#include <gtest/gtest.h>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

class Retention : public testing::Test {
 protected:
  [[nodiscard]] ProposalRecord proposal(std::uint64_t sequence,
                                        const std::vector<TransactionPtr>& bodies,
                                        View view = {}) const {
    return {world.pre_prepare(batch_of(sequence, bodies), view), std::nullopt};
  }
  static Bytes key_of(const TransactionPtr& body) { return body_key(body->id); }

  World world{4};
  TransactionPtr a = world.transaction();
  TransactionPtr b = world.transaction();
};

TEST_F(Retention, ViewAndSequenceRiseEachForItself) {
  std::optional<VotedPlace> highest;
  raise(highest, BodyRecord{a});
  EXPECT_FALSE(highest) << "a body is no vote";
  raise(highest, proposal(7, {a}));
  raise(highest, ViewChangeRecord{world.view_change({3}, r(2))});
  raise(highest, proposal(5, {b}, {1}));
  ASSERT_TRUE(highest);
  EXPECT_EQ(highest->view, View{3});
  EXPECT_EQ(highest->sequence, Sequence{7});
}

TEST_F(Retention, BodyGoesWithTheLastProposalThatNamesIt) {
  NamedBodies bodies;
  bodies.add(proposal(1, {a, b}));
  bodies.add(proposal(2, {b}));
  bodies.add(DurableRecord(BodyRecord{a}));
  EXPECT_EQ(bodies.drop_up_to({1}), std::vector<Bytes>{key_of(a)});
  EXPECT_TRUE(bodies.drop_up_to({1}).empty()) << "once";
  EXPECT_EQ(bodies.drop_up_to({2}), std::vector<Bytes>{key_of(b)});
}

TEST_F(Retention, BodyStaysWhileAnotherViewsProposalNamesIt) {
  NamedBodies bodies;
  bodies.add(proposal(3, {a}));
  bodies.add(proposal(3, {b}, {1}));
  EXPECT_TRUE(bodies.drop_up_to({2}).empty());
  EXPECT_EQ(bodies.drop_up_to({3}).size(), 2U);
}

}  // namespace
}  // namespace quorate::pbft::test
