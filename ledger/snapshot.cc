#include "ledger/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/state_tree.h"

namespace quorate::ledger {
namespace {

[[nodiscard]] bool is_path(const StatePath& path) {
  if (path.empty() || path.front() >= kPathNibblesMax) return false;
  const std::size_t nibbles = path.front();
  if (path.size() != 1 + (nibbles + 1) / 2) return false;
  return nibbles % 2 == 0 || (path.back() & 0x0f) == 0;
}

[[nodiscard]] std::uint8_t nibble_of(const StatePath& path, std::size_t at) {
  const std::uint8_t byte = path[1 + at / 2];
  return at % 2 == 0 ? byte >> 4 : byte & 0x0f;
}

[[nodiscard]] tl::unexpected<Error> not_found(const StatePath& path) {
  return fail(ErrorKind::kNotFound, "chunk-not-found",
              fmt::format("nothing of the state stands at path {}", to_hex(path)),
              "Ask for a path that a chunk above named.");
}

[[nodiscard]] tl::unexpected<Error> malformed(const StatePath& path, std::string_view what) {
  return fail(ErrorKind::kCorrupt, "chunk-malformed",
              fmt::format("the chunk at path {}: {}", to_hex(path), what),
              "Fetch it from another replica.");
}

// What stands at the path. Precondition: is_path.
[[nodiscard]] Result<StateSlot> slot_at(const StableView& view, const StatePath& path) {
  const PageReader pages = view.pages();
  StateSlot slot = view.root();
  StatePath above = path_of({}, 0);
  for (std::size_t i = 0; i < path.front(); ++i) {
    const auto* subtree = std::get_if<StateSubtree>(&slot);
    if (subtree == nullptr) return not_found(path);
    QUORATE_ASSIGN(StatePage page, read_page(pages, above, *subtree));
    slot = std::move(page.slots[nibble_of(path, i)]);
    above = path_below(above, nibble_of(path, i));
  }
  return slot;
}

[[nodiscard]] Result<SnapshotEntry> entry_of(const StableView& view, const StateKey& key) {
  QUORATE_ASSIGN(auto value, view.get(key.key));
  if (value && state_leaf(crypto::sha256(key.key), crypto::sha256(*value)) == key.leaf) {
    return SnapshotEntry{key.key, std::move(*value)};
  }
  return fail(ErrorKind::kCorrupt, "state-page-other",
              fmt::format("the value of the state under {} is not that of its leaf",
                          to_hex(key.key)),
              "Set this store aside and rebuild it from the other replicas.");
}

// nullopt: they are too many for one chunk.
[[nodiscard]] Result<std::optional<std::vector<SnapshotEntry>>> all_below(const StableView& view,
                                                                          const StateSlot& slot,
                                                                          const StatePath& path) {
  std::vector<SnapshotEntry> entries;
  std::size_t bytes = 0;
  const auto add = [&](const StateKey& key) -> Result<bool> {
    QUORATE_ASSIGN(SnapshotEntry entry, entry_of(view, key));
    bytes += entry.key.size() + entry.value.size();
    entries.push_back(std::move(entry));
    return bytes <= kChunkBytesMax || entries.size() == 1;
  };
  QUORATE_TRY(for_each_key(slot, {}, view.pages(), add, path));
  if (bytes > kChunkBytesMax && entries.size() > 1) return std::nullopt;
  return entries;
}

[[nodiscard]] Result<Chunk> continuations(const StableView& view, const StateSubtree& subtree,
                                          const StatePath& path) {
  QUORATE_ASSIGN(const StatePage page, read_page(view.pages(), path, subtree));
  ChunkSlots slots;
  for (std::size_t i = 0; i < kPageSlots; ++i) {
    if (const auto* below = std::get_if<StateSubtree>(&page.slots[i])) slots[i] = below->digest;
    const auto* key = std::get_if<StateKey>(&page.slots[i]);
    if (key == nullptr) continue;
    QUORATE_ASSIGN(SnapshotEntry entry, entry_of(view, *key));
    if (entry.value.size() > kChunkInlineBytesMax) {
      slots[i] = key->leaf;
    } else {
      slots[i] = std::move(entry);
    }
  }
  return Chunk(std::move(slots));
}

struct Hashed {
  Digest key_hash;
  Digest leaf;
};

[[nodiscard]] bool is_below(const Digest& key_hash, const StatePath& path) {
  return path_of(key_hash, path.front()) == path;
}

// By the definition of the tree. The depth is bounded: equal hashes were refused.
[[nodiscard]] Digest root_of(std::span<const Hashed> leaves, std::size_t depth) {
  if (leaves.empty()) return {};
  if (leaves.size() == 1) return leaves.front().leaf;
  const auto goes_left = [depth](const Hashed& each) {
    return (each.key_hash.bytes[depth / 8] >> (7 - depth % 8) & 1) == 0;
  };
  const auto right = std::partition_point(leaves.begin(), leaves.end(), goes_left);
  const auto left = static_cast<std::size_t>(right - leaves.begin());
  return crypto::merkle::node_hash(root_of(leaves.first(left), depth + 1),
                                   root_of(leaves.subspan(left), depth + 1));
}

[[nodiscard]] Hashed hashed(const SnapshotEntry& entry) {
  const Digest key_hash = crypto::sha256(entry.key);
  return {key_hash, state_leaf(key_hash, crypto::sha256(entry.value))};
}

[[nodiscard]] Status check_entries(const std::vector<SnapshotEntry>& entries,
                                   const StatePath& path, const Digest& expected) {
  std::vector<Hashed> leaves;
  leaves.reserve(entries.size());
  std::size_t bytes = 0;
  for (const SnapshotEntry& entry : entries) {
    bytes += entry.key.size() + entry.value.size();
    if (bytes > kChunkBytesMax && entries.size() > 1) {
      return malformed(path, "it holds more than a chunk may");
    }
    leaves.push_back(hashed(entry));
    const bool ascends =
        leaves.size() == 1 || leaves[leaves.size() - 2].key_hash < leaves.back().key_hash;
    if (!ascends || !is_below(leaves.back().key_hash, path)) {
      return malformed(path, "its keys are not those of the path in ascending order");
    }
  }
  const Digest found = root_of(leaves, 4 * std::size_t{path.front()});
  if (!entries.empty() && found == expected) return {};
  return fail(ErrorKind::kCorrupt, "chunk-other-digest",
              fmt::format("the {} keys at path {} have digest {}; {} was expected", entries.size(),
                          to_hex(path), found.hex(), expected.hex()),
              "Fetch it from another replica.");
}

[[nodiscard]] Status check_slots(const ChunkSlots& slots, const StatePath& path,
                                 const Digest& expected) {
  StatePage page;
  for (std::size_t i = 0; i < kPageSlots; ++i) {
    if (const auto* digest = std::get_if<Digest>(&slots[i])) {
      if (digest->is_zero()) return malformed(path, "an empty continuation is named as a subtree");
      page.slots[i] = StateSubtree{*digest, {}};
    }
    const auto* entry = std::get_if<SnapshotEntry>(&slots[i]);
    if (entry == nullptr) continue;
    const Hashed leaf = hashed(*entry);
    if (!is_below(leaf.key_hash, path_below(path, i))) {
      return malformed(path, "a key stands where it does not belong");
    }
    page.slots[i] = StateKey{entry->key, leaf.leaf};
  }
  const PageNode top = nodes_of(page)[1];
  if (top.kind == PageNode::Kind::kInner && top.digest == expected) return {};
  return fail(ErrorKind::kCorrupt, "chunk-other-digest",
              fmt::format("the continuations at path {} have digest {}; {} was expected",
                          to_hex(path), top.digest.hex(), expected.hex()),
              "Fetch it from another replica.");
}

}  // namespace

Status check_snapshot_head(const SnapshotHead& head, const Genesis& genesis,
                           std::span<const EpochProof> epochs) {
  crypto::SignatureCache cache(512);
  QUORATE_ASSIGN(const Membership membership,
                 verify_epochs(epochs, head.checkpoint.note.epoch, genesis, cache));
  const CheckpointVerifier verifier(chain_id_of(genesis), &cache);
  QUORATE_TRY(verifier.check(head.checkpoint, membership.current()));
  const TreeHead& log = head.checkpoint.note.head;
  if (head.frontier.size == log.size && head.frontier.is_well_formed() &&
      head.frontier.root() == log.root) {
    return {};
  }
  return fail(ErrorKind::kCorrupt, "snapshot-other-log",
              fmt::format("the snapshot's log of {} records is not the one with {} records and "
                          "root {} that its checkpoint names",
                          head.frontier.size, log.size, log.root.hex()),
              "Fetch it from another replica.");
}

Result<SnapshotHead> snapshot_head(const StableView& view) {
  QUORATE_ASSIGN(auto frontier, view.frontier());
  return SnapshotHead{view.checkpoint(), std::move(frontier)};
}

Result<Chunk> read_chunk(const StableView& view, const StatePath& path) {
  if (!is_path(path)) return not_found(path);
  QUORATE_ASSIGN(const StateSlot slot, slot_at(view, path));
  if (std::holds_alternative<StateHole>(slot)) return not_found(path);
  QUORATE_ASSIGN(auto entries, all_below(view, slot, path));
  if (entries) return Chunk(std::move(*entries));
  return continuations(view, std::get<StateSubtree>(slot), path);
}

Status verify_chunk(const Chunk& chunk, const StatePath& path, const Digest& expected) {
  if (!is_path(path)) return malformed(path, "that is no path");
  if (const auto* entries = std::get_if<std::vector<SnapshotEntry>>(&chunk)) {
    return check_entries(*entries, path, expected);
  }
  return check_slots(std::get<ChunkSlots>(chunk), path, expected);
}

}  // namespace quorate::ledger
