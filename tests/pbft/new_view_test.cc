// New-view selection against a twin that follows the paper's words and nothing else.

#include "pbft/new_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "ledger/quorum.h"
#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

Digest digest(std::uint64_t name) {
  return crypto::sha256(as_bytes("batch " + std::to_string(name)));
}

PreparedCertificate entry(std::uint64_t sequence, std::uint64_t view, std::uint64_t name) {
  const Digest opened = view == 0 ? Digest{} : crypto::sha256(as_bytes(std::to_string(view)));
  return {{{}, {view}, {sequence}, digest(name), opened, r(view % 4)}, {}, {}};
}

ViewChange from(std::size_t replica, std::uint64_t stable,
                std::vector<PreparedCertificate> prepared) {
  ViewChange result{{{}, {9}, r(replica), std::nullopt, std::move(prepared)}, {}};
  if (stable > 0)
    result.body.stable = StableCheckpoint{{{}, {stable, {}}, {stable}, {}, {}, {}}, 0, {}};
  return result;
}

// OSDI '99 §4.4, word by word: "min-s ... the latest stable checkpoint in V, max-s the highest
// sequence number in a prepare message in V"; for each between, "the request ... with the highest
// view number in V", or null.
std::map<std::uint64_t, std::optional<Digest>> twin(const std::vector<ViewChange>& v) {
  std::uint64_t min_s = 0;
  for (const ViewChange& m : v) {
    if (m.body.stable) min_s = std::max(min_s, m.body.stable->note.sequence.value);
  }
  std::uint64_t max_s = min_s;
  for (const ViewChange& m : v) {
    for (const PreparedCertificate& p : m.body.prepared) {
      max_s = std::max(max_s, p.pre_prepare.sequence.value);
    }
  }
  std::map<std::uint64_t, std::optional<Digest>> o;
  for (std::uint64_t n = min_s + 1; n <= max_s; ++n) {
    o[n] = std::nullopt;
    std::optional<std::uint64_t> highest;
    for (const ViewChange& m : v) {
      for (const PreparedCertificate& p : m.body.prepared) {
        if (p.pre_prepare.sequence.value != n) continue;
        if (highest && *highest >= p.pre_prepare.view.value) continue;
        highest = p.pre_prepare.view.value;
        o[n] = p.pre_prepare.batch;
      }
    }
  }
  return o;
}

void expect_twin(const std::vector<ViewChange>& v, const NewViewPlan& plan) {
  const auto expected = twin(v);
  ASSERT_EQ(plan.slots.size(), expected.size());
  auto it = expected.begin();
  for (const Reproposal& slot : plan.slots) {
    EXPECT_EQ(slot.sequence.value, it->first);
    EXPECT_EQ(slot.is_null, !it->second.has_value());
    const Digest null = ledger::digest_of_batch(ledger::null_batch(slot.sequence).header);
    EXPECT_EQ(slot.batch, it->second.value_or(null));
    ++it;
  }
}

TEST(NewViewPlan, OfNothingIsEmpty) {
  const std::vector<ViewChange> v{from(0, 0, {}), from(1, 0, {}), from(2, 0, {})};
  const NewViewPlan plan = plan_new_view(v);
  EXPECT_EQ(plan.low, Sequence{0});
  EXPECT_EQ(plan.high, Sequence{0});
  EXPECT_TRUE(plan.slots.empty());
  EXPECT_FALSE(plan.stable);
}

TEST(NewViewPlan, HighestViewWinsAndGapsBecomeNull) {
  const std::vector<ViewChange> v{from(0, 0, {entry(1, 0, 7), entry(4, 2, 9)}),
                                  from(1, 0, {entry(4, 3, 8)}), from(2, 0, {})};
  const NewViewPlan plan = plan_new_view(v);
  ASSERT_EQ(plan.slots.size(), 4U);
  EXPECT_EQ(plan.slots[0].batch, digest(7));
  EXPECT_TRUE(plan.slots[1].is_null && plan.slots[2].is_null);
  EXPECT_EQ(plan.slots[3].batch, digest(8));
  EXPECT_EQ(plan.slots[3].new_view, crypto::sha256(as_bytes("3")));
}

