#pragma once

// The pages of the state's tree, read in the order in which they are stored.
//
// Whether each kept version has its pages, each with the digest that the page above it names, and
// whether there are no others, is a question about two sets: the pages that are there, and those
// that roots and pages refer to. Held against each other as sums (ledger/audit_sum.h), they need no
// walk down the tree, which looks up one page at a time and reads a whole block for each.
//
// That suffices: references lead to longer paths, so a page that no root leads to would need one
// above it that none leads to either, and so on up to a root.
//
// A version shares pages with the one before it. So the pages of a version are those that were
// written since the version before; what they refer to of older ones is kept as a set, and must be
// met among those. Memory: that set, at most 16 hashes for each page that is newer than the oldest
// version.

#include <functional>
#include <set>
#include <vector>

#include "ledger/audit_sum.h"
#include "ledger/leveldb_open.h"
#include "ledger/store_keys.h"

namespace quorate::ledger {

class AuditPages {
 public:
  // All outlive this. `versions`: the oldest first.
  AuditPages(const LevelDb& database, const std::vector<StateVersion>& versions,
             const crypto::SaltedHash& salt)
      : database_(database), versions_(versions), salt_(salt) {}

  // Calls `visit` with each key that stands in a page that the version with this index has and the
  // one before it has not; its error or false ends the work. True: the pages are those that the
  // versions consist of, provided that their roots are good. Errors: those of reading.
  using Visit = std::function<Result<bool>(std::size_t version, const StateKey& key)>;
  [[nodiscard]] Result<bool> fit(const Visit& visit);

 private:
  [[nodiscard]] Result<bool> read_version(std::size_t version, const Visit& visit);
  [[nodiscard]] Result<bool> read_page(std::size_t version, ByteView key, ByteView value,
                                       const Visit& visit);
  [[nodiscard]] Result<bool> read_slot(std::size_t version, const StateSlot& slot,
                                       const StatePath& path, const Visit& visit);

  const LevelDb& database_;
  const std::vector<StateVersion>& versions_;
  const crypto::SaltedHash& salt_;
  // Of the version that is being read.
  AuditSum there_;
  AuditSum wanted_;
  std::set<AuditSum::Term> owed_;  // pages of older versions that newer ones refer to
};

}  // namespace quorate::ledger
