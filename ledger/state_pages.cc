#include "ledger/state_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "crypto/check.h"
#include "ledger/state_tree.h"

namespace quorate::ledger {
namespace {

using Kind = PageNode::Kind;

[[nodiscard]] PageNode node_of(const StateSlot& slot, std::size_t at) {
  PageNode node;
  node.slot = static_cast<std::uint8_t>(at);
  node.digest = digest_of(slot);
  if (std::holds_alternative<StateKey>(slot)) node.kind = Kind::kLeaf;
  if (std::holds_alternative<StateSubtree>(slot)) node.kind = Kind::kInner;
  return node;
}

[[nodiscard]] PageNode above(const PageNode& left, const PageNode& right) {
  if (left.kind == Kind::kNone && right.kind != Kind::kInner) return right;
  if (right.kind == Kind::kNone && left.kind != Kind::kInner) return left;
  return {Kind::kInner, 0, crypto::merkle::node_hash(left.digest, right.digest)};
}

// The node [1] alone.
[[nodiscard]] PageNode top_of(const StatePage& page) {
  std::array<PageNode, kPageSlots> nodes;
  for (std::size_t i = 0; i < kPageSlots; ++i) nodes[i] = node_of(page.slots[i], i);
  for (std::size_t width = kPageSlots / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) nodes[i] = above(nodes[2 * i], nodes[2 * i + 1]);
  }
  return nodes[0];
}

// The changes of one slot of a page: those that share a nibble more.
using Changes = std::span<const HashedChange* const>;

// One pass: a subtree at a time, from the deepest page up.
class Pass {
 public:
  Pass(Height version, const PageReader& read, PageWriter& writer)
      : version_(version), read_(read), writer_(writer) {}

  // What stands where `old` stood, `depth` nibbles down. Precondition: there are changes, and all
  // agree in those nibbles with each other and with what is there.
  [[nodiscard]] Result<StateSlot> apply(const StateSlot& old, Changes changes, std::size_t depth) {
    if (const auto* subtree = std::get_if<StateSubtree>(&old)) {
      return apply_to_page(*subtree, changes, depth);
    }
    std::vector<Leaf> leaves;
    const auto* key = std::get_if<StateKey>(&old);
    const Digest key_hash = key == nullptr ? Digest{} : crypto::sha256(key->key);
    bool stays = key != nullptr;
    for (const HashedChange* change : changes) {
      if (stays && key_hash <= change->first) {
        if (key_hash < change->first) leaves.push_back({key_hash, key});
        stays = false;
      }
      if (change->second.leaf) made_.push_back({change->second.key, *change->second.leaf});
      if (change->second.leaf) leaves.push_back({change->first, &made_.back()});
    }
    if (stays) leaves.push_back({key_hash, key});
    StateSlot slot = build(leaves, depth);
    made_.clear();
    return slot;
  }

 private:
  struct Leaf {
    Digest key_hash;
    const StateKey* key;
  };

  [[nodiscard]] Result<StateSlot> apply_to_page(const StateSubtree& old, Changes changes,
                                                std::size_t depth) {
    const StatePath path = path_of(changes.front()->first, depth);
    QUORATE_ASSIGN(StatePage page, read_page(read_, path, old));
    bool is_changed = false;
    while (!changes.empty()) {
      const std::uint8_t at = nibble(changes.front()->first, depth);
      const auto end =
          std::find_if(changes.begin(), changes.end(), [&](const HashedChange* change) {
            return nibble(change->first, depth) != at;
          });
      const auto count = static_cast<std::size_t>(end - changes.begin());
      QUORATE_ASSIGN(StateSlot slot, apply(page.slots[at], changes.first(count), depth + 1));
      is_changed = is_changed || slot != page.slots[at];
      page.slots[at] = std::move(slot);
      changes = changes.subspan(count);
    }
    if (!is_changed) return StateSlot(old);
    writer_.replace({old.version, path});
    return finish(std::move(page), path);
  }

  // Leaves in the order of their hashes.
  [[nodiscard]] StateSlot build(std::span<const Leaf> leaves, std::size_t depth) {
    if (leaves.empty()) return StateHole{};
    if (leaves.size() == 1) return *leaves.front().key;
    QUORATE_CHECK(depth < kPathNibblesMax, "two keys have one SHA-256");
    StatePage page;
    const StatePath path = path_of(leaves.front().key_hash, depth);
    while (!leaves.empty()) {
      const std::uint8_t at = nibble(leaves.front().key_hash, depth);
      std::size_t count = 1;
      while (count < leaves.size() && nibble(leaves[count].key_hash, depth) == at) ++count;
      page.slots[at] = build(leaves.first(count), depth + 1);
      leaves = leaves.subspan(count);
    }
    return finish(std::move(page), path);
  }

