#pragma once

// The state's tree as it is kept: pages of four levels, so that a version of it shares with the one
// before all that did not change.
//
// The tree is that of ledger/state_tree.h, bit for bit; a page is how it is cut. The page at a path
// of n nibbles (half bytes of the key hash) holds its sixteen continuations, each
//
//   StateHole      no key
//   StateKey       exactly one: the key and the digest of its leaf
//   StateSubtree   several: their digest, and the version that wrote the page about them
//
// A page is never changed. One pass over the changed keys, in the order of their hashes, makes the
// next version: a new page for each one that has a changed key below it, and the list of those that
// it takes the place of, which go when nobody needs the earlier version any more. A slot that
// stands for a whole tree is its root; a page stands below a slot only if several keys do.
//
// Pure: who calls says where pages are read from and written to. Recursion is bounded by the 64
// nibbles of a hash.

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "crypto/merkle.h"
#include "ledger/types.h"

namespace quorate::ledger {

inline constexpr std::size_t kPageSlots = 16;
inline constexpr std::size_t kPathNibblesMax = 64;

struct StateHole {
  friend bool operator==(const StateHole&, const StateHole&) = default;
};
struct StateKey {
  Bytes key;
  Digest leaf;  // state_leaf of both hashes

  friend bool operator==(const StateKey&, const StateKey&) = default;
};
struct StateSubtree {
  Digest digest;
  Height version;

  friend bool operator==(const StateSubtree&, const StateSubtree&) = default;
};
using StateSlot = std::variant<StateHole, StateKey, StateSubtree>;

// Stored as its slots alone.
using StateSlots = std::array<StateSlot, kPageSlots>;
struct StatePage {
  StateSlots slots;
  // Of the page, where it was computed when the page was made in this process; else zero.
  Digest made_digest = {};

  friend bool operator==(const StatePage& a, const StatePage& b) { return a.slots == b.slots; }
};

// The first nibbles of key hashes: their number, then the nibbles, two a byte, the last one padded
// with zero. Sorts as hashes do among paths of one length.
using StatePath = Bytes;
[[nodiscard]] StatePath path_of(const Digest& key_hash, std::size_t nibbles);
[[nodiscard]] std::uint8_t nibble(const Digest& key_hash, std::size_t at);
// The path one nibble further down.
[[nodiscard]] StatePath path_below(const StatePath& path, std::size_t slot);

struct PageId {
  Height version;  // that wrote it
  StatePath path;

  friend auto operator<=>(const PageId&, const PageId&) = default;
};

// What it stands for in the tree: zero, a leaf, or an inner node.
[[nodiscard]] Digest digest_of(const StateSlot& slot);

// The binary nodes of a page: [1] its top, [2n] and [2n + 1] the children of [n], [16..31] the
// slots. One that a lone key rose to is that key's leaf.
struct PageNode {
  enum class Kind : std::uint8_t { kNone, kLeaf, kInner };
  Kind kind = Kind::kNone;
  std::uint8_t slot = 0;  // of the leaf
  Digest digest;
};
using PageNodes = std::array<PageNode, 2 * kPageSlots>;
[[nodiscard]] PageNodes nodes_of(const StatePage& page);

// Of the subtree that it stands for; nullopt: no page stands for what it holds, one key or none.
[[nodiscard]] std::optional<Digest> page_digest(const StatePage& page);

// Reads a page; its error ends the work and is passed on. It judges nothing: who asked knows the
// digest.
using PageReader = std::function<Result<StatePage>(const PageId&)>;
// As `read`, and refuses a page that is not the one of the subtree.
// Error: "state-page-other" (kCorrupt), naming path and version.
[[nodiscard]] Result<StatePage> read_page(const PageReader& read, const StatePath& path,
                                          const StateSubtree& subtree);

// A key's new leaf; nullopt: it is removed.
struct StateChange {
  Bytes key;
  std::optional<Digest> leaf;

  friend bool operator==(const StateChange&, const StateChange&) = default;
};
// By key hash.
using StateChanges = std::map<Digest, StateChange>;
using HashedChange = StateChanges::value_type;
[[nodiscard]] StateChange change_of(const Digest& key_hash, ByteView key,
                                    const std::optional<Bytes>& value);

class PageWriter {
 public:
  virtual ~PageWriter() = default;
  virtual void write(const StatePath& path, StatePage page) = 0;
  // The new version has no use for it.
  virtual void replace(const PageId& page) = 0;
};

// The root of the next version. A change that changes nothing rewrites nothing.
// Errors: those of `read`, and "state-page-other".
[[nodiscard]] Result<StateSlot> write_version(const StateSlot& root, const StateChanges& changes,
                                              Height version, const PageReader& read,
                                              PageWriter& writer);
// The same of changes in the order of their hashes, each hash once.
[[nodiscard]] Result<StateSlot> write_version(const StateSlot& root,
                                              std::span<const HashedChange* const> changes,
                                              Height version, const PageReader& read,
                                              PageWriter& writer);
// The digest of that root alone.
[[nodiscard]] Result<Digest> root_after(const StateSlot& root, const StateChanges& changes,
                                        const PageReader& read);

// The keys below `root` in the order of their hashes, from the first whose hash is not below
// `first`, until `visit` returns false or an error. `path`: where `root` stands, if it is part of a
// tree.
[[nodiscard]] Status for_each_key(const StateSlot& root, const Digest& first,
                                  const PageReader& read,
                                  const std::function<Result<bool>(const StateKey&)>& visit,
                                  const StatePath& path = StatePath{0});

// The first key, in the order of key hashes, at which two states differ.
struct StateDifference {
  Bytes key;
  std::optional<Digest> here;   // the leaf; nullopt: the key is not there
  std::optional<Digest> there;
};
// Descends where digests differ, so it reads two pages a level at most. nullopt: the roots agree.
[[nodiscard]] Result<std::optional<StateDifference>> first_difference(const StateSlot& here,
                                                                      const PageReader& read_here,
                                                                      const StateSlot& there,
                                                                      const PageReader& read_there);

}  // namespace quorate::ledger
