#include "pow/chain_state.h"

#include "crypto/check.h"
#include "ledger/batch.h"

namespace quorate::pow {
namespace {

using ledger::TimeMs;
using ledger::TxResult;
using ledger::WriteSet;

bool may_stand(ledger::Outcome outcome) {
  return !is_skipped(outcome) && outcome != ledger::Outcome::kRejectedExpired;
}

// As the batch that a block on `parent` would be.
Result<ledger::Execution> run(const std::vector<TransactionPtr>& transactions,
                              const ChainPoint& parent, const ledger::Genesis& genesis,
                              const ledger::StateReader& state) {
  std::vector<ledger::TxId> ids;
  ids.reserve(transactions.size());
  for (const TransactionPtr& transaction : transactions) ids.push_back(transaction->id);
  const ledger::Batch batch = ledger::make_batch({parent.height.value + 1}, execution_time(parent),
                                                 0, std::move(ids));
  return ledger::execute(batch.header, transactions, genesis, state);
}

}  // namespace

TimeMs execution_time(const ChainPoint& parent) {
  return {std::uint64_t{parent.recent.median()} * 1000};
}

Result<BlockEffect> execute_block(const Block& block, const ChainPoint& parent,
                                  const ledger::Genesis& genesis,
                                  const ledger::StateReader& state) {
  QUORATE_ASSIGN(ledger::Execution execution, run(block.transactions, parent, genesis, state));
  for (const TxResult& result : execution.results) {
    if (may_stand(result.outcome)) continue;
    return fail(ErrorKind::kRejected, reject_code(Reject::kRefusedByState),
                "transaction " + result.id.hex() + " cannot stand in it: " +
                    std::string(outcome_code(result.outcome)),
                "No node with these rules takes this block; its miner is at fault.");
  }
  BlockEffect effect{execution.effective_time, std::move(execution.results),
                     std::move(execution.writes), {}};
  for (const auto& [key, value] : effect.writes) {
    QUORATE_ASSIGN(effect.undo[key], state.get(key));
  }
  return effect;
}

Result<std::vector<TransactionPtr>> standing_of(const std::vector<TransactionPtr>& transactions,
                                                const ChainPoint& tip,
                                                const ledger::Genesis& genesis,
                                                const ledger::StateReader& state) {
  QUORATE_ASSIGN(const ledger::Execution execution, run(transactions, tip, genesis, state));
  std::vector<TransactionPtr> standing;
  for (std::size_t i = 0; i < transactions.size(); ++i) {
    if (may_stand(execution.results[i].outcome)) standing.push_back(transactions[i]);
  }
  return standing;
}

ChainState::ChainState(const ledger::Genesis& genesis, const Digest& genesis_block)
    : genesis_(genesis), block_(genesis_block) {
  apply(ledger::genesis_state(genesis));
}

Result<std::optional<Bytes>> ChainState::get(ByteView key) const {
  const auto it = leaves_.find(Bytes(key.begin(), key.end()));
  if (it == leaves_.end()) return std::nullopt;
  return it->second;
}

void ChainState::apply(const WriteSet& writes) {
  for (const auto& [key, value] : writes) {
    if (value) {
      leaves_[key] = *value;
    } else {
      leaves_.erase(key);
    }
  }
  // What it returns would undo the tree alone; the leaves must be kept anyway.
  static_cast<void>(tree_.apply(writes));
}

Result<std::vector<TxResult>> ChainState::connect(const Block& block, const ChainPoint& parent) {
  QUORATE_CHECK(block.header.previous == block_ && parent.hash == block_,
                "a block is connected to its parent");
  QUORATE_ASSIGN(BlockEffect effect, execute_block(block, parent, genesis_, *this));
  apply(effect.writes);
  undo_.push_back(std::move(effect.undo));
  block_ = block.hash;
  return std::move(effect.results);
}

void ChainState::disconnect(const Block& block) {
  QUORATE_CHECK(block.hash == block_ && !undo_.empty(), "the last block is disconnected first");
  apply(undo_.back());
  undo_.pop_back();
  block_ = block.header.previous;
}

}  // namespace quorate::pow
