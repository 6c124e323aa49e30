#pragma once

// Which replicas may have signed what, for an audit: from the genesis document and the epoch proofs
// that the ledger keeps, before any block is judged.

#include <memory>
#include <tl/expected.hpp>

#include "ledger/audit_finding.h"
#include "ledger/epoch_proof.h"
#include "ledger/leveldb_open.h"

namespace quorate::ledger {

// All epochs that are proved, each from the one before. A change that was executed and whose
// boundary is not proved yet is taken from the state at the head, pending: its set votes for
// nothing that this ledger holds, and that the state is right is judged with the state. Errors:
// those of the operating system.
[[nodiscard]] Result<tl::expected<std::shared_ptr<const Membership>, AuditFinding>> audit_epochs(
    const LevelDb& database, const Genesis& genesis, Height head);

}  // namespace quorate::ledger
