#include "node/epoch_choice.h"

namespace quorate::node {

ledger::Epoch epoch_to_serve(const ledger::Membership& membership, ledger::Sequence head,
                             std::optional<ledger::Sequence> stable) {
  const ledger::ReplicaSet& current = membership.current();
  const bool is_at_its_start = current.epoch.value > 0 && head == current.start;
  if (!is_at_its_start || (stable && *stable >= head)) return current.epoch;
  return {current.epoch.value - 1};
}

std::optional<ledger::Sequence> boundary_of(const ledger::Membership& membership,
                                            ledger::Epoch epoch) {
  const ledger::Epoch after{epoch.value + 1};
  if (!membership.knows(after)) return std::nullopt;
  return membership.start_of(after).boundary;
}

std::optional<ledger::ReplicaId> id_in(const ledger::ReplicaSet& set,
                                       const ledger::PublicKey& vote_key) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set.replicas[i].vote_key == vote_key) return {{static_cast<std::uint16_t>(i)}};
  }
  return std::nullopt;
}

}  // namespace quorate::node
