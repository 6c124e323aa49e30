#pragma once

// A ledger made anew from blocks that somebody else stored, of whom nothing is believed.
//
// A block is taken if its commit certificate verifies, by the replicas of its epoch as execution so
// far has made them, and its transactions are those that were voted for and verify too; results,
// state, log and indices are made by executing it. So the new ledger is what an honest replica
// that fetched these blocks from a peer would have. What the other says that a block led to
// (record, write set, notes) can be held against it.
//
// One thread calls; signatures are verified on threads of its own.

#include <optional>
#include <span>

#include "ledger/audit_block.h"
#include "ledger/audit_pool.h"
#include "ledger/store.h"

namespace quorate::ledger {

enum class Claims : std::uint8_t {
  kCompared,  // one that execution does not bear out is a finding
  kLeft,      // what blocks led to was made by damaged hands; it is made anew
};

class Rebuild {
 public:
  // `into` begins at genesis. Both outlive this. `threads`: 0 is one a core.
  Rebuild(const Genesis& genesis, Store& into, unsigned threads, Claims claims);

  // Verifies the blocks that follow `into`'s head, side by side, and takes one after the other.
  // nullopt: all of them, and the window ends well. Else why the next one was not taken, or is
  // wrong. Errors: those of `into`.
  [[nodiscard]] Result<std::optional<AuditFinding>> take(AuditWindow& window);

  [[nodiscard]] std::uint64_t signatures() const { return judge_.signatures(); }
  [[nodiscard]] std::uint64_t transactions() const { return transactions_; }
  [[nodiscard]] std::uint64_t stable_checkpoints() const { return stable_checkpoints_; }
  [[nodiscard]] Height last_stable() const { return last_stable_; }

 private:
  // How many of the blocks from the next one on are certainly of epochs that are known by now.
  [[nodiscard]] Result<tl::expected<std::size_t, AuditFinding>> begin_stretch(Height from);
  void verify(std::span<AuditBlock> blocks);
  [[nodiscard]] Result<std::optional<AuditFinding>> take(const AuditBlock& stored);
  [[nodiscard]] Result<std::optional<AuditFinding>> compare(const JudgedBlock& block,
                                                            const Execution& execution) const;
  [[nodiscard]] Result<std::optional<AuditFinding>> take_stable(const JudgedBlock& block);

  const Genesis& genesis_;
  Store& into_;
  const Claims claims_;
  BlockJudge judge_;
  std::uint64_t transactions_ = 0;
  std::uint64_t stable_checkpoints_ = 0;
  Height last_stable_;
  AuditPool pool_;  // last: its threads use the others
};

}  // namespace quorate::ledger
