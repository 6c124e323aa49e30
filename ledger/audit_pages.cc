#include "ledger/audit_pages.h"

#include "crypto/bcs.h"
#include "ledger/audit_finding.h"

namespace quorate::ledger {

Result<bool> AuditPages::fit(const Visit& visit) {
  for (std::size_t version = versions_.size(); version-- > 0;) {
    QUORATE_ASSIGN(const bool fits, read_version(version, visit));
    if (!fits) return false;
  }
  return owed_.empty();
}

Result<bool> AuditPages::read_version(std::size_t version, const Visit& visit) {
  there_ = {};
  wanted_ = {};
  QUORATE_ASSIGN(bool fits, read_slot(version, versions_[version].root, path_of({}, 0), visit));
  if (!fits) return false;
  const Height first = version == 0 ? Height{0} : next(versions_[version - 1].height);
  bool is_past = false;
  const Status read = database_.for_each_from(
      keys::of_height('p', first), 1, [&](ByteView key, ByteView value) -> Status {
        is_past = version + 1 < versions_.size() &&
                  keys::height_in(key) > versions_[version].height;
        if (is_past) return end_of_walk();
        QUORATE_ASSIGN(fits, read_page(version, key, value, visit));
        return fits ? Status{} : end_of_walk();
      });
  if (!fits) return false;
  if (!is_past) QUORATE_TRY(read);
  return there_ == wanted_;
}

Result<bool> AuditPages::read_page(std::size_t version, ByteView key, ByteView value,
                                   const Visit& visit) {
  const auto slots = crypto::decode<StateSlots>(value);
  constexpr std::size_t kPathAt = 9;  // after the letter and the version
  if (!slots || key.size() <= kPathAt || key[kPathAt] >= kPathNibblesMax) return false;
  const StatePage page{*slots};
  const std::optional<Digest> digest = page_digest(page);
  if (!digest) return false;
  there_.add(salt_, key, digest->bytes);
  if (!owed_.empty()) owed_.erase(AuditSum::term(salt_, key, digest->bytes));
  const StatePath path(key.begin() + kPathAt, key.end());
  for (std::size_t i = 0; i < kPageSlots; ++i) {
    QUORATE_ASSIGN(const bool fits, read_slot(version, page.slots[i], path_below(path, i), visit));
    if (!fits) return false;
  }
  return true;
}

Result<bool> AuditPages::read_slot(std::size_t version, const StateSlot& slot,
                                   const StatePath& path, const Visit& visit) {
  if (const auto* key = std::get_if<StateKey>(&slot)) return visit(version, *key);
  const auto* subtree = std::get_if<StateSubtree>(&slot);
  if (subtree == nullptr) return true;
  if (subtree->version > versions_[version].height) return false;
  const Bytes page = keys::page({subtree->version, path});
  if (version > 0 && subtree->version <= versions_[version - 1].height) {
    owed_.insert(AuditSum::term(salt_, page, subtree->digest.bytes));
  } else {
    wanted_.add(salt_, page, subtree->digest.bytes);
  }
  return true;
}

}  // namespace quorate::ledger
