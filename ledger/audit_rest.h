#pragma once

// What is no block, no index and no state: where the ledger begins, its head, and that nothing
// stands in it that belongs to nothing.

#include <memory>
#include <optional>

#include "ledger/audit_chain.h"
#include "ledger/auditor.h"
#include "ledger/snapshot_import.h"
#include "ledger/store_keys.h"

namespace quorate::ledger {

struct AuditStart {
  StoredHead head;
  std::optional<SnapshotOrigin> origin;
  AuditPoint point;
  std::shared_ptr<const Membership> membership;  // never null
};
// Or what is wrong there. Errors: those of the operating system.
[[nodiscard]] Result<tl::expected<AuditStart, AuditFinding>> read_start(const LevelDb& database,
                                                                        const Genesis& genesis);

// After the last block.
[[nodiscard]] Result<std::optional<AuditFinding>> judge_rest(const LevelDb& database,
                                                             const Genesis& genesis,
                                                             const AuditStart& start,
                                                             const AuditPoint& end,
                                                             AuditReport& report);

}  // namespace quorate::ledger
