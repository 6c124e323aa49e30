#pragma once

// pbft::Replica: the protocol of Castro & Liskov (OSDI '99) as a deterministic function of its
// inputs.
//
// One door, `step`. The same object runs in the node, in the simulator, under the fuzzer and in the
// benchmark. Not thread-safe; no input can make it abort; memory is bounded by the watermark
// window, the replicas and the host's mempool.
//
// Own votes count at `step` and leave after their sync (Output). Until checkpoints truncate it, the
// log's low watermark is the last executed sequence.

#include <cstdint>
#include <map>
#include <vector>

#include "pbft/block_sources.h"
#include "pbft/requests.h"
#include "pbft/step.h"

namespace quorate::pbft {

struct ReplicaConfig {
  ReplicaId self;
  ReplicaSet replicas;
  ledger::Parameters parameters;

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
};

class Replica {
 public:
  // `voter` outlives this and has not been told the restored votes yet.
  Replica(ReplicaConfig config, Voter& voter, ReplicaStart start);

  // Applies one input. The first call should be a Tick, which yields the first deadline.
  [[nodiscard]] Output step(const Input& input);

  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] View view() const { return view_; }
  [[nodiscard]] ReplicaId primary() const { return primary_of(view_, size()); }
  [[nodiscard]] bool is_primary() const { return primary() == config_.self; }
  [[nodiscard]] Sequence executed() const { return executed_; }
  [[nodiscard]] Sequence committed() const { return committed_; }
  [[nodiscard]] Sequence low_watermark() const { return executed_; }
  [[nodiscard]] Sequence high_watermark() const { return {executed_.value + window()}; }
  [[nodiscard]] std::size_t ready_transactions() const { return requests_.size(); }
  // Of these, what no batch in flight names: what a primary would propose next.
  [[nodiscard]] std::size_t unordered_transactions() const { return requests_.unordered(); }
  [[nodiscard]] std::size_t open_slots() const { return slots_.size(); }
  // For checks and explanations; no reference outlives the next step.
  [[nodiscard]] const std::map<Sequence, Slot>& slots() const { return slots_; }

 private:
  // replica.cc: the door, bookkeeping
  [[nodiscard]] std::size_t size() const { return config_.replicas.size(); }
  [[nodiscard]] std::uint64_t window() const { return 4ull * config_.parameters.window_batches; }
  void restore(ReplicaStart start);
  void on(const Tick&, Output&) {}
  void on(const TransactionReady& event, Output& out);
  void on(const TransactionGone& event, Output& out);
  void on(const BatchExecuted& event, Output& out);
  [[nodiscard]] bool is_current(const Vote& vote, Output& out);
  // The slot of a current vote; a new one is work to wait for.
  [[nodiscard]] Slot& open_slot(Sequence sequence);
  void close_slots_up_to(Sequence sequence);
  void after_input(Output& out);
  void set_deadline(Output& out);

  // replica_normal.cc: the three phases
  void on(const crypto::Verified<PrePrepare>& message, Output& out);
  void on(const crypto::Verified<Prepare>& message, Output& out);
  void on(const crypto::Verified<Commit>& message, Output& out);
  void on(const BodyArrived& event, Output& out);
  [[nodiscard]] bool propose(Output& out);  // false: nothing (more) to propose
  void accept_proposal(Slot& slot, const PrePrepare& message, Output& out);
  void place_body(const TransactionPtr& body);
  void ignore_duplicate(const Vote& vote, Output& out) const;
  void advance(Sequence sequence, Slot& slot, Output& out);
  void prepare(Slot& slot, Output& out);
  void commit(Slot& slot, Output& out);
  void collect_certificate(Slot& slot);
  void hand_out_committed(Output& out);
  [[nodiscard]] bool is_timely(const Slot& slot) const;
  void refuse(VoteRefused refused, Output& out);
  // Each offence once: a liar that repeats itself must not fill its accusers' disks.
  void accuse(Slot& slot, std::optional<Contradiction> found, Output& out);

  // replica_catch_up.cc: retransmission and blocks from peers
  void on(const StatusArrived& event, Output& out);
  void on(const PeerConnected& event, Output& out);
  void on(const crypto::Verified<CertifiedBatch>& block, Output& out);
  void on(const BlocksEnded& event, Output& out);
  [[nodiscard]] StatusReport status_report(bool wants_answer) const;
  void resend_to(ReplicaId peer, const StatusReport& report, Output& out);
  void fetch_missing_bodies(Output& out);
  void fetch_missing_blocks(Output& out);
  void report_status(Output& out);
  void ask_how_far(ReplicaId peer, Output& out);
  // New work: the next report must not come at the idle pace.
  void hasten_status();
  [[nodiscard]] ReplicaId next_peer(std::uint32_t attempt) const;
  [[nodiscard]] std::uint64_t body_retry_ms(const Slot& slot) const;
  // Peers that are ahead may just be faster: no new request before this.
  [[nodiscard]] std::uint64_t blocks_wait_until_ms() const;
  [[nodiscard]] bool has_own_work() const;
  [[nodiscard]] bool has_pending_work() const;

  ReplicaConfig config_;
  Voter& voter_;
  Epoch epoch_;
  View view_;
  Digest new_view_;  // of the NEW-VIEW that opened view_; zero in view 0
  Now now_;

  Sequence executed_;        // invariant: executed_ <= committed_
  Sequence committed_;       // handed out, without gaps
  Sequence last_proposed_;   // by us as primary, in this view
  TimeMs effective_time_;
  std::map<Sequence, Slot> slots_;  // executed_ < key <= high watermark
  std::map<Sequence, CertifiedBatch> fetched_;  // verified blocks that wait for their turn
  Requests requests_;

  // What batches name that were handed out and not executed yet, by sequence.
  std::map<Sequence, std::vector<TxId>> executing_;

  struct Peer {
    std::uint64_t answered_ms = 0;  // when we last answered its report
    std::uint64_t asked_ms = 0;     // when we last asked for its report
    std::uint32_t answers = 0;
  };
  std::map<ReplicaId, Peer> peers_;
  BlockSources sources_;

  std::uint64_t progress_ms_ = 0;  // when something was last committed
  std::uint64_t next_status_ms_ = 0;
  std::uint64_t last_status_ms_ = 0;
  std::uint64_t status_interval_ms_;
};

}  // namespace quorate::pbft
