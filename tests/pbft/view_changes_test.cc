// VIEW-CHANGEs and NEW-VIEWs: what is kept, what counts, and what is asked for.

#include "pbft/view_changes.h"

#include <gtest/gtest.h>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

class ViewChangesTest : public testing::Test {
 protected:
  void move(std::uint64_t view, std::size_t replica) {
    (void)known.add(world.view_change({view}, r(replica)));
  }
  [[nodiscard]] std::vector<ViewChange> quorum(std::uint64_t view) const {
    std::vector<ViewChange> result;
    for (std::size_t i = 0; i < 3; ++i) result.push_back(world.view_change({view}, r(i)));
    return result;
  }

  World world{4};
  ViewChanges known{r(3), 4};
};

// Pitfalls 12 and 13: only f + 1 distinct replicas pull, and to the smallest of their views.
TEST_F(ViewChangesTest, JoinsTheSmallestViewThatFPlusOneOthersPassed) {
  move(UINT64_MAX, 0);
  EXPECT_FALSE(known.view_to_join({0})) << "one liar alone moves nobody";
  move(1, 1);
  EXPECT_EQ(known.view_to_join({0}), View{1});
  EXPECT_FALSE(known.view_to_join({1}));
  move(3, 3);
  EXPECT_FALSE(known.view_to_join({1})) << "our own does not pull us";
}

TEST_F(ViewChangesTest, HighestOfEachReplicaCounts) {
  move(2, 0);
  move(1, 0);
  EXPECT_EQ(known.count({1}), 0U);
  EXPECT_EQ(known.count({2}), 1U);
}

// Found by simulation: who went further has moved too, or one that advanced alone would strand the
// others without a timer.
TEST_F(ViewChangesTest, ThoseThatWentFurtherCountAsMoved) {
  move(2, 0);
  move(2, 1);
  move(3, 2);
  EXPECT_EQ(known.count({2}), 2U);
  EXPECT_EQ(known.count_from({2}), 3U);
}

TEST_F(ViewChangesTest, SecondOneForAViewIsEvidence) {
  move(1, 0);
  const auto found = known.add(world.view_change({1}, r(0), {}, world.stable(16)));
  ASSERT_TRUE(found);
  const ledger::EvidenceVerifier verifier(world.chain_id(), world.cache());
  EXPECT_TRUE(verifier.check(*found, world.replicas()));
  EXPECT_FALSE(known.add(world.view_change({1}, r(0)))) << "the same again";
}

// Pitfall 7: a NEW-VIEW whose VIEW-CHANGEs did not arrive is completed by asking.
TEST_F(ViewChangesTest, NewViewIsCompleteOnceWhatItNamesIsHere) {
  const std::vector<ViewChange> v = quorum(1);
  ASSERT_FALSE(known.add(world.new_view(v)));
  EXPECT_FALSE(known.complete_from({1}));
  EXPECT_EQ(known.missing().view_changes.size(), 3U);
  for (const ViewChange& message : v) (void)known.add(message);
  EXPECT_TRUE(known.missing().view_changes.empty());
  ASSERT_TRUE(known.complete_from({1}));
  EXPECT_EQ(known.complete_from({1})->view_changes.size(), 3U);
}

TEST_F(ViewChangesTest, WhatANewViewNamesIsKeptThoughItsSenderMovedOn) {
  const std::vector<ViewChange> v = quorum(1);
  for (const ViewChange& message : v) (void)known.add(message);
  (void)known.add(world.new_view(v));
  move(2, 0);
  EXPECT_TRUE(known.complete_from({1}));
  EXPECT_TRUE(known.view_change(view_vote(v[0].body).content));
}

TEST_F(ViewChangesTest, EnteredViewsAreNotAskedForAnyMore) {
  (void)known.add(world.new_view(quorum(1)));
  known.entered({1});
  EXPECT_TRUE(known.missing().view_changes.empty());
  EXPECT_FALSE(known.complete_from({1}));
}

TEST_F(ViewChangesTest, WantedNewViewIsAskedForByDigestAndThenWhatItNames) {
  const std::vector<ViewChange> v = quorum(1);
  const NewView message = world.new_view(v);
  const Digest digest = view_vote(message.body).content;
  known.entered({5});
  known.want(digest);
  EXPECT_EQ(known.missing().new_views, std::vector<Digest>{digest});
  (void)known.add(message);
  EXPECT_TRUE(known.missing().new_views.empty());
  EXPECT_EQ(known.missing().view_changes.size(), 3U);
  for (const ViewChange& named : v) (void)known.add(named);
  EXPECT_TRUE(known.complete(digest));
  known.unwant(digest);
  EXPECT_FALSE(known.is_wanted(digest));
}

// A name that points at somebody else's VIEW-CHANGE, or at one for another view, proves nothing.
TEST_F(ViewChangesTest, NewViewThatNamesWhatDoesNotFitIsNeverComplete) {
  std::vector<ViewChange> v = quorum(1);
  v[2] = world.view_change({2}, r(2));
  NewView message = world.new_view(v);
  (void)known.add(message);
  for (const ViewChange& named : v) (void)known.add(named);
  EXPECT_FALSE(known.complete_from({1}));
}

TEST_F(ViewChangesTest, TwoNewViewsForOneViewAreEvidence) {
  const std::vector<ViewChange> v = quorum(1);
  const ViewChange fourth = world.view_change({1}, r(3));
  ASSERT_FALSE(known.add(world.new_view(v)));
  EXPECT_TRUE(known.add(world.new_view({v[1], v[2], fourth})));
}

}  // namespace
}  // namespace quorate::pbft::test
