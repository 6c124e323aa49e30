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
//   ceiling            a correct replica's vote leaves above what its guard has reserved
//   checkpoint         notes of one sequence differ, or a stable certificate does not hold; but for
//                      a replica whose state was damaged, and which must notice
//   transition         view, low watermark, executed or committed go back within a life; or a life
//                      begins below the view of a vote that left in an earlier one, or it owes its
//                      vote for the last checkpoint that it executed
//   bounds             a replica's state leaves its bounds, or what it has yet to execute does
//   plan               a correct replica enters a view by something else than VIEW-CHANGEs of a
//                      quorum that each prove their P, or votes there for something else than
//                      follows from them, or before it stored what its vote relies on; or its
//                      first new batch there is large, or not alone
//   prepared           a correct replica commits without prepares of a quorum
//   time               a correct replica prepares a time further ahead than it may
//   pulled             a correct replica leaves for a view that no correct one was about to reach
//   epoch              a correct replica votes outside of its epoch, or for one whose set nobody
//                      decided on; a certificate or checkpoint is of another epoch than its
//                      sequence; or a core serves another set than the executed changes say, or
//                      begins an epoch where the one before is not certified to end
//   voter              asked for what it must refuse, a correct replica's voter signs
//
// Progress has no place in time and is judged by who knows when the faults end (Simulator).
// Liars may do as they please: nothing that they do is a violation here.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "pbft/replica.h"
#include "testnet/epoch_twin.h"
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
  // One that forgot its votes may pass on what others kept of them.
  void on_start(ledger::ReplicaId self, ledger::Height height, bool has_forgotten = false);
  // Its core gave way to one of the next epoch.
  void on_epoch(ledger::ReplicaId self, const pbft::Replica& replica);
  void on_step(ledger::ReplicaId self, const pbft::Replica& replica, const pbft::Output& out);
  // A core gone mad asks the voter, after a step that made votes, for others that contradict them.
  void tempt(ledger::ReplicaId self, const pbft::Replica& replica, const pbft::Output& out,
             pbft::Voter& voter);
  // The message leaves replica `from`, whose vote store is `durable`; what its ledger has synced,
  // up to `settled`, needs no votes any more.
  void on_send(ledger::ReplicaId from, const pbft::Message& message, const VoteDisk& durable,
               ledger::Sequence settled);
  void on_commit(ledger::ReplicaId self, const ledger::CertifiedBatch& batch);
  void on_executed(ledger::ReplicaId self, const ledger::CertifiedBatch& batch,
                   const ledger::Execution& execution, const ledger::TreeHead& head);
  // Executed a checkpoint that left this behind.
  void on_checkpoint(ledger::ReplicaId self, const ledger::CheckpointNote& note);
  void on_evidence(ledger::ReplicaId self, const ledger::Evidence& evidence);
  void on_rejected(ledger::ReplicaId self, ledger::ReplicaId from, std::string_view code);
  // From here on the state of a correct replica is not what its blocks say; or is again.
  void on_damage(ledger::ReplicaId self) { damaged_.insert(self); }
  void on_repair(ledger::ReplicaId self) { damaged_.erase(self); }
  // Its core said so.
  [[nodiscard]] bool has_diverged(ledger::ReplicaId id) const { return diverged_.contains(id); }

  [[nodiscard]] bool is_liar(ledger::ReplicaId id) const { return liars_.contains(id); }
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }

  struct Counters {
    std::uint64_t steps = 0;
    std::uint64_t votes = 0;
    std::uint64_t commits = 0;     // sequences that any correct replica handed out
    std::uint64_t executions = 0;  // sequences that any correct replica executed
    std::uint64_t evidence = 0;
    std::uint64_t views = 0;        // views that a correct replica entered by a NEW-VIEW
    std::uint64_t checkpoints = 0;  // times that the highest stable one grew at a correct replica
    std::uint64_t recoveries = 0;   // ends of amnesia at correct replicas
    std::uint64_t epochs = 0;       // that ended at any correct replica
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const EpochTwin& epochs() const { return epochs_; }
  // The highest sequence that any correct replica executed, in any life.
  [[nodiscard]] ledger::Sequence highest_executed() const { return highest_executed_; }

  // Sees each sequence once, when the first correct replica has executed it.
  std::function<void(const ledger::CertifiedBatch&, const ledger::Execution&)> on_first_execution;

  // Forgets what no correct replica can come back to; keeps memory flat in long runs.
  void forget_below(ledger::Sequence low);

 private:
  using VoteKey =
      std::tuple<ledger::Sequence, ledger::ReplicaId, crypto::Purpose, ledger::Epoch, ledger::View>;
  using ViewKey = std::tuple<ledger::ReplicaId, crypto::Purpose, ledger::Epoch, ledger::View>;
  struct Durable {
    const VoteDisk& votes;
    ledger::Sequence settled;
  };
  // Of a replica in its present life.
  struct Position {
    std::optional<ledger::Epoch> epoch;  // nullopt: of no step yet
    ledger::View view;
    ledger::Sequence low;
    ledger::Sequence executed;
    ledger::Sequence committed;
  };
  struct Executed {
    ledger::Digest results_root;
    ledger::TimeMs effective_time;
    ledger::TreeHead head;
  };

  void violate(std::string_view invariant, ledger::ReplicaId who, std::string text);
  // True: this replica must have it on its disk.
  [[nodiscard]] bool check_vote(ledger::ReplicaId from, crypto::Purpose purpose,
                                const ledger::Vote& vote);
  // The same, once the vote is known; and where the replica was when it let it go.
  [[nodiscard]] bool is_own_to_keep(ledger::ReplicaId from, ledger::ReplicaId signer,
                                    ledger::Epoch epoch, ledger::View view, bool is_new);
  // The seat of who signed for an epoch; nullopt: a liar, or a violation. No sequence: a vote for a
  // view.
  [[nodiscard]] std::optional<ledger::ReplicaId> correct_signer(
      ledger::ReplicaId from, ledger::Epoch epoch, ledger::ReplicaId id,
      std::optional<ledger::Sequence> sequence);
  [[nodiscard]] std::size_t size_of(ledger::Epoch epoch) const;
  void check_set(ledger::ReplicaId self, const pbft::Replica& replica);
  void check_proposal_durable(ledger::ReplicaId from, const pbft::ProposalRecord& expected,
                              const Durable& durable);
  void check_commit_durable(ledger::ReplicaId from, const pbft::Commit& commit,
                            const Durable& durable);
  void check_message(ledger::ReplicaId from, const pbft::PrePrepare& message,
                     const Durable& durable);
  void check_message(ledger::ReplicaId from, const pbft::Prepare& message, const Durable& durable);
  void check_message(ledger::ReplicaId from, const pbft::Commit& message, const Durable& durable);
  void check_message(ledger::ReplicaId, const pbft::StatusReport&, const Durable&) {}
  void check_message(ledger::ReplicaId, const pbft::Ask&, const Durable&) {}
  void check_message(ledger::ReplicaId, const pbft::BatchAnswer&, const Durable&) {}

  // checkers_views.cc
  void check_message(ledger::ReplicaId from, const pbft::ViewChange& message,
                     const Durable& durable);
  void check_message(ledger::ReplicaId from, const pbft::NewView& message, const Durable& durable);
  void check_message(ledger::ReplicaId from, const ledger::CheckpointVote& message,
                     const Durable& durable);
  void check_message(ledger::ReplicaId from, const ledger::StableCheckpoint& message,
                     const Durable& durable);
  [[nodiscard]] bool check_view_vote(ledger::ReplicaId from, crypto::Purpose purpose,
                                     const ledger::ViewVote& vote);
  void check_ceiling(ledger::ReplicaId from, const Durable& durable, ledger::Epoch epoch,
                     ledger::View view, ledger::Sequence sequence);
  void check_note(ledger::ReplicaId from, const ledger::CheckpointNote& note);
  void check_stable(ledger::ReplicaId from, const ledger::StableCheckpoint& stable);
  void check_transition(ledger::ReplicaId self, const pbft::Replica& replica);
  void note_facts(ledger::ReplicaId self, const pbft::Output& out);
  // checkers_proofs.cc
  void check_proofs(ledger::ReplicaId self, const pbft::Replica& replica, const pbft::Output& out);
  void check_own_proposal(ledger::ReplicaId self, const pbft::Replica& replica,
                          const pbft::ProposalRecord& record);
  void check_first_batch(ledger::ReplicaId self, const pbft::Replica& replica,
                         const pbft::PrePrepare& proposal);
  void check_own_commit(ledger::ReplicaId self, const pbft::CommitRecord& record);
  void check_plan(ledger::ReplicaId self, const pbft::Replica& replica,
                  const pbft::ViewEntered& entered);
  void check_departure(ledger::ReplicaId self, const pbft::Replica& replica,
                       const pbft::ViewLeft& left);
  void check_contradiction(ledger::ReplicaId self, const pbft::Replica& replica,
                           const ledger::Evidence& evidence);
  void check_effects(ledger::ReplicaId self, const ledger::CertifiedBatch& batch,
                     const ledger::Execution& execution);

  const SimWorld& world_;
  std::set<ledger::ReplicaId> liars_;
  std::uint64_t now_ms_ = 0;
  Counters counters_;
  std::vector<Violation> violations_;

  std::set<ledger::TxId> signed_;
  // Where a transaction took effect or was finally refused.
  std::map<ledger::TxId, ledger::Sequence> effective_;
  std::map<std::pair<ledger::PublicKey, std::uint64_t>, ledger::TxId> nonces_;
  std::map<ledger::Sequence, ledger::Digest> history_;
  std::map<ledger::Sequence, Executed> executed_;
  std::map<VoteKey, ledger::Vote> votes_;
  std::map<ViewKey, ledger::ViewVote> view_votes_;
  std::map<ledger::Sequence, ledger::CheckpointNote> notes_;
  std::map<std::pair<ledger::Sequence, ledger::ReplicaId>, ledger::CheckpointNote> cosigned_;
  std::vector<Position> positions_;  // by replica
  using EpochView = std::pair<ledger::Epoch, ledger::View>;
  std::vector<EpochView> voted_in_;  // the highest view of its votes that left, by replica
  std::set<ledger::ReplicaId> forgetful_;  // lost its votes in some life
  std::set<ledger::ReplicaId> damaged_;
  std::set<ledger::ReplicaId> diverged_;
  std::vector<ledger::Sequence> handed_out_;  // by replica, in its present life
  std::vector<std::optional<ledger::Sequence>> plan_high_;  // by replica, of the view it entered
  ledger::Sequence highest_executed_;
  ledger::Sequence highest_stable_;
  std::set<EpochView> views_;
  std::map<ledger::Epoch, ledger::View> highest_left_for_;  // of correct replicas, in all lives
  EpochTwin epochs_;
  ledger::Epoch highest_epoch_;  // that a correct replica serves
  std::set<ledger::Sequence> certified_ends_;  // of epochs: stable checkpoints
};

}  // namespace quorate::testnet