// Pitfall 24: entries at or below the highest checkpoint are settled, whatever their views.
TEST(NewViewPlan, EntriesBelowTheHighestCheckpointDoNotCount) {
  const std::vector<ViewChange> v{from(0, 0, {entry(15, 5, 1), entry(16, 5, 2)}),
                                  from(1, 16, {entry(17, 0, 3)}), from(2, 0, {})};
  const NewViewPlan plan = plan_new_view(v);
  EXPECT_EQ(plan.low, Sequence{16});
  ASSERT_EQ(plan.slots.size(), 1U);
  EXPECT_EQ(plan.slots[0].batch, digest(3));
}

TEST(NewViewPlan, IsWhatThePaperSaysForRandomViewChanges) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::vector<ViewChange> v;
    const std::size_t quorum = 3 + random() % 5;
    for (std::size_t i = 0; i < quorum; ++i) {
      const std::uint64_t stable = random() % 3 * 8;
      std::vector<PreparedCertificate> prepared;
      for (std::uint64_t n = stable + 1; n <= stable + 12; ++n) {
        if (random() % 3 != 0) continue;
        // One batch a (sequence, view), as with at most f liars.
        const std::uint64_t view = random() % 5;
        prepared.push_back(entry(n, view, n * 100 + view));
      }
      v.push_back(from(i, stable, std::move(prepared)));
    }
    expect_twin(v, plan_new_view(v));
  }
}

TEST(NewViewPlan, DoesNotDependOnTheOrderOfTheViewChanges) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 500; ++round) {
    std::vector<ViewChange> v;
    for (std::size_t i = 0; i < 5; ++i) {
      std::vector<PreparedCertificate> prepared;
      for (std::uint64_t n = 1; n <= 6; ++n) {
        // More than f liars: two batches for one (sequence, view).
        if (random() % 2 == 0) prepared.push_back(entry(n, random() % 2, random() % 3));
      }
      v.push_back(from(i, 0, std::move(prepared)));
    }
    const NewViewPlan plan = plan_new_view(v);
    std::shuffle(v.begin(), v.end(), random);
    EXPECT_EQ(plan_new_view(v).slots, plan.slots);
  }
}

// OSDI '99 §4.5.1, the heart of it: what committed at some correct replica is proposed again by
// every NEW-VIEW that any quorum can make (pitfall 5).
TEST(NewViewPlan, CarriesEverythingThatCommittedIntoEveryPossibleNewView) {
  std::mt19937_64 random(3);
  for (const std::size_t n : {4, 5, 6, 7, 10}) {
    const std::size_t quorum = ledger::quorum(n);
    for (int round = 0; round < 300; ++round) {
      // A history of views: in each, some sequences are prepared at a random set of replicas; what
      // was committed before is prepared with its own batch only.
      std::map<std::uint64_t, std::uint64_t> committed;  // sequence -> batch
      std::vector<std::map<std::uint64_t, PreparedCertificate>> p(n);
      for (std::uint64_t view = 0; view < 3; ++view) {
        for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
          if (random() % 2 == 0) continue;
          const auto known = committed.find(sequence);
          const std::uint64_t batch =
              known == committed.end() ? sequence * 100 + view : known->second;
          std::size_t holders = 0;
          for (std::size_t i = 0; i < n; ++i) {
            if (random() % 3 == 0) continue;
            p[i].insert_or_assign(sequence, entry(sequence, view, batch));
            ++holders;
          }
          if (holders >= quorum) committed[sequence] = batch;
        }
      }
      std::vector<std::size_t> order(n);
      for (std::size_t i = 0; i < n; ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), random);
      // f of the quorum lie: they carry nothing.
      std::vector<ViewChange> v;
      for (std::size_t i = 0; i < quorum; ++i) {
        std::vector<PreparedCertificate> prepared;
        if (i >= ledger::faults_tolerated(n)) {
          for (const auto& [sequence, certificate] : p[order[i]]) prepared.push_back(certificate);
        }
        v.push_back(from(order[i], 0, std::move(prepared)));
      }
      const NewViewPlan plan = plan_new_view(v);
      for (const auto& [sequence, batch] : committed) {
        ASSERT_GE(plan.high.value, sequence) << n << " " << round;
        EXPECT_EQ(plan.slots[sequence - 1].batch, digest(batch)) << n << " " << round;
      }
    }
  }
}

}  // namespace
}  // namespace quorate::pbft::test
