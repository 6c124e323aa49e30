#pragma once

// Block after block: the log that they hash into, agreed time, and checkpoints.

#include <optional>

#include "crypto/merkle.h"
#include "ledger/audit_block.h"

namespace quorate::ledger {

// Where the ledger begins, and then how far it was followed.
struct AuditPoint {
  Height height;
  crypto::merkle::Frontier frontier;
  // Not known after a snapshot, before the first block and the first checkpoint: then what they say
  // is taken as it is.
  std::optional<TimeMs> time;
  std::optional<CheckpointMark> mark;
};

class AuditChain {
 public:
  // All outlive this.
  AuditChain(const LevelDb& database, const Genesis& genesis, const Digest& chain_id,
             const Membership& membership, AuditPoint start)
      : database_(database),
        genesis_(genesis),
        chain_id_(chain_id),
        membership_(membership),
        point_(std::move(start)) {}

  [[nodiscard]] const AuditPoint& point() const { return point_; }
  // Whether the block that was followed last is a checkpoint.
  [[nodiscard]] bool is_checkpoint() const { return is_checkpoint_; }
  // Holds the next block against what is known, and goes on. nullopt: it fits. Errors: those of
  // the operating system.
  [[nodiscard]] Result<std::optional<AuditFinding>> follow(const JudgedBlock& block);

 private:
  [[nodiscard]] Result<std::optional<AuditFinding>> grow(const JudgedBlock& block);
  [[nodiscard]] std::optional<AuditFinding> judge_time(const Record& record) const;
  [[nodiscard]] std::optional<AuditFinding> judge_note(const JudgedBlock& block);
  [[nodiscard]] std::optional<AuditFinding> judge_stable(const JudgedBlock& block) const;

  const LevelDb& database_;
  const Genesis& genesis_;
  const Digest& chain_id_;
  const Membership& membership_;
  AuditPoint point_;
  bool is_checkpoint_ = false;
};

}  // namespace quorate::ledger
