#pragma once

// Sees everything that leaves every replica of a cluster, and says what must never happen:
//
//   two replicas execute different batches at one sequence; a replica hands out batches out of
//   order; a commit certificate does not verify; a correct replica's votes contradict each other,
//   across all its lives; a vote leaves before it is durable, or its bodies are not; evidence
//   accuses a correct replica or does not verify; a slot lies outside its bounds.
//
// What it finds is text, so that a test can also show that it finds.

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "pbft/replica.h"
#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {

using DurableMap = std::map<Bytes, Bytes>;

class Witness {
 public:
  // `world` outlives this.
  Witness(const World& world, std::set<ReplicaId> byzantine);

  // A message leaves correct replica `from`, whose vote store holds `durable`.
  void on_send(ReplicaId from, const Message& message, const DurableMap& durable);
  // Correct replica `by` hands out a batch; the one before it was `previous`.
  void on_commit(ReplicaId by, const CertifiedBatch& batch, Sequence previous);
  void on_evidence(ReplicaId by, const ledger::Evidence& evidence);
  void on_step(ReplicaId self, const Replica& replica, const Output& out, std::uint64_t now_ms);

  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] std::size_t evidence_seen() const { return evidence_seen_; }
  [[nodiscard]] const std::map<Sequence, Digest>& history() const { return history_; }

 private:
  using VoteKey = std::tuple<ReplicaId, crypto::Purpose, Epoch, View, Sequence>;

  void violation(ReplicaId who, const std::string& what);
  void check_vote(ReplicaId from, crypto::Purpose purpose, const Vote& vote);
  void check_durable(ReplicaId from, const ProposalRecord& expected, const DurableMap& durable);

  void on_send_between_views(ReplicaId from, const Message& message, const DurableMap& durable);
  void check_view_vote(ReplicaId from, crypto::Purpose purpose, const ViewVote& vote);
  void check_stored(ReplicaId from, const DurableRecord& expected, const DurableMap& durable,
                    const std::string& what);

  const World& world_;
  std::set<ReplicaId> byzantine_;
  ledger::CertificateVerifier certificates_;
  ledger::EvidenceVerifier evidence_;
  std::map<Sequence, Digest> history_;
  std::map<VoteKey, Vote> votes_;
  std::map<std::tuple<ReplicaId, crypto::Purpose, Epoch, View>, ViewVote> view_votes_;
  std::map<std::pair<ReplicaId, Sequence>, CheckpointNote> checkpoints_;
  std::map<Sequence, CheckpointNote> stable_;
  std::size_t evidence_seen_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace quorate::pbft::test
