// Walking the state's tree: key by key, and two trees side by side.

#include <fmt/format.h>

#include "ledger/state_pages.h"

namespace quorate::ledger {
namespace {

// A slot with the place where it stands.
struct Standing {
  StateSlot slot;
  StatePath path;
};

// Whether every hash below the path is lower than `first`.
[[nodiscard]] bool ends_before(const StatePath& path, const Digest& first) {
  return path < path_of(first, path.front());
}

// The sixteen slots below; a slot that is no subtree stands below as the one that its hash names.
[[nodiscard]] Result<StatePage> opened(const Standing& at, const PageReader& read) {
  if (const auto* subtree = std::get_if<StateSubtree>(&at.slot)) {
    return read_page(read, at.path, *subtree);
  }
  StatePage page;
  if (const auto* key = std::get_if<StateKey>(&at.slot)) {
    page.slots[nibble(crypto::sha256(key->key), at.path.front())] = *key;
  }
  return page;
}

[[nodiscard]] StateDifference difference_of(const StateSlot& here, const StateSlot& there) {
  StateDifference found;
  if (const auto* key = std::get_if<StateKey>(&there)) {
    found.key = key->key;
    found.there = key->leaf;
  }
  if (const auto* key = std::get_if<StateKey>(&here)) {
    found.key = key->key;
    found.here = key->leaf;
  }
  return found;
}

// Two single keys at one place: which of them comes first, or both if they are one key.
[[nodiscard]] StateDifference first_of(const StateKey& here, const StateKey& there) {
  if (here.key == there.key) return {here.key, here.leaf, there.leaf};
  if (crypto::sha256(here.key) < crypto::sha256(there.key)) return {here.key, here.leaf, {}};
  return {there.key, {}, there.leaf};
}

}  // namespace

Status for_each_key(const StateSlot& root, const Digest& first, const PageReader& read,
                    const std::function<Result<bool>(const StateKey&)>& visit,
                    const StatePath& path) {
  std::vector<Standing> open;  // the next one last
  open.push_back({root, path});
  while (!open.empty()) {
    const Standing at = std::move(open.back());
    open.pop_back();
    if (const auto* key = std::get_if<StateKey>(&at.slot)) {
      if (crypto::sha256(key->key) < first) continue;
      QUORATE_ASSIGN(const bool goes_on, visit(*key));
      if (!goes_on) return {};
    } else if (std::holds_alternative<StateSubtree>(at.slot)) {
      if (ends_before(at.path, first)) continue;
      QUORATE_ASSIGN(StatePage page, opened(at, read));
      for (std::size_t i = kPageSlots; i > 0; --i) {
        open.push_back({std::move(page.slots[i - 1]), path_below(at.path, i - 1)});
      }
    }
  }
  return {};
}

Result<std::optional<StateDifference>> first_difference(const StateSlot& here,
                                                        const PageReader& read_here,
                                                        const StateSlot& there,
                                                        const PageReader& read_there) {
  Standing ours{here, path_of({}, 0)};
  Standing theirs{there, path_of({}, 0)};
  while (digest_of(ours.slot) != digest_of(theirs.slot)) {
    const auto* our_key = std::get_if<StateKey>(&ours.slot);
    const auto* their_key = std::get_if<StateKey>(&theirs.slot);
    if (our_key != nullptr && their_key != nullptr) return first_of(*our_key, *their_key);
    if (!std::holds_alternative<StateSubtree>(ours.slot) &&
        !std::holds_alternative<StateSubtree>(theirs.slot)) {
      return difference_of(ours.slot, theirs.slot);
    }
    QUORATE_ASSIGN(StatePage our_page, opened(ours, read_here));
    QUORATE_ASSIGN(StatePage their_page, opened(theirs, read_there));
    std::size_t at = 0;
    while (at < kPageSlots && digest_of(our_page.slots[at]) == digest_of(their_page.slots[at])) {
      ++at;
    }
    if (at == kPageSlots) {  // a page that calls a leaf a subtree, or the other way round
      return fail(ErrorKind::kCorrupt, "state-page-other",
                  fmt::format("two pages of the state tree at path {} differ, and none of their "
                              "slots does",
                              to_hex(ours.path)),
                  "Compare with another replica.");
    }
    const StatePath path = path_below(ours.path, at);
    ours = {std::move(our_page.slots[at]), path};
    theirs = {std::move(their_page.slots[at]), path};
  }
  return std::nullopt;
}

}  // namespace quorate::ledger
