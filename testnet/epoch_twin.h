#pragma once

// Which replicas may vote at which sequence, worked out from the executed changes of membership by
// plain rules of its own (DESIGN §4): what checkers hold ledgers and cores against.

#include <optional>
#include <string>
#include <vector>

#include "ledger/execution.h"
#include "ledger/store.h"
#include "testnet/sim_world.h"

namespace quorate::testnet {

class EpochTwin {
 public:
  // `world` outlives this.
  explicit EpochTwin(const SimWorld& world);

  // The first execution of each batch, in order. What is wrong with a change in it; empty: nothing.
  [[nodiscard]] std::string on_executed(const ledger::CertifiedBatch& batch,
                                        const ledger::Execution& execution);

  // nullptr: no executed change leads to it.
  [[nodiscard]] const ledger::ReplicaSet* set_of(ledger::Epoch epoch) const;
  [[nodiscard]] ledger::Epoch epoch_at(ledger::Sequence sequence) const;
  [[nodiscard]] ledger::Epoch latest() const { return sets_.back().epoch; }
  // nullopt: no end of it is decided.
  [[nodiscard]] std::optional<ledger::Sequence> boundary_of(ledger::Epoch epoch) const;
  // Whose votes those of a replica are; nullopt: there is no such replica.
  [[nodiscard]] std::optional<ledger::ReplicaId> seat_of(ledger::Epoch epoch,
                                                         ledger::ReplicaId id) const;

 private:
  [[nodiscard]] std::string apply(const ledger::ChangeMembership& operation,
                                  ledger::Sequence sequence);

  const SimWorld& world_;
  std::vector<ledger::ReplicaSet> sets_;                   // by epoch
  std::vector<std::vector<ledger::ReplicaId>> seats_;      // by epoch and id
};

}  // namespace quorate::testnet
