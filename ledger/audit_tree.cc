#include "ledger/audit_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "crypto/bcs.h"
#include "ledger/audit_pages.h"
#include "ledger/execution.h"
#include "ledger/state_tree.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {
namespace {

using Finding = std::optional<AuditFinding>;

AuditFinding of_version(Height version, std::string field, std::string expected,
                        std::string found) {
  return {version, std::nullopt, std::move(field), std::move(expected), std::move(found)};
}

Digest digest_of_value(const std::optional<Bytes>& value) {
  return value ? crypto::sha256(*value) : Digest{};
}

}  // namespace

Result<Finding> AuditTree::judge() {
  const auto attempt = [&]() -> Verdict {
    QUORATE_ASSIGN(Finding finding, read_versions());
    if (finding) return finding;
    const bool is_whole = pages_and_values_fit();
    for (std::size_t i = 0; i < versions_.size(); ++i) {
      QUORATE_ASSIGN(finding, judge_root(versions_[i]));
      if (finding) return finding;
      QUORATE_ASSIGN(finding, is_whole ? Verdict{} : walk(i));
      if (finding) return finding;
      QUORATE_ASSIGN(const Changes changes, changes_after(i));
      QUORATE_ASSIGN(finding, judge_earlier_values(i, changes));
      if (finding) return finding;
      const bool is_newest = i + 1 == versions_.size();
      QUORATE_ASSIGN(finding, is_newest ? judge_head(changes) : judge_removed(i + 1, changes));
      if (finding) return finding;
    }
    return is_whole ? Verdict{} : judge_page_count();
  };
  Verdict verdict = attempt();
  if (verdict) return verdict;
  QUORATE_ASSIGN(AuditFinding unreadable, as_finding(verdict.error(), "state"));
  return unreadable;
}

Result<Finding> AuditTree::read_versions() {
  Finding finding;
  const Status read = database_.for_each('v', [&](ByteView key, ByteView value) -> Status {
    const Height height = keys::height_in(key);
    auto root = crypto::decode<StateSlot>(value);
    const bool fits = keys::version(height) == Bytes(key.begin(), key.end()) && height <= head_;
    if (!fits || !root) {
      finding = AuditFinding{std::nullopt, std::nullopt, "state version", "one up to the head",
                             fmt::format("{} under {}", audit_text(value), to_hex(key))};
      return end_of_walk();
    }
    versions_.push_back({height, std::move(*root)});
    return {};
  });
  if (finding) return finding;
  QUORATE_TRY(read);
  if (versions_.empty()) {
    return AuditFinding{std::nullopt, std::nullopt, "state version", "at least one", "none"};
  }
  // Earlier versions are dropped for a stable checkpoint only.
  const Height oldest = versions_.front().height;
  if (oldest.value == 0) return std::nullopt;
  QUORATE_ASSIGN(const auto stable,
                 database_.first_between(keys::stable(oldest), keys::after_stable()));
  if (stable) return std::nullopt;
  return of_version(oldest, "stable checkpoint",
                    "one from there on, since the state before is dropped", "none");
}

Result<Finding> AuditTree::judge_root(const StateVersion& version) const {
  Digest expected;
  if (version.height.value == 0) {
    StateTree tree;
    for (const auto& [key, value] : genesis_state(genesis_)) tree.put(key, *value);
    expected = tree.root();
  } else {
    QUORATE_ASSIGN(const auto bytes, database_.get(keys::own_checkpoint(version.height), nullptr,
                                                   "a checkpoint note"));
    const auto note = crypto::decode<CheckpointNote>(bytes.value_or(Bytes{}));
    if (!note) {
      return of_version(version.height, "state version", "a checkpoint of that height", "none");
    }
    expected = note->state_root;
  }
  if (digest_of(version.root) == expected) return std::nullopt;
  return of_version(version.height, "state version, root", expected.hex(),
                    digest_of(version.root).hex());
}

// The oldest version has every key, and a look-up for each costs more than all else: so its values
// are added up in the order of the keys, and its pages in theirs.
bool AuditTree::pages_and_values_fit() const {
  Result<AuditSum> stored;
  std::thread beside([&] { stored = sum_of_values(); });
  AuditSum in_tree;
  const auto pages_fit =
      AuditPages(database_, versions_, salt_)
          .fit([&](std::size_t version, const StateKey& key) -> Result<bool> {
            if (version > 0) {
              QUORATE_ASSIGN(const Finding finding, judge_value(version, key));
              return !finding;
            }
            in_tree.add(salt_, key.key, key.leaf.bytes);
            return true;
          });
  beside.join();
  return pages_fit && *pages_fit && stored && *stored == in_tree;
}

