#pragma once

// The state's tree as it is stored: every page of every version that is kept, every value below it,
// and what changed between the versions.
//
// Pages and values are read in the order in which they are stored (ledger/audit_pages.h). Where
// they do not fit, the trees are walked, a page at a time, to name the first that is wrong. Memory:
// the keys that changed since the oldest kept version, about a hundred bytes each, and what the
// pages of later versions refer to.

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "ledger/audit_finding.h"
#include "ledger/audit_sum.h"
#include "ledger/audit_window.h"
#include "ledger/genesis.h"
#include "ledger/store_keys.h"

namespace quorate::ledger {

class AuditTree {
 public:
  // All outlive this.
  AuditTree(const LevelDb& database, const Genesis& genesis, Height head)
      : database_(database), genesis_(genesis), head_(head) {}

  // After the blocks were found good. Errors: those of the operating system.
  [[nodiscard]] Result<std::optional<AuditFinding>> judge();

 private:
  using Verdict = Result<std::optional<AuditFinding>>;
  // What keys became between two versions: a digest of the value, zero if removed.
  using Changes = std::map<Bytes, Digest>;

  [[nodiscard]] Verdict read_versions();
  [[nodiscard]] Verdict judge_root(const StateVersion& version) const;
  // Whether pages and values are those of the versions. No, if anything cannot be read; the walk
  // then names what.
  [[nodiscard]] bool pages_and_values_fit() const;
  [[nodiscard]] Verdict walk(std::size_t version);
  // As of the oldest version, in the order of the keys but for those that changed since.
  [[nodiscard]] Status for_each_value(
      const std::function<Status(ByteView key, ByteView value)>& visit) const;
  [[nodiscard]] Result<AuditSum> sum_of_values() const;
  [[nodiscard]] Verdict find_extra_value() const;
  [[nodiscard]] Verdict judge_value(std::size_t version, const StateKey& key) const;
  // Of the blocks after versions[version], up to the next one or the head.
  [[nodiscard]] Result<Changes> changes_after(std::size_t version) const;
  [[nodiscard]] Verdict judge_removed(std::size_t version, const Changes& changes) const;
  [[nodiscard]] Verdict judge_earlier_values(std::size_t version, const Changes& changes) const;
  [[nodiscard]] Verdict judge_head(const Changes& changes) const;
  [[nodiscard]] Verdict judge_page_count() const;
  [[nodiscard]] PageReader pages() const;
  [[nodiscard]] Result<std::optional<Bytes>> value_at(std::size_t version, ByteView key) const;

  const LevelDb& database_;
  const Genesis& genesis_;
  const Height head_;
  std::vector<StateVersion> versions_;
  crypto::SaltedHash salt_;
  std::uint64_t pages_ = 0;  // that were walked
};

}  // namespace quorate::ledger
