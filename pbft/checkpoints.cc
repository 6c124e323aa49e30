#include "pbft/checkpoints.h"

#include <iterator>

#include "ledger/quorum.h"

namespace quorate::pbft {
namespace {

bool is_alike(const CheckpointVote& one, const CheckpointVote& other) {
  return one.note == other.note && one.time_seconds == other.time_seconds;
}

}  // namespace

std::optional<ledger::CheckpointEvidence> Checkpoints::add(const CheckpointVote& vote) {
  const Sequence sequence = vote.note.sequence;
  if (sequence <= stable_) return std::nullopt;
  auto& own = votes_[vote.replica];
  if (const auto known = own.find(sequence); known != own.end()) {
    if (known->second.note == vote.note) return std::nullopt;
    return ledger::CheckpointEvidence{known->second, vote};
  }
  own.emplace(sequence, vote);
  // Beyond the window the highest alone stays.
  while (own.size() > 1 && std::prev(own.end(), 2)->first.value > stable_.value + window_) {
    own.erase(std::prev(own.end(), 2));
  }
  return std::nullopt;
}

std::optional<StableCheckpoint> Checkpoints::quorum_like(const CheckpointVote& vote) const {
  StableCheckpoint stable{vote.note, vote.time_seconds, {}};
  for (const auto& [replica, own] : votes_) {
    const auto kept = own.find(vote.note.sequence);
    if (kept == own.end() || !is_alike(kept->second, vote)) continue;
    stable.cosignatures.push_back({replica, kept->second.signature});
    if (stable.cosignatures.size() == ledger::quorum(replicas_)) return stable;
  }
  return std::nullopt;
}

void Checkpoints::set_stable(Sequence stable) {
  if (stable <= stable_) return;
  stable_ = stable;
  for (auto& [replica, own] : votes_) own.erase(own.begin(), own.upper_bound(stable));
}

const CheckpointVote* Checkpoints::latest(ReplicaId replica) const {
  const auto own = votes_.find(replica);
  if (own == votes_.end() || own->second.empty()) return nullptr;
  return &own->second.rbegin()->second;
}

const CheckpointVote* Checkpoints::find(ReplicaId replica, Sequence sequence) const {
  const auto own = votes_.find(replica);
  if (own == votes_.end()) return nullptr;
  const auto vote = own->second.find(sequence);
  return vote == own->second.end() ? nullptr : &vote->second;
}

std::size_t Checkpoints::votes_of(ReplicaId replica) const {
  const auto own = votes_.find(replica);
  return own == votes_.end() ? 0 : own->second.size();
}

}  // namespace quorate::pbft