// As of the oldest version.
Status AuditTree::for_each_value(
    const std::function<Status(ByteView key, ByteView value)>& visit) const {
  std::set<Bytes> changed;
  for (const StateVersion& version : versions_) {
    const Bytes prefix = keys::before(version.height, {});
    QUORATE_TRY(database_.for_each_from(
        prefix, prefix.size(), [&](ByteView key, ByteView value) -> Status {
          const ByteView state_key = key.subspan(prefix.size());
          if (!changed.emplace(state_key.begin(), state_key.end()).second) return {};
          const auto before = crypto::decode<std::optional<Bytes>>(value);
          if (!before) return tl::unexpected(before.error());
          return *before ? visit(state_key, **before) : Status{};
        }));
  }
  return database_.for_each('s', [&](ByteView key, ByteView value) -> Status {
    const ByteView state_key = key.subspan(1);
    const bool is_other =
        !changed.empty() && changed.contains(Bytes(state_key.begin(), state_key.end()));
    return is_other ? Status{} : visit(state_key, value);
  });
}

Result<AuditSum> AuditTree::sum_of_values() const {
  AuditSum sum;
  QUORATE_TRY(for_each_value([&](ByteView key, ByteView value) -> Status {
    sum.add(salt_, key, state_leaf(crypto::sha256(key), crypto::sha256(value)).bytes);
    return {};
  }));
  return sum;
}

// Every key of the tree has its value, and yet there are others.
Result<Finding> AuditTree::find_extra_value() const {
  const StateVersion& oldest = versions_.front();
  Finding finding;
  const Status read = for_each_value([&](ByteView key, ByteView value) -> Status {
    bool is_there = false;
    QUORATE_TRY(for_each_key(oldest.root, crypto::sha256(key), pages(),
                             [&](const StateKey& next) -> Result<bool> {
                               is_there = std::ranges::equal(next.key, key);
                               return false;
                             }));
    if (is_there) return {};
    finding = of_version(oldest.height, "state, key " + audit_text(key), "nothing, as in the tree",
                         audit_text(value));
    return end_of_walk();
  });
  if (!finding) QUORATE_TRY(read);
  return finding;
}

PageReader AuditTree::pages() const {
  return [this](const PageId& id) { return read_stored_page(database_, id); };
}

// Down the tree, each value looked up, to name the first thing that is wrong.
Result<Finding> AuditTree::walk(std::size_t version) {
  const StateVersion& walked = versions_[version];
  // Pages that an earlier kept version has were walked with it.
  const std::optional<Height> known =
      version == 0 ? std::nullopt : std::optional(versions_[version - 1].height);
  const PageReader read = pages();
  std::vector<std::pair<StateSlot, StatePath>> open = {{walked.root, path_of({}, 0)}};
  while (!open.empty()) {
    const auto [slot, path] = std::move(open.back());
    open.pop_back();
    if (const auto* key = std::get_if<StateKey>(&slot)) {
      QUORATE_ASSIGN(Finding finding, judge_value(version, *key));
      if (finding) return finding;
      continue;
    }
    const auto* subtree = std::get_if<StateSubtree>(&slot);
    if (subtree == nullptr) continue;
    auto page = read_page(read, path, *subtree);
    if (!page) {
      QUORATE_ASSIGN(AuditFinding finding,
                     as_finding(page.error(), "page of the state tree at path " + to_hex(path),
                                walked.height));
      finding.expected = "the page with digest " + subtree->digest.hex();
      return finding;
    }
    if (known && subtree->version <= *known) continue;
    ++pages_;
    for (std::size_t i = 0; i < kPageSlots; ++i) {
      open.emplace_back(std::move(page->slots[i]), path_below(path, i));
    }
  }
  return version == 0 ? find_extra_value() : Verdict{};
}

Result<std::optional<Bytes>> AuditTree::value_at(std::size_t version, ByteView key) const {
  for (std::size_t i = version; i < versions_.size(); ++i) {
    QUORATE_ASSIGN(const auto before,
                   database_.get(keys::before(versions_[i].height, key), nullptr,
                                 "an earlier value of the state"));
    if (!before) continue;
    auto value = crypto::decode<std::optional<Bytes>>(*before);
    if (!value) return database_.corrupt("an earlier value of the state does not decode");
    return value;
  }
  return database_.get(keys::state(key), nullptr, "a value of the state");
}

