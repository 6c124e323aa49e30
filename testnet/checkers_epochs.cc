// What checkers say about epochs: who signs for which, and what a core takes its set to be.

#include <fmt/format.h>

#include "testnet/checkers.h"

namespace quorate::testnet {

using ledger::Epoch;
using ledger::ReplicaId;
using ledger::Sequence;

std::size_t Checkers::size_of(Epoch epoch) const {
  const ledger::ReplicaSet* set = epochs_.set_of(epoch);
  return set == nullptr ? world_.replicas().size() : set->size();
}

std::optional<ReplicaId> Checkers::correct_signer(ReplicaId from, Epoch epoch, ReplicaId id,
                                                  std::optional<Sequence> sequence) {
  const auto seat = epochs_.seat_of(epoch, id);
  if (!seat) {
    violate("epoch", from,
            fmt::format("a vote of replica {} of epoch {}, which has none such", id.value,
                        epoch.value));
    return std::nullopt;
  }
  if (is_liar(*seat)) return std::nullopt;
  if (sequence && epochs_.epoch_at(*sequence) != epoch) {
    violate("epoch", from,
            fmt::format("a vote of epoch {} for sequence {}, which is of epoch {}", epoch.value,
                        sequence->value, epochs_.epoch_at(*sequence).value));
  }
  return seat;
}

void Checkers::check_set(ReplicaId self, const pbft::Replica& replica) {
  const ledger::ReplicaSet& served = replica.config().replicas;
  const ledger::ReplicaSet* expected = epochs_.set_of(served.epoch);
  if (served.epoch.value > 0 && !certified_ends_.contains(served.start)) {
    violate("epoch", self,
            fmt::format("serves epoch {} from {} on, where no checkpoint is stable yet",
                        served.epoch.value, served.start.value));
  }
  if (expected != nullptr && expected->replicas == served.replicas &&
      expected->start == served.start) {
    return;
  }
  violate("epoch", self,
          fmt::format("serves epoch {} with {} replicas from {} on, which no executed change says",
                      served.epoch.value, served.size(), served.start.value));
}

void Checkers::on_epoch(ReplicaId self, const pbft::Replica& replica) {
  if (is_liar(self)) return;
  plan_high_[self.value].reset();
  if (replica.epoch() <= highest_epoch_) return;
  highest_epoch_ = replica.epoch();
  ++counters_.epochs;
}

}  // namespace quorate::testnet
