#pragma once

// One stored block, judged alone: do its parts belong together, and do its signatures verify.
//
// What needs the block before (the log, agreed time, checkpoints) is in ledger/audit_chain.h.

#include <atomic>
#include <memory>
#include <optional>
#include <tl/expected.hpp>
#include <vector>

#include "ledger/audit_window.h"
#include "ledger/batch.h"
#include "ledger/certificate.h"
#include "ledger/execution.h"
#include "ledger/membership.h"
#include "ledger/record.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/store_keys.h"

namespace quorate::ledger {

struct JudgedBlock {
  Height height;
  Record record;
  std::vector<TxResult> results;
  std::vector<StoredWrite> writes;
  std::optional<CheckpointNote> own_note;
  std::optional<StableCheckpoint> stable;
};

// The `audit_` functions are thread-safe.
class BlockJudge {
 public:
  // `genesis` outlives this.
  BlockJudge(const Genesis& genesis, const Digest& chain_id);

  // Decodes transactions [from, to) of the block, and verifies them unless only their structure is
  // asked for.
  void audit_transactions(AuditBlock& block, std::size_t from, std::size_t to,
                          bool verifies) const;
  // The commit certificate, if `verifies`, and the stable checkpoint in any case: they are few, and
  // all that stands below one rests on it.
  void audit_votes(AuditBlock& block, bool verifies) const;
  // Who may have signed, told once, before the first block.
  void begin(std::shared_ptr<const Membership> membership);
  [[nodiscard]] std::uint64_t signatures() const { return signatures_; }

  // After the others returned.
  [[nodiscard]] tl::expected<JudgedBlock, AuditFinding> judge(const AuditBlock& block) const;

 private:
  const Genesis& genesis_;
  std::shared_ptr<const Membership> membership_;
  mutable crypto::SignatureCache cache_{1};  // nothing comes twice
  TransactionVerifier transactions_;
  CertificateVerifier certificates_;
  CheckpointVerifier checkpoints_;
  mutable std::atomic<std::uint64_t> signatures_ = 0;
};

}  // namespace quorate::ledger
