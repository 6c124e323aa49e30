// The state's tree in pages: each version against the definition, what versions share, and how two
// are compared.

#include <gtest/gtest.h>

#include "crypto/bcs.h"
#include "tests/ledger/state_twin.h"
#include "tests/support/thinning.h"

namespace quorate::ledger {
namespace {

using namespace test;

// What the code must find, the plain way.
std::optional<Bytes> first_that_differs(const std::map<Bytes, Bytes>& here,
                                        const std::map<Bytes, Bytes>& there) {
  std::map<Digest, Bytes> differing;
  for (const auto& [key, value] : here) {
    const auto other = there.find(key);
    if (other == there.end() || other->second != value) differing[crypto::sha256(key)] = key;
  }
  for (const auto& [key, value] : there) {
    if (!here.contains(key)) differing[crypto::sha256(key)] = key;
  }
  if (differing.empty()) return std::nullopt;
  return differing.begin()->second;
}

TEST(StatePages, EachVersionOfManySequencesIsAsDefined) {
  AnyWrites any(11);
  for (std::uint32_t sequence = 0; sequence < 60; sequence += quorate::test::kStride) {
    const std::size_t names = sequence % 4 == 0 ? 3 : 10 + any.below(300);
    PagesInMemory tree;
    for (int step = 0; step < 40; ++step) {
      tree.apply(any(names, step > 20, step == 10 ? 200 : 12));
      ASSERT_EQ(digest_of(tree.versions.back().root), twin_root(tree.versions.back().state))
          << sequence << ", " << step;
    }
    // All versions are there, and each is read back whole.
    for (const auto& version : tree.versions) {
      std::map<Digest, Bytes> expected;
      for (const auto& [key, value] : version.state) expected[crypto::sha256(key)] = key;
      auto at = expected.begin();
      const Status walked = for_each_key(version.root, {}, tree.reader(), [&](const StateKey& key) {
        EXPECT_TRUE(at != expected.end() && at->second == key.key);
        ++at;
        return Result<bool>(true);
      });
      ASSERT_TRUE(walked) << walked.error().to_string();
      ASSERT_TRUE(at == expected.end());
    }
  }
}

TEST(StatePages, WhatIsDroppedIsWhatNoLaterVersionNeeds) {
  AnyWrites any(12);
  for (std::uint32_t sequence = 0; sequence < 60; sequence += quorate::test::kStride) {
    PagesInMemory tree;
    const std::size_t names = 5 + any.below(300);
    for (int step = 0; step < 60; ++step) {
      tree.apply(any(names, step > 30, step < 10 ? 60 : 12));
      while (tree.versions.size() > 1 + any.below(4)) tree.drop_oldest();
      const auto& oldest = tree.versions.front();
      ASSERT_EQ(digest_of(oldest.root), twin_root(oldest.state));
      ASSERT_EQ(root_after(oldest.root, {}, tree.reader()).value(), twin_root(oldest.state));
    }
    while (tree.versions.size() > 1) tree.drop_oldest();
    // Nothing is left that the last version does not reach.
    ASSERT_EQ(tree.reachable(tree.versions.back().root, path_of({}, 0)), tree.pages.size());
  }
}

TEST(StatePages, AChangeThatChangesNothingWritesNothing) {
  AnyWrites any(13);
  PagesInMemory tree;
  tree.apply(any(300, false, 400));
  const StateSlot root = tree.versions.back().root;
  WriteSet same = {{to_bytes("never there"), std::nullopt}};
  for (const auto& [key, value] : tree.versions.back().state) same[key] = value;
  EXPECT_EQ(tree.apply(same), 0U);
  EXPECT_EQ(tree.versions.back().root, root);
  EXPECT_EQ(tree.apply({}), 0U);
}

TEST(StatePages, OneChangeRewritesOnePageALevel) {
  PagesInMemory tree;
  WriteSet writes;
  for (int i = 0; i < 5000; ++i) writes[to_bytes(std::to_string(i))] = to_bytes("v");
  const std::size_t all = tree.apply(writes);
  EXPECT_GT(all, 1000U);
  EXPECT_LE(tree.apply({{to_bytes("77"), to_bytes("w")}}), 6U);
}

TEST(StatePages, TheRootAfterChangesIsThatOfTheVersionTheyMake) {
  AnyWrites any(14);
  PagesInMemory tree;
  for (int step = 0; step < 100; ++step) {
    const WriteSet writes = any(100, step > 50, 40);
    const StateChanges changes = PagesInMemory::changes_of(writes);
    const auto foretold = root_after(tree.versions.back().root, changes, tree.reader());
    tree.apply(writes);
    ASSERT_EQ(foretold.value(), digest_of(tree.versions.back().root));
  }
}

TEST(StatePages, KeysAreReadFromAnyHashOn) {
  AnyWrites any(15);
  PagesInMemory tree;
  tree.apply(any(400, false, 800));
  std::map<Digest, Bytes> expected;
  for (const auto& [key, value] : tree.versions.back().state) expected[crypto::sha256(key)] = key;
  for (int i = 0; i < 200; ++i) {
    Digest first = crypto::sha256(crypto::encode(any.below(1000)));
    if (i % 2 == 0) {
      const auto place = static_cast<std::ptrdiff_t>(any.below(expected.size()));
      first = std::next(expected.begin(), place)->first;
    }
    auto at = expected.lower_bound(first);
    std::size_t count = 0;
    ASSERT_TRUE(for_each_key(tree.versions.back().root, first, tree.reader(),
                             [&](const StateKey& key) {
                               EXPECT_EQ(key.key, at->second);
                               ++at;
                               return Result<bool>(++count < 5 && at != expected.end());
                             }));
  }
}

TEST(StatePages, APageThatIsNotTheOneOfItsDigestIsRefused) {
  AnyWrites any(16);
  PagesInMemory tree;
  tree.apply(any(300, false, 600));
  const StateSlot root = tree.versions.back().root;
  for (auto& [id, page] : tree.pages) {
    const StatePage good = page;
    for (std::size_t i = 0; i < kPageSlots; ++i) {
      page = good;
      if (auto* key = std::get_if<StateKey>(&page.slots[i])) key->leaf.bytes[3] ^= 1;
      if (auto* subtree = std::get_if<StateSubtree>(&page.slots[i])) subtree->digest.bytes[0] ^= 1;
      if (page == good) page.slots[i] = StateKey{to_bytes("k"), crypto::sha256(as_bytes("x"))};
      const auto walked = for_each_key(root, {}, tree.reader(),
                                       [](const StateKey&) { return Result<bool>(true); });
      ASSERT_EQ(walked.error().code, "state-page-other") << to_hex(id.path) << ", " << i;
    }
    page = good;
  }
}

TEST(StatePages, TheFirstKeyThatDiffersIsFound) {
  AnyWrites any(17);
  for (int round = 0; round < 300; ++round) {
    const std::size_t names = 2 + any.below(200);
    PagesInMemory here;
    here.apply(any(names, false, 300));
    PagesInMemory there;
    WriteSet same;
    for (const auto& [key, value] : here.versions.back().state) same[key] = value;
    there.apply(same);
    there.apply(any(names, true, 4));
    here.apply(any(names, true, 3));
    const auto expected =
        first_that_differs(here.versions.back().state, there.versions.back().state);
    const auto found = first_difference(here.versions.back().root, here.reader(),
                                        there.versions.back().root, there.reader());
    ASSERT_TRUE(found) << found.error().to_string();
    ASSERT_EQ(found->has_value(), expected.has_value());
    if (!expected) continue;
    ASSERT_EQ((*found)->key, *expected);
    ASSERT_EQ((*found)->here.has_value(), here.versions.back().state.contains(*expected));
    ASSERT_EQ((*found)->there.has_value(), there.versions.back().state.contains(*expected));
    ASSERT_NE((*found)->here, (*found)->there);
  }
}

TEST(StatePages, APathIsItsLengthAndItsNibbles) {
  Digest hash;
  for (std::size_t i = 0; i < 32; ++i) hash.bytes[i] = static_cast<std::uint8_t>(0x12 + 0x22 * i);
  EXPECT_EQ(to_hex(path_of(hash, 0)), "00");
  EXPECT_EQ(to_hex(path_of(hash, 1)), "0110");
  EXPECT_EQ(to_hex(path_of(hash, 3)), "031230");
  EXPECT_EQ(to_hex(path_of(hash, 4)), "041234");
  EXPECT_EQ(path_of(hash, 64).size(), 33U);
  EXPECT_EQ(nibble(hash, 0), 1);
  EXPECT_EQ(nibble(hash, 3), 4);
}

}  // namespace
}  // namespace quorate::ledger
