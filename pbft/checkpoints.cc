#include "pbft/checkpoints.h"

#include <algorithm>
#include <set>

#include "ledger/quorum.h"

namespace quorate::pbft {

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

std::optional<StableCheckpoint> Checkpoints::quorum_reached() const {
  std::set<Sequence> candidates;
  for (const auto& [replica, own] : votes_) {
    for (const auto& [sequence, vote] : own) candidates.insert(sequence);
  }
  for (auto it = candidates.rbegin(); it != candidates.rend(); ++it) {
    for (const auto& [first, own] : votes_) {
      const CheckpointVote* model = find(first, *it);
      if (!model) continue;
      StableCheckpoint stable{model->note, model->time_seconds, {}};
      for (const auto& [replica, votes] : votes_) {
        const CheckpointVote* vote = find(replica, *it);
        if (!vote || vote->note != model->note || vote->time_seconds != model->time_seconds) {
          continue;
        }
        if (stable.cosignatures.size() < ledger::quorum(replicas_)) {
          stable.cosignatures.push_back({replica, vote->signature});
        }
      }
      if (stable.cosignatures.size() == ledger::quorum(replicas_)) return stable;
    }
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

std::size_t Checkpoints::votes_max() const {
  std::size_t most = 0;
  for (const auto& [replica, votes] : votes_) most = std::max(most, votes.size());
  return most;
}

}  // namespace quorate::pbft
