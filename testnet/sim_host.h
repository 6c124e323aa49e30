#pragma once

// One simulated replica: the real core between modelled threads.
//
// Real are the core, its voter and verifiers, the mempool, execution, and every byte that is sent
// or stored. Modelled is what the node's threads do with them: all inputs that wait are one turn;
// the outputs of all turns that wait share one synced write, and take effect in order after it
// (node/vote_writer.h); execution follows behind (node/executor.h); what arrives is decoded,
// verified and routed (node/peer_router.h). A crash drops what is not durable; a start rebuilds all
// from the two disks, and so does the end of an epoch with the core alone. Outside of the core a
// replica is its seat (testnet/sim_world.h); the core is told ids of its epoch.
//
// Everything happens at agenda entries of this replica's present life.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/mempool.h"
#include "node/recording.h"
#include "node/wire.h"
#include "pbft/replica.h"
#include "pbft/retention.h"
#include "testnet/agenda.h"
#include "testnet/checkers.h"
#include "testnet/sim_disk.h"
#include "testnet/sim_network.h"
#include "testnet/sim_world.h"
#include "testnet/trace.h"

namespace quorate::testnet {

// How long a replica's own parts take, uniformly between the bounds.
struct HostTimes {
  std::uint64_t sync_us_min = 500;
  std::uint64_t sync_us_max = 5'000;
  std::uint64_t execution_us_min = 100;
  std::uint64_t execution_us_max = 3'000;
};

// Where a crash can be put.
enum class CrashPoint : std::uint8_t {
  kAfterAdoption,  // the guard counts a store that has nothing yet
  kBeforeWrite,    // the votes are not on the disk yet
  kBeforeRelease,  // they are, and nothing left
  kBeforeSend,     // once for each message
  kAfterRelease,
  kBeforeAppend,
  kAfterAppend,  // executed, the core does not know
  kAfterSync,    // the ledger is synced, the core does not know
};

// Deliberate mistakes, to show that the checkers see them.
enum class HostBug : std::uint8_t {
  kNone,
  kSendsBeforeWrite,   // messages leave before their votes are durable
  kForgetsVotes,       // restarts without its votes, and votes
  kAdoptsBeforeWrite,  // the guard knows a new store before what ended the recovery is in it
  kErasesBeforeWrite,  // votes are dropped before the stable checkpoint that allows it is written
  kForgetsNonces,      // executes as if no nonce had been used
  kSkipsBatch,         // executes nothing of every third batch
  kHidesNewViews,      // makes NEW-VIEWs and shows them to nobody
  kSwitchesTooEarly,   // serves the next epoch though the last checkpoint of its own is not stable
};

// What a liar does where a correct replica sends and receives (testnet/behaviours.h).
class Mouth {
 public:
  virtual ~Mouth() = default;
  // Instead of sending this to one replica.
  virtual void speak(ledger::ReplicaId to, const node::PeerMessage& message) = 0;
  // Before the replica itself hears it; false: it does not.
  [[nodiscard]] virtual bool hear(ledger::ReplicaId from, const node::PeerMessage& message) = 0;
};

// As they cross the network.
[[nodiscard]] SharedBytes to_frame(const node::PeerMessage& message);
[[nodiscard]] node::WireBlock to_wire(const ledger::CertifiedBatch& block);

class SimHost {
 public:
  // All outlive this.
  struct Parts {
    const SimWorld& world;
    Agenda& agenda;
    SimNetwork& network;
    Checkers& checkers;
    Trace& trace;
  };

  SimHost(const Parts& parts, ledger::ReplicaId seat, Prng dice);
  ~SimHost();

  // Precondition: down (checked).
  void start();
  // Precondition: up (checked).
  void crash(CrashKind kind);
  // SIGSTOP until then: nothing happens, and all that was due happens afterwards.
  void pause(std::uint64_t until_us) { paused_until_us_ = until_us; }

  // From the network.
  void receive(ledger::ReplicaId from, const SharedBytes& bytes);
  void on_session(ledger::ReplicaId peer, bool connected);

