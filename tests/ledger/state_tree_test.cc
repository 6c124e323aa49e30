#include "ledger/state_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "crypto/merkle.h"
#include "tests/ledger/example_network.h"
#include "tests/ledger/state_twin.h"

namespace quorate::ledger {
namespace {

using namespace test;

Digest text_hash(std::string_view text) { return crypto::sha256(as_bytes(text)); }

Digest joined(std::uint8_t prefix, const Digest& a, const Digest& b) {
  Bytes bytes = {prefix};
  bytes.insert(bytes.end(), a.bytes.begin(), a.bytes.end());
  bytes.insert(bytes.end(), b.bytes.begin(), b.bytes.end());
  return crypto::sha256(bytes);
}

// SHA-256 of "a", "b", "c" begins with the bits 1100, 0011, 0010.
TEST(StateTree, SmallTreesAreAsDefined) {
  StateTree tree;
  EXPECT_EQ(tree.root(), Digest{});

  const Digest a = joined(0, text_hash("a"), text_hash("1"));
  const Digest b = joined(0, text_hash("b"), text_hash("2"));
  const Digest c = joined(0, text_hash("c"), text_hash("3"));
  tree.put(as_bytes("a"), as_bytes("1"));
  EXPECT_EQ(tree.root(), a);
  tree.put(as_bytes("b"), as_bytes("2"));
  EXPECT_EQ(tree.root(), joined(1, b, a));
  tree.put(as_bytes("c"), as_bytes("3"));
  // b and c part at the fourth bit; above it, their subtree's sibling is empty twice.
  const Digest zero;
  const Digest pair = joined(1, c, b);
  EXPECT_EQ(tree.root(), joined(1, joined(1, joined(1, zero, pair), zero), a));
}

TEST(StateTree, AnEmptyValueIsALeaf) {
  StateTree tree;
  tree.apply({{to_bytes("k"), Bytes{}}});
  EXPECT_EQ(tree.root(), joined(0, text_hash("k"), text_hash("")));
  tree.apply({{Bytes{}, to_bytes("the empty key")}});
  EXPECT_EQ(tree.keys(), 2U);
}

TEST(StateTree, TheRootCoversEveryKeyAndValue) {
  const WriteSet state = genesis_state(example_genesis());
  StateTree tree;
  tree.apply(state);
  const Digest root = tree.root();
  for (const auto& [key, value] : state) {
    Bytes other = *value;
    other[0] ^= 1;
    const auto replaced = tree.apply({{key, other}});
    EXPECT_NE(tree.root(), root);
    tree.undo(replaced);
    EXPECT_EQ(tree.root(), root);
    tree.apply({{key, std::nullopt}});
    EXPECT_NE(tree.root(), root);
    tree.apply({{key, value}});
    EXPECT_EQ(tree.root(), root);
  }
}

TEST(StateTree, RemovingWhatIsNotThereChangesNothing) {
  StateTree tree;
  tree.apply({{to_bytes("a"), std::nullopt}});
  EXPECT_EQ(tree.root(), Digest{});
  tree.put(as_bytes("a"), as_bytes("1"));
  const Digest root = tree.root();
  tree.apply({{to_bytes("b"), std::nullopt}, {to_bytes("c"), std::nullopt}});
  EXPECT_EQ(tree.root(), root);
  EXPECT_EQ(tree.keys(), 1U);
}

class StateTreeTwinTest : public testing::Test {
 protected:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  // Few names, so that writes meet; about half of them removals once the state is `full`.
  WriteSet any_writes(std::size_t names, bool full) {
    WriteSet writes;
    for (std::uint64_t i = below(12); i > 0; --i) {
      const Bytes key = to_bytes("key " + std::to_string(below(names)));
      writes[key].reset();
      if (below(2) == 0 || (!full && below(4) != 0)) {
        writes[key] = to_bytes("value " + std::to_string(below(3)));
      }
    }
    return writes;
  }

