#pragma once

// pbft::Replica: the protocol of Castro & Liskov (OSDI '99) as a deterministic function of its
// inputs.
//
// One door, `step`. One object serves one epoch: its size and ids never change, and what ends the
// epoch ends it (Output::epoch_ended). Of a replica that is no member of the epoch it is an
// observer: it follows by blocks and signs nothing.
//
// The same object runs in the node, in the simulator, under the fuzzer and in the
// benchmark. Not thread-safe; no input can make it abort; memory is bounded by the watermark
// window, the replicas and the host's mempool.
//
// Own votes count at `step` and leave after their sync (Output). The low watermark is the highest
// stable checkpoint that this replica knows, whether it has executed that far or not.

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "pbft/block_sources.h"
#include "pbft/checkpoints.h"
#include "pbft/favours.h"
#include "pbft/new_view.h"
#include "pbft/requests.h"
#include "pbft/retransmission.h"
#include "pbft/step.h"
#include "pbft/suspicion.h"
#include "pbft/view_changes.h"

namespace quorate::pbft {

struct ReplicaConfig {
  ReplicaId self;  // from the size of the set on: an observer
  ReplicaSet replicas;
  ledger::Parameters parameters;

  // T, and its cap (DESIGN: at most a second; a few seconds).
  std::uint64_t request_timeout_ms = 1000;
  std::uint64_t request_timeout_ms_max = 4000;

  // Receiver-driven retransmission: a report at once after (re)connection, then with back-off
  // between these while work is pending, and at the latter pace when idle.
  std::uint64_t status_interval_ms_min = 100;
  std::uint64_t status_interval_ms_max = 10'000;
  // A fetch that brought nothing within this is sent to the next peer.
  std::uint64_t fetch_timeout_ms = 300;
  std::uint32_t fetch_blocks_max = 64;
};

// Where the replica starts: the ledger's end and the votes above it.
struct ReplicaStart {
  Sequence executed;
  TimeMs effective_time;
  RestoredVotes votes;
  std::map<TxId, TransactionPtr> bodies;  // of the restored proposals, as far as known
  // The last checkpoint at or below `executed` (ledger::CheckpointMark).
  Sequence checkpoint;
  TimeMs checkpoint_time;
  // Its note, if the ledger is synced there: a crash may have come before the vote for it.
  std::optional<CheckpointExecuted> last_checkpoint{};
  // Where this epoch ends, if a change of membership was executed.
  std::optional<Sequence> boundary{};
  // What earlier epochs ended with, for whoever is still there; the last kPastEpochsMax count.
  std::vector<StableCheckpoint> past{};
};
inline constexpr std::size_t kPastEpochsMax = 1024;

class Replica {
 public:
  // `voter` outlives this and has not been told the restored votes yet.
  Replica(ReplicaConfig config, Voter& voter, ReplicaStart start);