  // A client's transaction. Errors: those of node::Mempool::add; "down" (kUnavailable).
  Result<bool> submit(const ledger::TransactionPtr& transaction);

  [[nodiscard]] ledger::ReplicaId self() const { return self_; }
  [[nodiscard]] bool is_up() const { return replica_ != nullptr; }
  // Signs nothing: its vote store is not the one that its guard knows.
  [[nodiscard]] bool is_recovering() const { return votes_->age() == ledger::StoreAge::kOlder; }
  // Of the epoch that its core serves. Precondition: is_up().
  [[nodiscard]] const ledger::ReplicaSet& set() const { return set_; }
  [[nodiscard]] bool is_member() const { return ids_[self_.value].value < set_.size(); }
  // Precondition: is_up().
  [[nodiscard]] const pbft::Replica& replica() const { return *replica_; }
  [[nodiscard]] VoteDisk& votes() { return *votes_; }
  [[nodiscard]] LedgerDisk& ledger() { return *ledger_; }
  [[nodiscard]] const LedgerDisk& ledger() const { return *ledger_; }
  // As the node keeps it beside its ledger.
  [[nodiscard]] const std::optional<ledger::StableCheckpoint>& last_stable() const {
    return last_stable_;
  }
  [[nodiscard]] ledger::TimeMs wall() const;
  [[nodiscard]] std::size_t waiting_transactions() const {
    return mempool_ ? mempool_->counters().transactions : 0;
  }

  std::int64_t clock_offset_ms = 0;
  HostTimes times;
  HostBug bug = HostBug::kNone;

  // Asked at every crash point; true crashes the replica there, by a power cut.
  std::function<bool(CrashPoint)> crashes_here;
  // The evidence that this replica's core found.
  std::function<void(const ledger::Evidence&)> on_evidence;
  // What a node would record: each life that begins, and each of its steps with what was signed in
  // it. Both or none.
  std::function<void(const node::RecordingHead&)> on_life;
  std::function<void(const pbft::Input&, const pbft::Output&,
                     const std::vector<ledger::Signature>&)>
      on_step;
  // Whether a liar takes this transaction into its mempool; empty at an honest one.
  std::function<bool(const ledger::TransactionPtr&)> admits;
  // Of a liar; null at an honest one. Whoever sets it keeps it.
  Mouth* mouth = nullptr;

 private:
  using Event = decltype(pbft::Input::event);
  struct Work {
    std::vector<pbft::Event> facts;
    std::deque<ledger::CertifiedBatch> batches;
  };

  // sim_host.cc: life, turns, the vote writer
  void later(std::uint64_t delay_us, std::function<void()> action);
  [[nodiscard]] bool crashed(CrashPoint point);
  void stop(const Error& error);
  void post(Event event) { inbox_.push_back(std::move(event)); }
  void work();
  void step_next();
  void release(std::vector<pbft::Output> outputs);
  [[nodiscard]] bool send_all(const pbft::Output& output);  // false: crashed on the way
  void note_events(const pbft::Output& output);
  void arm_timer();
  void on_timer(std::uint64_t time_us);

  // sim_host_epochs.cc: a core, from what the disks have
  void begin_core();
  void choose_epoch(pbft::ReplicaStart& start);
  void end_epoch(const ledger::StableCheckpoint& last);
  [[nodiscard]] pbft::ReplicaStart restore() const;
  [[nodiscard]] ledger::ReplicaId id_of(ledger::ReplicaId seat) const { return ids_[seat.value]; }
  [[nodiscard]] ledger::ReplicaId seat_of(ledger::ReplicaId id) const { return seats_[id.value]; }

  // sim_host_votes.cc: the vote writer
  void write_next();
  [[nodiscard]] Status prepare_write(std::vector<ledger::VoteRecord>& records);
  void finish_write();
  void finish_release();
  [[nodiscard]] bool adopts() const;  // the write that is under way ends a recovery
  void truncate();