  [[nodiscard]] StateSlot finish(StatePage page, const StatePath& path) {
    const PageNode top = top_of(page);
    if (top.kind == Kind::kNone) return StateHole{};
    if (top.kind == Kind::kLeaf) return std::move(page.slots[top.slot]);
    page.made_digest = top.digest;
    writer_.write(path, std::move(page));
    return StateSubtree{top.digest, version_};
  }

  Height version_;
  const PageReader& read_;
  PageWriter& writer_;
  std::deque<StateKey> made_;
};

class NoWriter final : public PageWriter {
 public:
  void write(const StatePath&, StatePage) override {}
  void replace(const PageId&) override {}
};

}  // namespace

std::uint8_t nibble(const Digest& key_hash, std::size_t at) {
  const std::uint8_t byte = key_hash.bytes[at / 2];
  return at % 2 == 0 ? byte >> 4 : byte & 0x0f;
}

StatePath path_of(const Digest& key_hash, std::size_t nibbles) {
  QUORATE_CHECK(nibbles <= kPathNibblesMax, "a path is no longer than a hash");
  StatePath path = {static_cast<std::uint8_t>(nibbles)};
  path.insert(path.end(), key_hash.bytes.begin(), key_hash.bytes.begin() + (nibbles + 1) / 2);
  if (nibbles % 2 == 1) path.back() &= 0xf0;
  return path;
}

StatePath path_below(const StatePath& path, std::size_t slot) {
  StatePath longer = path;
  if (path.front() % 2 == 0) {
    longer.push_back(static_cast<std::uint8_t>(slot << 4));
  } else {
    longer.back() |= static_cast<std::uint8_t>(slot);
  }
  ++longer.front();
  return longer;
}

Digest digest_of(const StateSlot& slot) {
  if (const auto* key = std::get_if<StateKey>(&slot)) return key->leaf;
  if (const auto* subtree = std::get_if<StateSubtree>(&slot)) return subtree->digest;
  return {};
}

PageNodes nodes_of(const StatePage& page) {
  PageNodes nodes;
  for (std::size_t i = 0; i < kPageSlots; ++i) nodes[kPageSlots + i] = node_of(page.slots[i], i);
  for (std::size_t i = kPageSlots - 1; i > 0; --i) {
    nodes[i] = above(nodes[2 * i], nodes[2 * i + 1]);
  }
  return nodes;
}

std::optional<Digest> page_digest(const StatePage& page) {
  const PageNode top = top_of(page);
  return top.kind == Kind::kInner ? std::optional(top.digest) : std::nullopt;
}

Result<StatePage> read_page(const PageReader& read, const StatePath& path,
                            const StateSubtree& subtree) {
  QUORATE_ASSIGN(StatePage page, read({subtree.version, path}));
  if (page.made_digest == subtree.digest) return page;
  const PageNode top = top_of(page);
  if (top.kind != Kind::kInner || top.digest != subtree.digest) {
    return fail(ErrorKind::kCorrupt, "state-page-other",
                fmt::format("the page of the state tree at path {} of version {} has digest {}; "
                            "{} was expected",
                            to_hex(path), subtree.version.value, top.digest.hex(),
                            subtree.digest.hex()),
                "Set this store aside and rebuild it from the other replicas.");
  }
  return page;
}

StateChange change_of(const Digest& key_hash, ByteView key, const std::optional<Bytes>& value) {
  StateChange change{Bytes(key.begin(), key.end()), std::nullopt};
  if (value) change.leaf = state_leaf(key_hash, crypto::sha256(*value));
  return change;
}

Result<StateSlot> write_version(const StateSlot& root, const StateChanges& changes, Height version,
                                const PageReader& read, PageWriter& writer) {
  std::vector<const HashedChange*> sorted;
  sorted.reserve(changes.size());
  for (const HashedChange& change : changes) sorted.push_back(&change);
  return write_version(root, sorted, version, read, writer);
}

Result<StateSlot> write_version(const StateSlot& root,
                                std::span<const HashedChange* const> changes, Height version,
                                const PageReader& read, PageWriter& writer) {
  if (changes.empty()) return root;
  return Pass(version, read, writer).apply(root, changes, 0);
}

Result<Digest> root_after(const StateSlot& root, const StateChanges& changes,
                          const PageReader& read) {
  NoWriter writer;
  QUORATE_ASSIGN(const StateSlot after, write_version(root, changes, {}, read, writer));
  return digest_of(after);
}

}  // namespace quorate::ledger