  // Applies one input. The first call should be a Tick, which yields the first deadline.
  [[nodiscard]] Output step(const Input& input);

  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] View view() const { return view_; }
  // False: it left the view before and waits for the NEW-VIEW of this one.
  [[nodiscard]] bool in_view() const { return in_view_; }
  // The digest of the NEW-VIEW that opened the last view that it entered; zero: view 0.
  [[nodiscard]] const Digest& opened_by() const { return new_view_; }
  [[nodiscard]] ReplicaId primary() const { return primary_of(view_, size()); }
  [[nodiscard]] bool is_primary() const { return primary() == config_.self; }
  [[nodiscard]] Sequence executed() const { return executed_; }
  [[nodiscard]] Sequence committed() const { return committed_; }
  // The stable checkpoint of this epoch; nullopt: none yet, and the low watermark is its start.
  [[nodiscard]] const std::optional<StableCheckpoint>& stable() const { return stable_; }
  [[nodiscard]] Sequence low_watermark() const { return low_; }
  // No window moves past the end of the epoch (DESIGN §4, Membership).
  [[nodiscard]] Sequence high_watermark() const {
    const Sequence high{low_.value + window()};
    return boundary_ ? std::min(high, *boundary_) : high;
  }
  // Where the epoch ends, once that is known.
  [[nodiscard]] std::optional<Sequence> boundary() const { return boundary_; }
  [[nodiscard]] bool is_observer() const { return config_.self.value >= size(); }
  // It handed out the checkpoint that ends its epoch.
  [[nodiscard]] bool has_ended() const { return has_ended_; }
  [[nodiscard]] std::size_t ready_transactions() const { return requests_.size(); }
  // Of these, what no batch in flight names: what a primary would propose next.
  [[nodiscard]] std::size_t unordered_transactions() const { return requests_.unordered(); }
  [[nodiscard]] std::size_t open_slots() const { return slots_.size(); }
  [[nodiscard]] std::uint64_t timeout_ms() const { return suspicion_.timeout_ms(); }
  // For checks and explanations (pbft/waiting.h); no reference outlives the next step.
  [[nodiscard]] const ReplicaConfig& config() const { return config_; }
  [[nodiscard]] const Now& now() const { return now_; }  // of the last input
  [[nodiscard]] const std::map<Sequence, Slot>& slots() const { return slots_; }
  [[nodiscard]] const ViewChanges& view_changes() const { return view_changes_; }
  [[nodiscard]] const Voter& voter() const { return voter_; }
  [[nodiscard]] const Checkpoints& checkpoints() const { return checkpoints_; }
  [[nodiscard]] const Requests& requests() const { return requests_; }
  [[nodiscard]] const BlockSources& sources() const { return sources_; }
  // The last checkpoint that was executed here, stable or not.
  [[nodiscard]] Sequence checkpoint() const { return checkpoint_; }
  // Monotonic, 0 for never: when something was last committed; when it entered `view`, or left for
  // it; when it next reports what it has and asks for the rest.
  [[nodiscard]] std::uint64_t committed_ms() const { return progress_ms_; }
  [[nodiscard]] std::uint64_t view_since_ms() const { return view_since_ms_; }
  [[nodiscard]] std::uint64_t next_report_ms() const { return report_pace_.next_ms(); }
  // When it gives up on the primary, or between views on the NEW-VIEW, unless something comes;
  // nullopt: no such timer runs.
  [[nodiscard]] std::optional<std::uint64_t> patience_ends_ms() const;
  // What it judges the primary by.
  [[nodiscard]] Situation situation() const;
  // Up to here the NEW-VIEW of the view proposes again.
  [[nodiscard]] Sequence reproposed_up_to() const { return plan_high_; }
  // What it proposes again, above the low watermark.
  [[nodiscard]] const std::map<Sequence, Reproposal>& reproposals() const { return reproposals_; }
  // Stored, by the digest of their NEW-VIEW: those that may still be asked for.
  [[nodiscard]] const std::map<Digest, Transcript>& transcripts() const { return transcripts_; }
  // VIEW-CHANGEs, NEW-VIEWs and batches that it asks the others for.
  [[nodiscard]] Ask missing() const;

 private:
  // replica.cc: the door, bookkeeping
  [[nodiscard]] std::size_t size() const { return config_.replicas.size(); }
  // Replicas of the set but this.
  [[nodiscard]] std::size_t others() const { return size() - (is_observer() ? 0 : 1); }
  [[nodiscard]] bool is_peer(ReplicaId id) const {
    return id != config_.self && id.value < size() + kObserversMax;
  }
  [[nodiscard]] std::uint64_t window() const { return window_of(config_.parameters); }
  // By so much that no blocks are asked for: they would only wait in memory.
  [[nodiscard]] bool execution_is_behind() const {
    return committed_.value - executed_.value >= window();
  }
  // Batches that execution may be behind: those in flight, and what one answer with blocks brings.
  [[nodiscard]] std::uint64_t handed_out_max() const {
    return window() + config_.fetch_blocks_max;
  }
  void on(const Tick&, Output&) {}
  void on(const TransactionReady& event, Output& out);
  void on(const TransactionGone& event, Output& out);
  void on(const BatchExecuted& event, Output& out);
  [[nodiscard]] bool is_within_window(const Vote& vote, Output& out);
  // The slot of a current vote; a new one is work to wait for.
  [[nodiscard]] Slot& open_slot(Sequence sequence);
  void after_input(Output& out);
  void set_deadline(Output& out);
  void refuse(VoteRefused refused, Output& out);
  // Each offence once: a liar that repeats itself must not fill its accusers' disks.
  void accuse(Slot& slot, std::optional<Contradiction> found, Output& out);

  // replica_start.cc: what a restart knows
  void restore(ReplicaStart start);
  void restore_stable(const StableCheckpoint& stable);
  void restore_proposal(ProposalRecord record, const std::map<TxId, TransactionPtr>& bodies);
  void restore_commit(CommitRecord record);
  void restore_view(RestoredVotes& votes);