  // sim_host_execution.cc: the executor and the mempool
  void make_mempool();
  void keep_house_later();
  void keep_house();
  void execute_later(pbft::Output& output);
  void execute_next();
  void execute(const ledger::CertifiedBatch& batch);
  void report(const ledger::CertifiedBatch& batch, const ledger::Execution& execution);
  [[nodiscard]] Result<ledger::Execution> run(const ledger::CertifiedBatch& batch) const;

  // sim_host_peers.cc: what other replicas say and want
  void send(ledger::ReplicaId to, const node::PeerMessage& message);  // to an id
  // To all members; to every other seat, if they are to know as well.
  void broadcast(const node::PeerMessage& message, bool also_observers);
  void send(const pbft::BodySend& bodies);
  void fetch(const pbft::BodyFetch& wanted);
  void fetch(const pbft::BlockFetch& wanted);
  void handle(ledger::ReplicaId from, const SharedBytes& bytes);
  template <class T>
  void on(ledger::ReplicaId from, T message);  // whatever the verifier judges
  void on(ledger::ReplicaId from, pbft::StatusReport report);
  void on(ledger::ReplicaId from, pbft::Ask message);
  void on(ledger::ReplicaId from, pbft::BatchAnswer message);
  void on(ledger::ReplicaId from, node::Transactions message);
  void on(ledger::ReplicaId from, node::BodyRequest request);
  void on(ledger::ReplicaId from, node::BlockRequest request);
  void on(ledger::ReplicaId from, node::Blocks message);
  // What a node asks before it starts is not simulated.
  void on(ledger::ReplicaId, node::SnapshotRequest) {}
  void on(ledger::ReplicaId, node::SnapshotOffer) {}
  void on(ledger::ReplicaId, node::EpochSnapshotOffer) {}
  void on(ledger::ReplicaId, node::ChainFrame) {}
  void on(ledger::ReplicaId, node::ChunkRequest) {}
  void on(ledger::ReplicaId, node::ChunkAnswer) {}
  [[nodiscard]] ledger::TransactionPtr find_body(const ledger::TxId& id) const;
  void note_fault(ledger::ReplicaId from, std::string_view code);
  void note_fault(ledger::ReplicaId from, pbft::Reject reject);

  Parts parts_;
  ledger::ReplicaId self_;
  Prng dice_;
  std::unique_ptr<VoteDisk> votes_;
  std::unique_ptr<LedgerDisk> ledger_;
  std::optional<ledger::StableCheckpoint> last_stable_;
  std::uint64_t life_ = 0;
  std::uint64_t paused_until_us_ = 0;

  // What epochs ended with; as the node keeps it beside its ledger.
  std::map<ledger::Epoch, ledger::StableCheckpoint> epoch_ends_;

  // One life's.
  std::set<ledger::ReplicaId> sessions_;  // seats
  std::unique_ptr<node::SignatureTap> tap_;
  std::unique_ptr<pbft::Voter> voter_;
  std::unique_ptr<node::Mempool> mempool_;
  std::unique_ptr<pbft::Replica> replica_;
  // One core's.
  ledger::ReplicaSet set_;
  std::vector<ledger::ReplicaId> ids_;    // by seat
  std::vector<ledger::ReplicaId> seats_;  // by id
  std::unique_ptr<pbft::MessageVerifier> messages_;
  std::deque<Event> inbox_;
  bool working_ = false;
  std::vector<pbft::Output> waiting_;  // for the vote writer
  std::vector<pbft::Output> writing_;
  bool is_writing_ = false;
  ledger::Sequence stable_;     // said by the core in this life
  ledger::Sequence truncated_;  // votes up to it were dropped in this life
  pbft::NamedBodies bodies_;
  std::optional<std::uint64_t> deadline_ms_;
  std::optional<std::uint64_t> timer_us_;
  std::deque<Work> to_execute_;
  bool is_executing_ = false;
  bool keeps_house_ = false;
  std::set<ledger::TxId> wanted_;  // bodies that the core asked for
};

}  // namespace quorate::testnet
