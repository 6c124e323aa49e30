#pragma once

// What a block does to the ledger's state, and how it is undone.
//
// The transactions of a block run as a batch does (ledger/execution.h), at the median time of the
// eleven blocks before it: no miner can turn that back or far ahead alone (as BIP 113). A block
// with a transaction that would be skipped or is expired is refused: it has no right to its place
// in the block, and so a nonce stands at most once on any branch. A transaction that is rejected
// and uses its nonce may stand there.

#include <map>

#include "ledger/execution.h"
#include "ledger/state_tree.h"
#include "pow/block.h"
#include "pow/rules.h"

namespace quorate::pow {

struct BlockEffect {
  ledger::TimeMs time;  // effective
  std::vector<ledger::TxResult> results;
  ledger::WriteSet writes;
  ledger::WriteSet undo;  // what stood there before: of the same keys
};

// The time at which a block after `parent` executes, if the state is not later.
[[nodiscard]] ledger::TimeMs execution_time(const ChainPoint& parent);

// Pure. Error: "pow-refused-by-state" (kRejected), naming the transaction and its outcome; those of
// `state`.
[[nodiscard]] Result<BlockEffect> execute_block(const Block& block, const ChainPoint& parent,
                                                const ledger::Genesis& genesis,
                                                const ledger::StateReader& state);

// Those of the transactions, in their order, that may stand in one block on `tip`; each has the
// effect that it would have if the others were never tried. Errors: those of `state`.
[[nodiscard]] Result<std::vector<TransactionPtr>> standing_of(
    const std::vector<TransactionPtr>& transactions, const ChainPoint& tip,
    const ledger::Genesis& genesis, const ledger::StateReader& state);

// The state at a block, in memory, with all that it takes to go back to block 0.
//
// Not thread-safe. Memory: the leaves, their hashes, and what the blocks changed.
class ChainState final : public ledger::StateReader {
 public:
  // At block 0, which `genesis_block` is. `genesis` outlives this.
  ChainState(const ledger::Genesis& genesis, const Digest& genesis_block);

  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override;

  // Precondition: the block follows the one where this stands (checked). After an error this stands
  // where it stood. Errors: those of execute_block.
  [[nodiscard]] Result<std::vector<ledger::TxResult>> connect(const Block& block,
                                                              const ChainPoint& parent);
  // Precondition: `block` is where this stands, and not block 0 (checked).
  void disconnect(const Block& block);

  [[nodiscard]] const Digest& block() const { return block_; }
  [[nodiscard]] Digest root() { return tree_.root(); }
  [[nodiscard]] const std::map<Bytes, Bytes>& leaves() const { return leaves_; }

 private:
  void apply(const ledger::WriteSet& writes);

  const ledger::Genesis& genesis_;
  Digest block_;
  std::map<Bytes, Bytes> leaves_;
  ledger::StateTree tree_;
  std::vector<ledger::WriteSet> undo_;  // of each block after block 0
};

}  // namespace quorate::pow