  // replica_normal.cc: the three phases
  void on(const crypto::Verified<PrePrepare>& message, Output& out);
  void on(const crypto::Verified<Prepare>& message, Output& out);
  void on(const crypto::Verified<Commit>& message, Output& out);
  void on(const BodyArrived& event, Output& out);
  void accept_proposal(Slot& slot, const PrePrepare& message, Output& out);
  void judge_time(const PrePrepare& message);
  [[nodiscard]] Content content_of(const Slot& slot, const Batch& batch) const;
  void place_body(const TransactionPtr& body);
  // The requests that the slot's proposal names are free again.
  void unname(Slot& slot);
  void ignore(MessageIgnored::Why why, const Vote& vote, Output& out) const;
  void advance(Sequence sequence, Slot& slot, Output& out);
  void prepare(Slot& slot, Output& out);
  void commit(Slot& slot, Output& out);
  void collect_certificate(Slot& slot);
  void hand_out_committed(Output& out);
  void hand_out(CertifiedBatch batch, Output& out);
  [[nodiscard]] bool is_timely(const Slot& slot) const;

  // replica_primary.cc: what a primary proposes
  [[nodiscard]] bool may_propose() const;
  [[nodiscard]] bool is_view_unproven() const;
  [[nodiscard]] bool propose(Output& out);  // false: nothing (more) to propose
  [[nodiscard]] bool propose_ready(Output& out);
  [[nodiscard]] bool propose_checkpoint(Output& out);
  [[nodiscard]] bool propose_filling(Output& out);
  [[nodiscard]] bool propose_null(Output& out);
  [[nodiscard]] bool propose_batch(Batch batch, const std::vector<TransactionPtr>& bodies,
                                   Output& out);
  void repropose(Output& out);
  [[nodiscard]] bool is_checkpoint_due() const;
  [[nodiscard]] std::optional<std::uint64_t> checkpoint_deadline_ms() const;

  // replica_checkpoint.cc: checkpoints and watermarks
  void on(const crypto::Verified<CheckpointVote>& message, Output& out);
  void on(const crypto::Verified<StableCheckpoint>& message, Output& out);
  void vote_for_checkpoint(const CheckpointExecuted& executed, Output& out);
  void collect_stable(const CheckpointVote& vote, Output& out);
  void make_stable(const StableCheckpoint& stable, Output& out);
  void end_recovery(Output& out);
  void compare_with_stable(const CheckpointNote& own, Output& out);
  void diverge(const CheckpointNote& own, const CheckpointNote& certified, Output& out);
  void close_slots_up_to(Sequence sequence);

  // replica_epoch.cc: where the epoch ends
  void learn_boundary(Sequence boundary, Output& out);
  void set_boundary(Sequence boundary);
  [[nodiscard]] bool fills_up() const;  // there are places below the boundary to be filled
  void end_epoch(Output& out);
  void answer_outsider(const StatusArrived& event, Output& out);

  // replica_view_change.cc: from view to view
  void on(const crypto::Verified<ViewChange>& message, Output& out);
  void on(const crypto::Verified<NewView>& message, Output& out);
  void move_between_views(Output& out);
  void leave_view(View to, Suspected why, Output& out);
  void leave_view_for(View at_least, Suspected why, Output& out);
  [[nodiscard]] bool open_view(Output& out);  // as its primary; true: a NEW-VIEW was made
  void enter_view(const Transcript& transcript, Output& out);
  void begin_view(const Transcript& transcript);
  void store_transcripts_behind(Output& out);
  [[nodiscard]] bool is_reproposed(Sequence sequence) const { return sequence <= plan_high_; }
  // Whether the transcript behind the P entry that is proposed again is stored.
  [[nodiscard]] bool has_transcript_behind(Sequence sequence) const;
  [[nodiscard]] bool has_abdicated(const StatusReport& report) const;  // of our primary
  void note_undecided();
  void suspect(Output& out);
  void note_overtaken(const std::vector<std::uint64_t>& ready_ms);
  void relay(Output& out);
  [[nodiscard]] std::optional<std::uint64_t> relay_deadline_ms() const;
  template <class T>
  [[nodiscard]] bool keep_for_later(const crypto::Verified<T>& message, Phase phase);

