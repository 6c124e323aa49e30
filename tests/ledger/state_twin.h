#pragma once

// The state's tree by its definition, word for word, and pages in memory.

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "crypto/merkle.h"
#include "ledger/state_pages.h"
#include "ledger/state_tree.h"
#include "tests/ledger/example_network.h"

namespace quorate::ledger::test {

struct HashedLeaf {
  Digest key_hash;
  Digest value_hash;
};

inline bool bit_of(const Digest& digest, std::size_t at) {
  return (digest.bytes[at / 8] & (0x80 >> at % 8)) != 0;
}

// Over leaves in the order of their key hashes.
inline Digest twin_root(std::span<const HashedLeaf> leaves, std::size_t depth = 0) {
  if (leaves.empty()) return {};
  if (leaves.size() == 1) return state_leaf(leaves[0].key_hash, leaves[0].value_hash);
  std::size_t left = 0;
  while (left < leaves.size() && !bit_of(leaves[left].key_hash, depth)) ++left;
  return crypto::merkle::node_hash(twin_root(leaves.first(left), depth + 1),
                                   twin_root(leaves.subspan(left), depth + 1));
}

inline Digest twin_root(const std::map<Bytes, Bytes>& state) {
  std::vector<HashedLeaf> leaves;
  leaves.reserve(state.size());
  for (const auto& [key, value] : state) {
    leaves.push_back({crypto::sha256(key), crypto::sha256(value)});
  }
  std::sort(leaves.begin(), leaves.end(),
            [](const auto& a, const auto& b) { return a.key_hash < b.key_hash; });
  return twin_root(leaves);
}

// Versions of a tree, with every page that one of them needs and no other.
class PagesInMemory {
 public:
  struct Version {
    Height height;
    StateSlot root;
    std::map<Bytes, Bytes> state;
  };
  std::vector<Version> versions = {{}};
  std::map<PageId, StatePage> pages;

  [[nodiscard]] PageReader reader() const {
    return [this](const PageId& id) -> Result<StatePage> {
      const auto found = pages.find(id);
      if (found != pages.end()) return found->second;
      return fail(ErrorKind::kNotFound, "no-such-page", to_hex(id.path), "");
    };
  }

  static StateChanges changes_of(const WriteSet& writes) {
    StateChanges changes;
    for (const auto& [key, value] : writes) {
      const Digest key_hash = crypto::sha256(key);
      changes[key_hash] = change_of(key_hash, key, value);
    }
    return changes;
  }

  // The next version; how many pages it wrote.
  std::size_t apply(const WriteSet& writes) {
    Version next = versions.back();
    next.height.value += 1;
    Writer writer(*this, next.height);
    next.root = write_version(next.root, changes_of(writes), next.height, reader(), writer).value();
    replaced_[next.height] = std::move(writer.replaced);
    MapState state;
    state.leaves = std::move(next.state);
    state.apply(writes);
    next.state = std::move(state.leaves);
    versions.push_back(std::move(next));
    return writer.written;
  }

  // Drops the oldest version and what only it needs.
  void drop_oldest() {
    versions.erase(versions.begin());
    for (const PageId& page : replaced_.at(versions.front().height)) {
      EXPECT_EQ(pages.erase(page), 1U) << "a page was replaced that is not there";
    }
  }

  // How many pages the version reaches.
  [[nodiscard]] std::size_t reachable(const StateSlot& slot, const StatePath& path) const {
    const auto* subtree = std::get_if<StateSubtree>(&slot);
    if (subtree == nullptr) return 0;
    std::size_t count = 1;
    const StatePage& page = pages.at({subtree->version, path});
    for (std::size_t i = 0; i < kPageSlots; ++i) {
      StatePath below = path;
      ++below[0];
      if (path[0] % 2 == 0) below.push_back(static_cast<std::uint8_t>(i << 4));
      if (path[0] % 2 == 1) below.back() |= static_cast<std::uint8_t>(i);
      count += reachable(page.slots[i], below);
    }
    return count;
  }

 private:
  class Writer final : public PageWriter {
   public:
    Writer(PagesInMemory& to, Height version) : to_(to), version_(version) {}
    void write(const StatePath& path, StatePage page) override {
      ++written;
      page.made_digest = {};  // as from a disk
      EXPECT_TRUE(to_.pages.emplace(PageId{version_, path}, std::move(page)).second)
          << "written twice";
    }
    void replace(const PageId& page) override { replaced.push_back(page); }

    std::vector<PageId> replaced;
    std::size_t written = 0;

   private:
    PagesInMemory& to_;
    Height version_;
  };

  std::map<Height, std::vector<PageId>> replaced_;
};

// Few names, so that writes meet; about half of them removals once the state is `full`.
class AnyWrites {
 public:
  explicit AnyWrites(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  WriteSet operator()(std::size_t names, bool full, std::size_t count_max = 12) {
    WriteSet writes;
    for (std::uint64_t i = below(count_max); i > 0; --i) {
      const Bytes key = to_bytes("key " + std::to_string(below(names)));
      writes[key].reset();
      if (below(2) == 0 || (!full && below(4) != 0)) {
        writes[key] = to_bytes("value " + std::to_string(below(3)));
      }
    }
    return writes;
  }

  std::mt19937_64 random_;
};

}  // namespace quorate::ledger::test
