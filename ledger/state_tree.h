#pragma once

// The state's authenticated form: a compact sparse Merkle tree over SHA-256(key).
//
//   no key         32 zero bytes
//   one key        leaf  = SHA-256(0x00 || SHA-256(key) || SHA-256(value))
//   several keys   inner = SHA-256(0x01 || left || right)
//
// The keys of an inner node at depth d divide by bit d of their hash, from the most significant on;
// 0 goes left. A subtree with exactly one key *is* that leaf, at whatever depth, so a set of keys
// and values has one tree and one root, whatever order it was written in. Only an empty subtree is
// zero: nobody knows an input of SHA-256 that is.
//
// `StateTree` is the whole of it in memory, for a simulation's ledger and as a second opinion in
// tests; the store keeps the same tree in pages (ledger/state_pages.h).
//
// A leaf keeps both hashes, so that a proof can name it; nothing here keeps keys or values. Memory:
// 64 bytes a key and 40 an inner node, of which there are about 1.44 a key.
//
// Writing marks the nodes above what changed; `root` hashes what is marked, each node once. No
// recursion: no path is longer than the 256 bits of a hash.
//
// Not thread-safe. No errors: it holds no file.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "ledger/execution.h"

namespace quorate::ledger {

[[nodiscard]] Digest state_leaf(const Digest& key_hash, const Digest& value_hash);

class StateTree {
 public:
  // What stood under a key before a write; no value hash: nothing did.
  struct Replaced {
    Digest key_hash;
    std::optional<Digest> value_hash;
  };

  // Applies an execution's writes; what it returns, given to `undo`, takes them back.
  std::vector<Replaced> apply(const WriteSet& writes);
  // Precondition: nothing was written since the `apply` that returned it.
  void undo(const std::vector<Replaced>& replaced);

  void put(ByteView key, ByteView value);
  // Writes or, without a value hash, removes a key; returns the value hash that stood there.
  std::optional<Digest> set(const Digest& key_hash, const std::optional<Digest>& value_hash);

  // Amortised over the writes since the last call: a hash for each node above a changed leaf.
  [[nodiscard]] Digest root();

  [[nodiscard]] std::size_t keys() const { return leaves_.size() - free_leaves_.size(); }
  [[nodiscard]] std::size_t inner_nodes() const { return inners_.size() - free_inners_.size(); }

 private:
  // 0: empty; odd: leaf (n >> 1); even: inner node (n >> 1) - 1.
  using Ref = std::uint32_t;
  static constexpr std::size_t kDepthMax = 256;

  struct Leaf {
    Digest key_hash;
    Digest value_hash;
  };
  // Its digest is zero from a change below it until `root` needs it; so the nodes above a zero
  // digest have one too.
  struct Inner {
    std::array<Ref, 2> child{};
    Digest digest;
  };
  // The inner nodes from the root down to where a key stands or would stand, and what is there.
  struct Place {
    std::array<std::uint32_t, kDepthMax> path;  // indices in inners_
    std::size_t depth = 0;                      // how many of them
    Ref found = 0;                              // empty or a leaf, perhaps of another key
  };

  [[nodiscard]] static bool is_leaf(Ref ref) { return (ref & 1) != 0; }
  [[nodiscard]] static bool is_inner(Ref ref) { return ref != 0 && !is_leaf(ref); }
  [[nodiscard]] Leaf& leaf(Ref ref) { return leaves_[ref >> 1]; }
  [[nodiscard]] Inner& inner(Ref ref) { return inners_[(ref >> 1) - 1]; }
  [[nodiscard]] Ref new_leaf(const Leaf& leaf);
  [[nodiscard]] Ref new_inner();

  void find(const Digest& key_hash, Place& place);
  void insert(const Leaf& added, const Place& place);
  void erase(Place& place);
  // Puts `ref` where `place` ends and marks the nodes above.
  void attach(Ref ref, const Place& place, const Digest& key_hash);
  void mark(const Place& place);
  [[nodiscard]] Digest digest(Ref ref);

  Ref root_ = 0;
  std::deque<Leaf> leaves_;  // a deque, so that growing copies nothing
  std::deque<Inner> inners_;
  std::vector<std::uint32_t> free_leaves_;
  std::vector<std::uint32_t> free_inners_;
};

}  // namespace quorate::ledger