  // replica_catch_up.cc: reports, what is missing, and blocks from peers
  void on(const StatusArrived& event, Output& out);
  void on(const AskArrived& event, Output& out);
  void on(const BatchArrived& event, Output& out);
  void on(const BodiesWanted& event, Output& out);
  void on(const PeerConnected& event, Output& out);
  void on(const PeerDisconnected& event, Output& out);
  void on(const crypto::Verified<CertifiedBatch>& block, Output& out);
  void on(const BlocksEnded& event, Output& out);
  [[nodiscard]] Holdings holdings() const;
  void fetch_missing_bodies(Output& out);
  void fetch_missing_blocks(Output& out);
  void ask_for_missing(Output& out);
  void report_status(Output& out);
  void ask_how_far(ReplicaId peer, Output& out);
  [[nodiscard]] ReplicaId next_peer(std::uint32_t attempt) const;
  [[nodiscard]] std::uint64_t body_retry_ms(const Slot& slot) const;
  [[nodiscard]] std::uint64_t ask_retry_ms() const;
  // Peers that are ahead may just be faster: no new request before this.
  [[nodiscard]] std::uint64_t blocks_wait_until_ms() const;
  [[nodiscard]] bool has_own_work() const;
  [[nodiscard]] bool has_pending_work() const;

  ReplicaConfig config_;
  Voter& voter_;
  Epoch epoch_;
  Now now_;

  // Where we are.
  View view_;
  bool in_view_ = true;
  std::uint64_t view_since_ms_ = 0;
  View slots_view_;   // of what the slots hold: the last view that was entered
  Digest new_view_;   // of the NEW-VIEW that opened it; zero in view 0
  Sequence plan_high_;                          // max-s of that NEW-VIEW
  std::map<Sequence, Reproposal> reproposals_;  // low watermark < key <= plan_high_
  ViewChanges view_changes_;
  std::map<Digest, Transcript> transcripts_;    // stored; those that may still be asked for
  Suspicion suspicion_;
  // Votes for the view that we are about to enter, one a sender, sequence and phase.
  using Early = std::variant<crypto::Verified<PrePrepare>, crypto::Verified<Prepare>,
                             crypto::Verified<Commit>>;
  View early_view_;
  std::map<std::tuple<Sequence, Phase, ReplicaId>, Early> early_;

  // The log.
  Sequence low_;             // low watermark: of the stable checkpoint
  std::optional<StableCheckpoint> stable_;  // of this epoch; nullopt: none, low_ is its start
  // The highest that the vote store holds: an earlier one must not take its place there.
  Sequence stored_stable_;
  Checkpoints checkpoints_;
  std::optional<Sequence> boundary_;  // invariant: low_, committed_ <= boundary_
  std::uint64_t boundary_since_ms_ = 0;  // when it was learnt
  bool has_ended_ = false;
  bool has_diverged_ = false;
  std::map<Epoch, StableCheckpoint> past_;  // what earlier epochs ended with
  Sequence executed_;        // invariant: executed_ <= committed_
  Sequence committed_;       // handed out, without gaps
  Sequence last_proposed_;   // by us as primary, in this view
  TimeMs effective_time_;
  Sequence checkpoint_;      // the last checkpoint that was executed here
  TimeMs checkpoint_time_;
  std::optional<std::uint64_t> unchecked_since_ms_;  // executed beyond it
  // Since when the proposal for the sequence beside, the next in turn, waits for its quorum.
  std::optional<std::uint64_t> undecided_since_ms_;
  Sequence undecided_;
  std::map<Sequence, Slot> slots_;  // low_ < key <= high watermark
  std::map<Sequence, CertifiedBatch> fetched_;  // verified blocks that wait for their turn
  Requests requests_;
  std::uint64_t newest_proposed_ms_ = 0;  // when the newest request that was proposed became ready

  // What was handed out and not executed yet, by sequence.
  struct Executing {
    std::vector<TxId> ids;
    std::uint64_t were_ready = 0;  // of these, here
  };
  std::map<Sequence, Executing> executing_;
  std::uint64_t executing_ready_ = 0;  // sum of were_ready

  Favours favours_;
  ReportPace report_pace_;
  std::set<ReplicaId> disconnected_;  // members
  std::set<ReplicaId> observers_;     // connected
  BlockSources sources_;

  std::uint64_t progress_ms_ = 0;  // when something was last committed
  std::uint64_t proposed_ms_ = 0;  // when we last proposed
  // Of the start, for the first output.
  bool recovery_ended_ = false;
  std::optional<CheckpointExecuted> last_checkpoint_;  // that it owes its vote for
  std::uint64_t deadline_ms_ = 0;  // that the last output asked for; 0: none
  std::uint64_t asked_ms_ = 0;     // when missing things were last asked for
  std::uint32_t ask_attempts_ = 0;
  std::size_t missing_count_ = 0;  // how many were missing then
};

}  // namespace quorate::pbft
