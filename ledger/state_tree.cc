#include "ledger/state_tree.h"

#include <limits>

#include "crypto/check.h"
#include "crypto/merkle.h"

namespace quorate::ledger {
namespace {

// As many of each as a Ref can name.
constexpr std::size_t kNodesMax = std::numeric_limits<std::uint32_t>::max() >> 1;

[[nodiscard]] std::size_t bit(const Digest& key_hash, std::size_t depth) {
  return key_hash.bytes[depth / 8] >> (7 - depth % 8) & 1;
}

}  // namespace

Digest state_leaf(const Digest& key_hash, const Digest& value_hash) {
  static constexpr std::uint8_t kLeafPrefix = 0;
  return crypto::Sha256()
      .update({&kLeafPrefix, 1})
      .update(key_hash.bytes)
      .update(value_hash.bytes)
      .finish();
}

std::vector<StateTree::Replaced> StateTree::apply(const WriteSet& writes) {
  std::vector<Replaced> replaced;
  replaced.reserve(writes.size());
  for (const auto& [key, value] : writes) {
    const Digest key_hash = crypto::sha256(key);
    std::optional<Digest> value_hash;
    if (value) value_hash = crypto::sha256(*value);
    replaced.push_back({key_hash, set(key_hash, value_hash)});
  }
  return replaced;
}

void StateTree::undo(const std::vector<Replaced>& replaced) {
  // A write set names a key once, so the order does not matter.
  for (const Replaced& before : replaced) set(before.key_hash, before.value_hash);
}

void StateTree::put(ByteView key, ByteView value) {
  set(crypto::sha256(key), crypto::sha256(value));
}

Digest StateTree::root() {
  if (root_ == 0) return {};
  if (is_leaf(root_) || !inner(root_).digest.is_zero()) return digest(root_);
  // Down to a marked node whose children are not, hash it, and up again.
  std::array<Ref, kDepthMax> above;
  std::size_t depth = 0;
  above[depth++] = root_;
  while (depth > 0) {
    Inner& node = inner(above[depth - 1]);
    const auto is_marked = [this](Ref ref) { return is_inner(ref) && inner(ref).digest.is_zero(); };
    if (is_marked(node.child[0])) {
      above[depth++] = node.child[0];
    } else if (is_marked(node.child[1])) {
      above[depth++] = node.child[1];
    } else {
      node.digest = crypto::merkle::node_hash(digest(node.child[0]), digest(node.child[1]));
      --depth;
    }
  }
  return inner(root_).digest;
}

Digest StateTree::digest(Ref ref) {
  if (ref == 0) return {};
  if (is_inner(ref)) return inner(ref).digest;
  return state_leaf(leaf(ref).key_hash, leaf(ref).value_hash);
}

StateTree::Ref StateTree::new_leaf(const Leaf& added) {
  std::size_t index = leaves_.size();
  if (free_leaves_.empty()) {
    QUORATE_CHECK(index < kNodesMax, "2^31 keys in the state");
    leaves_.push_back(added);
  } else {
    index = free_leaves_.back();
    free_leaves_.pop_back();
    leaves_[index] = added;
  }
  return static_cast<Ref>(index << 1 | 1);
}

StateTree::Ref StateTree::new_inner() {
  std::size_t index = inners_.size();
  if (free_inners_.empty()) {
    QUORATE_CHECK(index < kNodesMax - 1, "2^31 inner nodes of the state");
    inners_.emplace_back();
  } else {
    index = free_inners_.back();
    free_inners_.pop_back();
    inners_[index] = {};
  }
  return static_cast<Ref>((index + 1) << 1);
}

void StateTree::find(const Digest& key_hash, Place& place) {
  place.depth = 0;
  place.found = root_;
  while (is_inner(place.found)) {
    const std::uint32_t index = (place.found >> 1) - 1;
    place.found = inners_[index].child[bit(key_hash, place.depth)];
    place.path[place.depth++] = index;
  }
}

std::optional<Digest> StateTree::set(const Digest& key_hash,
                                     const std::optional<Digest>& value_hash) {
  Place place;
  find(key_hash, place);
  if (!is_leaf(place.found) || leaf(place.found).key_hash != key_hash) {
    if (value_hash) insert({key_hash, *value_hash}, place);
    return std::nullopt;
  }
  const Digest before = leaf(place.found).value_hash;
  if (!value_hash) {
    erase(place);
  } else if (*value_hash != before) {
    leaf(place.found).value_hash = *value_hash;
    mark(place);
  }
  return before;
}

void StateTree::insert(const Leaf& added, const Place& place) {
  const Ref ref = new_leaf(added);
  if (place.found == 0) return attach(ref, place, added.key_hash);
  // Another key stands there: inner nodes down to the first bit that tells the two apart.
  const Digest other = leaf(place.found).key_hash;
  const Ref top = new_inner();
  Ref last = top;
  std::size_t depth = place.depth;
  while (bit(added.key_hash, depth) == bit(other, depth)) {
    const Ref below = new_inner();
    inner(last).child[bit(other, depth)] = below;
    last = below;
    ++depth;
  }
  inner(last).child[bit(added.key_hash, depth)] = ref;
  inner(last).child[bit(other, depth)] = place.found;
  attach(top, place, added.key_hash);
}

void StateTree::erase(Place& place) {
  const Digest key_hash = leaf(place.found).key_hash;
  free_leaves_.push_back(place.found >> 1);
  Ref left = 0;  // what stands there now
  // A node that is left with one leaf becomes that leaf.
  while (place.depth > 0) {
    const std::uint32_t index = place.path[place.depth - 1];
    const Ref sibling = inners_[index].child[1 - bit(key_hash, place.depth - 1)];
    const bool is_one_leaf = left == 0 ? is_leaf(sibling) : sibling == 0;
    if (!is_one_leaf) break;
    if (left == 0) left = sibling;
    free_inners_.push_back(index);
    --place.depth;
  }
  attach(left, place, key_hash);
}

void StateTree::attach(Ref ref, const Place& place, const Digest& key_hash) {
  if (place.depth == 0) {
    root_ = ref;
    return;
  }
  inners_[place.path[place.depth - 1]].child[bit(key_hash, place.depth - 1)] = ref;
  mark(place);
}

void StateTree::mark(const Place& place) {
  for (std::size_t i = place.depth; i > 0; --i) {
    Digest& digest = inners_[place.path[i - 1]].digest;
    if (digest.is_zero()) return;  // and so are those above it
    digest = {};
  }
}

}  // namespace quorate::ledger
