#pragma once

// Checkpoint votes, until a quorum of them makes a checkpoint stable (OSDI '99 §4.3).
//
// Of each replica the votes within the window are kept, and of those beyond it the highest, so that
// a replica which was left behind still learns how far the others are. A second vote for one
// sequence that says something else is evidence and is not counted. Bounded by replicas and window;
// not thread-safe.

#include <cstdint>
#include <map>
#include <optional>

#include "ledger/evidence.h"
#include "pbft/message.h"

namespace quorate::pbft {

class Checkpoints {
 public:
  Checkpoints(std::size_t replicas, std::uint64_t window) : replicas_(replicas), window_(window) {}

  // A verified vote; own ones too.
  std::optional<ledger::CheckpointEvidence> add(const CheckpointVote& vote);
  // The checkpoint of `vote`, once a quorum of those kept says the same of it; else nullopt. Asked
  // after each vote, it finds every stable checkpoint above the last one.
  [[nodiscard]] std::optional<StableCheckpoint> quorum_like(const CheckpointVote& vote) const;

  // Everything at or below is settled.
  void set_stable(Sequence stable);
  [[nodiscard]] Sequence stable() const { return stable_; }

  // What `replica` said last, above the stable checkpoint; nullptr: nothing.
  [[nodiscard]] const CheckpointVote* latest(ReplicaId replica) const;
  [[nodiscard]] const CheckpointVote* find(ReplicaId replica, Sequence sequence) const;
  // How many votes of `replica` are kept.
  [[nodiscard]] std::size_t votes_of(ReplicaId replica) const;

 private:
  std::size_t replicas_;
  std::uint64_t window_;
  Sequence stable_;
  std::map<ReplicaId, std::map<Sequence, CheckpointVote>> votes_;  // above stable_
};

}  // namespace quorate::pbft
