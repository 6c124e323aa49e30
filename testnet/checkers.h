#pragma once

// What must never happen, looked for after every event of a simulation.
//
//   agreement          two correct replicas hand out different batches at one sequence
//   order              a correct replica hands out batches with a gap, or twice in a life
//   certificate        what is handed out is not what its certificate and its bodies say
//   forged             a transaction is ordered that no client signed here
//   exactly-once       a transaction, or a nonce of a sender, takes effect twice
//   results            two correct replicas execute one sequence to different roots
//   contradiction      a correct replica signs two different bodies for one place, in all its lives
//   durable            a correct replica's vote leaves before it, or its bodies, are durable
//   evidence           evidence names a correct replica, or proves nothing
//   rejected           a correct replica's message does not pass another's verifier
//   bounds             a replica's state leaves its bounds
//
// Progress has no place in time and is judged by who knows when the faults end (Simulator).
// Liars may do as they please: nothing that they do is a violation here.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "pbft/replica.h"
#include "testnet/sim_disk.h"
#include "testnet/sim_world.h"

namespace quorate::testnet {

struct Violation {
  std::string_view invariant;  // a word of the list above
  ledger::ReplicaId replica;   // where it was seen
  std::uint64_t time_ms = 0;
  std::string text;
};

class Checkers {
 public:
  // `world` outlives this.
  Checkers(const SimWorld& world, std::set<ledger::ReplicaId> liars);

  void set_time_ms(std::uint64_t now_ms) { now_ms_ = now_ms; }

  // A client signed it.
  void on_signed(const ledger::TxId& id);
  // A replica starts with a ledger of this height; what it said in earlier lives still binds it.
  void on_start(ledger::ReplicaId self, ledger::Height height);
  void on_step(ledger::ReplicaId self, const pbft::Replica& replica, const pbft::Output& out);
  // The message leaves replica `from`, whose vote store is `durable`; what its ledger has synced,
  // up to `settled`, needs no votes any more.
  void on_send(ledger::ReplicaId from, const pbft::Message& message, const VoteDisk& durable,
               ledger::Sequence settled);
  void on_commit(ledger::ReplicaId self, const ledger::CertifiedBatch& batch);
  void on_executed(ledger::ReplicaId self, const ledger::CertifiedBatch& batch,
                   const ledger::Execution& execution, const ledger::TreeHead& head);
  void on_evidence(ledger::ReplicaId self, const pbft::Contradiction& evidence);
  void on_rejected(ledger::ReplicaId self, ledger::ReplicaId from, std::string_view code);
  void on_no_progress(ledger::ReplicaId self, const std::string& text);

  [[nodiscard]] bool is_liar(ledger::ReplicaId id) const { return liars_.contains(id); }
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }

  struct Counters {
    std::uint64_t steps = 0;
    std::uint64_t votes = 0;
    std::uint64_t commits = 0;     // sequences that any correct replica handed out
    std::uint64_t executions = 0;  // sequences that any correct replica executed
    std::uint64_t evidence = 0;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // The highest sequence that any correct replica executed, in any life.
  [[nodiscard]] ledger::Sequence highest_executed() const { return highest_executed_; }

  // Sees each sequence once, when the first correct replica has executed it.
  std::function<void(const ledger::CertifiedBatch&, const ledger::Execution&)> on_first_execution;

  // Forgets what no correct replica can come back to; keeps memory flat in long runs.
  void forget_below(ledger::Sequence low);

 private:
  using VoteKey =
      std::tuple<ledger::Sequence, ledger::ReplicaId, crypto::Purpose, ledger::Epoch, ledger::View>;
  struct Durable {
    const VoteDisk& votes;
    ledger::Sequence settled;
  };
  struct Executed {
    ledger::Digest results_root;
    ledger::TimeMs effective_time;
    ledger::TreeHead head;
  };

  void violate(std::string_view invariant, ledger::ReplicaId who, std::string text);
  void check_vote(ledger::ReplicaId from, crypto::Purpose purpose, const ledger::Vote& vote);
  void check_proposal_durable(ledger::ReplicaId from, const pbft::ProposalRecord& expected,
                              const Durable& durable);
  void check_commit_durable(ledger::ReplicaId from, const pbft::Commit& commit,
                            const Durable& durable);
  void check_message(ledger::ReplicaId from, const pbft::PrePrepare& message,
                     const Durable& durable);
  void check_message(ledger::ReplicaId from, const pbft::Prepare& message, const Durable& durable);
  void check_message(ledger::ReplicaId from, const pbft::Commit& message, const Durable& durable);
  void check_message(ledger::ReplicaId, const pbft::StatusReport&, const Durable&) {}
  void check_effects(ledger::ReplicaId self, const ledger::CertifiedBatch& batch,
                     const ledger::Execution& execution);

  const SimWorld& world_;
  std::set<ledger::ReplicaId> liars_;
  std::uint64_t now_ms_ = 0;
  Counters counters_;
  std::vector<Violation> violations_;

  std::set<ledger::TxId> signed_;
  std::map<ledger::TxId, ledger::Sequence>
      effective_;  // took effect, or was finally refused, where
  std::map<std::pair<ledger::PublicKey, std::uint64_t>, ledger::TxId> nonces_;
  std::map<ledger::Sequence, ledger::Digest> history_;
  std::map<ledger::Sequence, Executed> executed_;
  std::map<VoteKey, ledger::Vote> votes_;
  std::vector<ledger::Sequence> handed_out_;  // by replica, in its present life
  ledger::Sequence highest_executed_;
};

}  // namespace quorate::testnet
