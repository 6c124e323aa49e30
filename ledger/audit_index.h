#pragma once

// The indices, by id and by nonce, against the blocks: nothing missing, nothing else in them.
//
// While blocks are read, what they must have put into an index is summed up (ledger/audit_sum.h);
// one walk over each index then either gives the same sum, or the difference is searched for.

#include <functional>
#include <optional>

#include "ledger/audit_block.h"
#include "ledger/audit_sum.h"
#include "ledger/store.h"

namespace quorate::ledger {

class AuditIndex {
 public:
  // Outlives this.
  explicit AuditIndex(const LevelDb& database) : database_(database) {}

  // Errors: those of the operating system.
  [[nodiscard]] Result<std::optional<AuditFinding>> add(const JudgedBlock& block,
                                                        const AuditBlock& stored);
  // After the last block: blocks first to last are those that were added.
  [[nodiscard]] Result<std::optional<AuditFinding>> judge(Height first, Height last) const;

 private:
  struct Entry {
    Bytes key;
    Bytes value;
    std::string_view name;
  };
  // Calls for what transaction `at` of the block has put into the indices.
  [[nodiscard]] Result<std::optional<AuditFinding>> entries_of(
      const JudgedBlock& block, const AuditBlock& stored, std::uint32_t at,
      const std::function<Status(const Entry&)>& visit) const;
  [[nodiscard]] Result<std::optional<AuditFinding>> find_missing(Height first, Height last) const;
  [[nodiscard]] Result<std::optional<AuditFinding>> find_extra() const;
  [[nodiscard]] Result<std::optional<TxId>> id_at(const TxLocation& place) const;

  const LevelDb& database_;
  crypto::SaltedHash salt_;
  AuditSum sum_;
};

}  // namespace quorate::ledger