  std::mt19937_64 random_{7};
};

TEST_F(StateTreeTwinTest, AgreesWithItsTwinAfterEveryWriteOfManySequences) {
  for (int sequence = 0; sequence < 200; ++sequence) {
    const std::size_t names = sequence % 4 == 0 ? 3 : 10 + below(200);
    StateTree tree;
    MapState state;
    for (int step = 0; step < 40; ++step) {
      const WriteSet writes = any_writes(names, step > 20);
      tree.apply(writes);
      state.apply(writes);
      ASSERT_EQ(tree.keys(), state.leaves.size());
      if (below(3) == 0) continue;  // so that marks of several writes meet
      ASSERT_EQ(tree.root(), twin_root(state.leaves)) << sequence << ", " << step;
    }
    ASSERT_EQ(tree.root(), twin_root(state.leaves));
  }
}

TEST_F(StateTreeTwinTest, UndoTakesAWriteSetBack) {
  StateTree tree;
  MapState state;
  for (int step = 0; step < 500; ++step) {
    const Digest before = tree.root();
    const WriteSet writes = any_writes(60, step > 100);
    const auto replaced = tree.apply(writes);
    if (below(2) == 0) (void)tree.root();
    tree.undo(replaced);
    ASSERT_EQ(tree.root(), before);
    tree.apply(writes);
    state.apply(writes);
    ASSERT_EQ(tree.root(), twin_root(state.leaves));
  }
}

TEST_F(StateTreeTwinTest, TheOrderOfWritesDoesNotMatter) {
  std::vector<Bytes> keys;
  std::map<Bytes, Bytes> state;
  for (int i = 0; i < 300; ++i) {
    keys.push_back(to_bytes(std::to_string(i)));
    state[keys.back()] = to_bytes("v" + std::to_string(i));
  }
  const Digest root = twin_root(state);
  for (int order = 0; order < 5; ++order) {
    std::shuffle(keys.begin(), keys.end(), random_);
    StateTree tree;
    for (const Bytes& key : keys) tree.put(key, state[key]);
    EXPECT_EQ(tree.root(), root);
  }
}

TEST_F(StateTreeTwinTest, RemovalsRestoreEachEarlierRootAndGiveTheirNodesBack) {
  std::vector<Bytes> keys;
  for (int i = 0; i < 500; ++i) keys.push_back(to_bytes(std::to_string(i)));
  StateTree tree;
  std::vector<Digest> roots = {tree.root()};
  for (const Bytes& key : keys) {
    tree.put(key, as_bytes("v"));
    roots.push_back(tree.root());
  }
  const std::size_t inner_nodes = tree.inner_nodes();
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = keys.size(); i > 0; --i) {
      EXPECT_EQ(tree.root(), roots[i]);
      tree.apply({{keys[i - 1], std::nullopt}});
    }
    EXPECT_EQ(tree.root(), Digest{});
    EXPECT_EQ(tree.keys(), 0U);
    EXPECT_EQ(tree.inner_nodes(), 0U);
    for (const Bytes& key : keys) tree.put(key, as_bytes("v"));
    EXPECT_EQ(tree.root(), roots.back());
    EXPECT_EQ(tree.inner_nodes(), inner_nodes);
  }
}

// Nobody finds keys whose hashes agree this far; the tree is right all the same.
TEST_F(StateTreeTwinTest, HashesMayAgreeInAnyNumberOfBits) {
  std::vector<HashedLeaf> leaves;
  const Digest first = text_hash("first");
  leaves.push_back({first, text_hash("value")});
  for (std::size_t at = 0; at < 256; ++at) {
    Digest other = first;
    other.bytes[at / 8] ^= static_cast<std::uint8_t>(0x80 >> at % 8);
    leaves.push_back({other, text_hash(std::to_string(at))});
  }
  std::vector<HashedLeaf> sorted = leaves;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.key_hash < b.key_hash; });
  for (int order = 0; order < 5; ++order) {
    std::shuffle(leaves.begin(), leaves.end(), random_);
    StateTree tree;
    for (const HashedLeaf& leaf : leaves) tree.set(leaf.key_hash, leaf.value_hash);
    EXPECT_EQ(tree.root(), twin_root(sorted));
    EXPECT_EQ(tree.inner_nodes(), 256U);
    std::shuffle(leaves.begin(), leaves.end(), random_);
    for (const HashedLeaf& leaf : leaves) {
      EXPECT_EQ(tree.set(leaf.key_hash, std::nullopt), leaf.value_hash);
      if (below(10) == 0) (void)tree.root();
    }
    EXPECT_EQ(tree.root(), Digest{});
  }
  // Two that differ in the last bit only.
  StateTree tree;
  tree.set(first, text_hash("1"));
  Digest last = first;
  last.bytes[31] ^= 1;
  tree.set(last, text_hash("2"));
  EXPECT_EQ(tree.inner_nodes(), 256U);
  tree.set(first, std::nullopt);
  EXPECT_EQ(tree.root(), state_leaf(last, text_hash("2")));
  EXPECT_EQ(tree.inner_nodes(), 0U);
}

TEST_F(StateTreeTwinTest, AKeyCostsAboutOneAndAHalfInnerNodes) {
  StateTree tree;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    tree.set(crypto::sha256(crypto::encode(i)), text_hash("v"));
  }
  EXPECT_LT(tree.inner_nodes(), tree.keys() * 3 / 2);
}

}  // namespace
}  // namespace quorate::ledger
