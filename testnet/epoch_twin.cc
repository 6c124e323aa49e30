#include "testnet/epoch_twin.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ledger/quorum.h"

namespace quorate::testnet {

using ledger::Epoch;
using ledger::ReplicaId;
using ledger::ReplicaInfo;
using ledger::ReplicaSet;
using ledger::Sequence;

namespace {

std::vector<ReplicaId> seats_of(const SimWorld& world, const ReplicaSet& set) {
  std::vector<ReplicaId> seats;
  for (const ReplicaInfo& replica : set.replicas) seats.push_back(world.seat_of(replica.vote_key));
  return seats;
}

std::vector<ReplicaInfo> changed(std::vector<ReplicaInfo> replicas,
                                 const ledger::MembershipChange& change) {
  if (const auto* add = std::get_if<ledger::AddReplica>(&change)) {
    replicas.push_back(add->replica);
  } else if (const auto* remove = std::get_if<ledger::RemoveReplica>(&change)) {
    std::erase_if(replicas, [&](const auto& each) { return each.vote_key == remove->vote_key; });
  } else if (const auto* rekey = std::get_if<ledger::RekeyReplica>(&change)) {
    for (ReplicaInfo& each : replicas) {
      if (each.vote_key == rekey->vote_key) each = rekey->replica;
    }
  }
  return replicas;
}

}  // namespace

EpochTwin::EpochTwin(const SimWorld& world)
    : world_(world), sets_{world.replicas()}, seats_{seats_of(world, world.replicas())} {}

std::string EpochTwin::on_executed(const ledger::CertifiedBatch& batch,
                                   const ledger::Execution& execution) {
  for (std::size_t i = 0; i < execution.results.size(); ++i) {
    if (execution.results[i].outcome != ledger::Outcome::kApplied) continue;
    for (const auto& operation : batch.transactions[i]->signed_transaction->body.operations) {
      const auto* change = std::get_if<ledger::ChangeMembership>(&operation);
      if (change == nullptr) continue;
      if (std::string wrong = apply(*change, batch.batch.header.sequence); !wrong.empty()) {
        return wrong;
      }
    }
  }
  return "";
}

std::string EpochTwin::apply(const ledger::ChangeMembership& operation, Sequence sequence) {
  const ReplicaSet& current = sets_.back();
  if (sequence <= current.start && current.epoch.value > 0) {
    return fmt::format("a second change is executed at {} in one epoch", sequence.value);
  }
  if (operation.body.epoch != current.epoch) {
    return fmt::format("a change for epoch {} is executed in epoch {}",
                       operation.body.epoch.value, current.epoch.value);
  }
  std::set<ReplicaId> signers;
  for (const auto& each : operation.endorsements) {
    if (each.replica.value < current.size()) signers.insert(each.replica);
  }
  if (signers.size() < ledger::quorum(current.size())) {
    return fmt::format("a change that {} of {} signed is executed", signers.size(),
                       current.size());
  }
  const Sequence start{sequence.value + pbft::window_of(world_.genesis().parameters)};
  sets_.push_back({next(current.epoch), changed(current.replicas, operation.body.change), start});
  seats_.push_back(seats_of(world_, sets_.back()));
  return "";
}

const ReplicaSet* EpochTwin::set_of(Epoch epoch) const {
  return epoch.value < sets_.size() ? &sets_[epoch.value] : nullptr;
}

Epoch EpochTwin::epoch_at(Sequence sequence) const {
  const auto after = std::ranges::find_if(
      sets_.rbegin(), sets_.rend(),
      [&](const ReplicaSet& set) { return set.start < sequence || set.epoch.value == 0; });
  return after->epoch;
}

std::optional<Sequence> EpochTwin::boundary_of(Epoch epoch) const {
  const ReplicaSet* after = set_of({epoch.value + 1});
  return after == nullptr ? std::nullopt : std::optional(after->start);
}

std::optional<ReplicaId> EpochTwin::seat_of(Epoch epoch, ReplicaId id) const {
  if (epoch.value >= seats_.size() || id.value >= seats_[epoch.value].size()) return std::nullopt;
  return seats_[epoch.value][id.value];
}

}  // namespace quorate::testnet