Result<Finding> AuditTree::judge_value(std::size_t version, const StateKey& key) const {
  const Height height = versions_[version].height;
  const auto value = value_at(version, key.key);
  if (!value) {
    QUORATE_ASSIGN(AuditFinding finding,
                   as_finding(value.error(), "state, key " + audit_text(key.key), height));
    return finding;
  }
  if (*value && state_leaf(crypto::sha256(key.key), crypto::sha256(**value)) == key.leaf) {
    return std::nullopt;
  }
  return of_version(height, "state, key " + audit_text(key.key),
                    "the value with leaf " + key.leaf.hex() + " in the tree",
                    audit_text(*value));
}

Result<AuditTree::Changes> AuditTree::changes_after(std::size_t version) const {
  const bool is_newest = version + 1 == versions_.size();
  const Height end = is_newest ? head_ : versions_[version + 1].height;
  Changes changes;
  for (Height at = next(versions_[version].height); at <= end; at = next(at)) {
    QUORATE_ASSIGN(const auto bytes, database_.get(keys::writes(at), nullptr, "a write set"));
    const auto writes = crypto::decode<std::vector<StoredWrite>>(bytes.value_or(Bytes{}));
    if (!writes) return database_.corrupt("a write set does not decode");
    for (const StoredWrite& write : *writes) changes[write.key] = digest_of_value(write.value);
  }
  return changes;
}

// What the tree of a version lost since the one before it; nothing else asks for those keys.
Result<Finding> AuditTree::judge_removed(std::size_t version, const Changes& changes) const {
  for (const auto& [key, value] : changes) {
    if (!value.is_zero()) continue;
    QUORATE_ASSIGN(const auto found, value_at(version, key));
    if (!found) continue;
    return of_version(versions_[version].height, "state, key " + audit_text(key),
                      "nothing, as the write sets up to there say", audit_text(found));
  }
  return std::nullopt;
}

Result<Finding> AuditTree::judge_earlier_values(std::size_t version,
                                                const Changes& changes) const {
  const Height height = versions_[version].height;
  const Bytes prefix = keys::before(height, {});
  std::uint64_t count = 0;
  Finding finding;
  const Status read = database_.for_each_from(
      prefix, prefix.size(), [&](ByteView key, ByteView value) -> Status {
        ++count;
        const ByteView state_key = key.subspan(prefix.size());
        const auto before = crypto::decode<std::optional<Bytes>>(value);
        if (changes.contains(Bytes(state_key.begin(), state_key.end())) && before) return {};
        finding = of_version(height, "earlier value of key " + audit_text(state_key),
                             "one of a key that changed since", audit_text(value));
        return end_of_walk();
      });
  if (finding) return finding;
  QUORATE_TRY(read);
  if (count == changes.size()) return std::nullopt;
  for (const auto& [key, value] : changes) {
    QUORATE_ASSIGN(const auto got, database_.get(keys::before(height, key), nullptr, "it"));
    if (!got) {
      return of_version(height, "earlier value of key " + audit_text(key),
                        "one, since the key changed", "nothing");
    }
  }
  return std::nullopt;
}

Result<Finding> AuditTree::judge_head(const Changes& changes) const {
  for (const auto& [key, expected] : changes) {
    QUORATE_ASSIGN(const auto value, database_.get(keys::state(key), nullptr, "a value"));
    if (digest_of_value(value) == expected) continue;
    return of_version(head_, "state, key " + audit_text(key),
                      expected.is_zero() ? "nothing, as the last write set says"
                                         : "the value with SHA-256 " + expected.hex() +
                                               " that the last write set gives",
                      audit_text(value));
  }
  return std::nullopt;
}

// Nothing else was found, and yet something does not fit.
Result<Finding> AuditTree::judge_page_count() const {
  std::uint64_t pages = 0;
  QUORATE_TRY(database_.for_each('p', [&](ByteView, ByteView) -> Status {
    ++pages;
    return {};
  }));
  return AuditFinding{std::nullopt, std::nullopt, "pages of the state tree",
                      fmt::format("{}, which its versions consist of", pages_),
                      pages == pages_ ? "as many, but others" : fmt::format("{}", pages)};
}

}  // namespace quorate::ledger
