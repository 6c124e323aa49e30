#pragma once

// The door of the replica core: Input in, Output out.
//
// The core is a deterministic function of its inputs. It has no clock, so each input says what time
// it is; it has no state machine, so the host tells it what is ready and what was executed; it has
// no disk, so Output says what must be durable.

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "crypto/verified.h"
#include "ledger/checkpoint.h"
#include "pbft/durable.h"
#include "pbft/message.h"
#include "pbft/new_view.h"
#include "pbft/slot.h"
#include "pbft/suspicion.h"
#include "pbft/voter.h"

namespace quorate::pbft {

// Ids from the size of the set on are observers: who is connected and not a member of this epoch
// (removed, to be added, of a later set). The host names them so while they are connected; they ask
// and serve, and count nowhere.
inline constexpr std::size_t kObserversMax = 64;

// The host's clocks at an input. Monotonic time drives deadlines and never goes back; wall time is
// only proposed and judged, and may jump.
struct Now {
  std::uint64_t monotonic_ms = 0;
  TimeMs wall;
};

// The deadline that the core asked for has come.
struct Tick {};
// A peer's hint; `from` is the authenticated end of the channel.
struct StatusArrived {
  ReplicaId from;
  StatusReport report;
};
// Messages to this replica can flow (again).
struct PeerConnected {
  ReplicaId peer;
};
// They cannot flow any more. Until it is said, every peer counts as connected.
struct PeerDisconnected {
  ReplicaId peer;
};
// Unsigned hints and answers of the authenticated `from`.
struct AskArrived {
  ReplicaId from;
  Ask ask;
};
struct BatchArrived {
  ReplicaId from;
  Batch batch;
};
// A peer asks for bodies that neither mempool nor ledger have: perhaps a proposal here has.
struct BodiesWanted {
  ReplicaId from;
  std::vector<TxId> ids;
};
// Passed admission in the last executed state.
struct TransactionReady {
  TransactionPtr transaction;
};
// Expired, evicted or overtaken.
struct TransactionGone {
  TxId id;
};
// A peer's answer to a BlockFetch is through; its good blocks came before this.
struct BlocksEnded {
  ReplicaId from;
  std::uint32_t count = 0;  // blocks that it held
};
// Answers a BodyFetch.
struct BodyArrived {
  TransactionPtr transaction;
};
// What a batch at which a checkpoint is due left behind. The host's ledger is synced up to it: a
// checkpoint vote says so.
struct CheckpointExecuted {
  ledger::CheckpointNote note;
  std::uint64_t time_seconds = 0;  // effective time
};
// The host executed a committed batch; in sequence order.
struct BatchExecuted {
  Sequence sequence;
  Digest results_root;
  TimeMs effective_time;
  std::vector<TxId> settled;  // no longer ready after it
  std::optional<CheckpointExecuted> checkpoint{};
  // Where the epoch ends, once a change of membership was executed; also of the batch there.
  std::optional<Sequence> boundary{};
};

struct Input {
  Now now;
  std::variant<Tick, crypto::Verified<PrePrepare>, crypto::Verified<Prepare>,
               crypto::Verified<Commit>, crypto::Verified<CertifiedBatch>,
               crypto::Verified<CheckpointVote>, crypto::Verified<StableCheckpoint>,
               crypto::Verified<ViewChange>, crypto::Verified<NewView>, BlocksEnded, StatusArrived,
               AskArrived, BatchArrived, PeerConnected, PeerDisconnected, TransactionReady,
               TransactionGone, BodyArrived, BodiesWanted, BatchExecuted>
      event;
};

struct Send {
  // nullopt: every other replica; what `concerns_observers`, to them as well.
  std::optional<ReplicaId> to;
  Message message;
};

// They follow by blocks: reports and votes for checkpoints tell them that there are some.
[[nodiscard]] inline bool concerns_observers(const Message& message) {
  return std::holds_alternative<StatusReport>(message) ||
         std::holds_alternative<CheckpointVote>(message);
}

// Ask a peer for transactions by id; the answer comes as BodyArrived, from wherever the host finds
// it.
struct BodyFetch {
  ReplicaId from;
  std::vector<TxId> ids;
};
// Ask a peer for blocks with certificates; the answer comes as Verified<CertifiedBatch>.
struct BlockFetch {
  ReplicaId from;
  Sequence first;
  std::uint32_t count = 0;
};

// Bodies for a peer: those it asked for, or (to the primary) those that it may have missed.
struct BodySend {
  ReplicaId to;
  std::vector<TransactionPtr> transactions;
};

// Typed facts for whoever watches; the core does not log.
struct Proposed {  // `promised`: a primary, perhaps we, named these transactions
  View view;
  Sequence sequence;
  std::vector<TxId> ids;
};
struct BatchPrepared {  // `quorum`
  View view;
  Sequence sequence;
};
struct BatchCommitted {
  View view;
  Sequence sequence;
};
struct VoteWasRefused {
  VoteRefused refused;
};
struct MessageIgnored {  // valid but of no use now
  enum class Why : std::uint8_t {
    kOtherView, kOtherEpoch, kBelowWatermark, kAboveWatermark, kDuplicate, kBatchTooLarge,
    kOtherNewView, kNotInView, kNotTheReproposal, kNotAsked
  };
  Why why;
  ReplicaId from;
  Sequence sequence;
};
struct CatchingUp {
  Sequence from;
  Sequence target;
  ReplicaId peer;
};
struct ViewLeft {
  View view;
  View to;
  Suspected why;
};
struct ViewEntered {
  View view;
  Digest new_view;
  Sequence low;   // min-s: stable in the NEW-VIEW
  Sequence high;  // max-s: proposed again up to here
};
struct CheckpointStable {
  Sequence sequence;
};
// The epoch ends there; nothing above belongs to it. Said once.
struct BoundaryKnown {
  Sequence boundary;
};
// The certified state is not ours. Nothing is signed from here on.
struct StateDiverged {
  CheckpointNote own;
  CheckpointNote certified;
};
using Event = std::variant<Proposed, BatchPrepared, BatchCommitted, VoteWasRefused, MessageIgnored,
                           CatchingUp, ViewLeft, ViewEntered, CheckpointStable, StateDiverged,
                           BoundaryKnown>;

// The host honours the order of the fields, and of the outputs: nothing of an output takes effect
// before the records of every earlier output are durable. For own votes count at once, so a later
// output without a record of its own may carry, in a resent vote or in a commit certificate, a vote
// that an earlier output still has to store.
struct Output {
  // 1. Durable (one synced write) before anything below is done.
  std::vector<DurableRecord> persist;
  // The recovery is over, with this output's records: the guard adopts the vote store, synced,
  // between that write and anything below.
  bool recovered = false;
  // 2. Leaves only after 1.
  std::vector<Send> send;
  // 3. To execute and append, in sequence order without gaps across outputs.
  std::vector<CertifiedBatch> commit;
  // 4. To keep beside the ledger. Once the ledger is synced up to it, the vote store may drop what
  //    `keys_between` names.
  std::optional<StableCheckpoint> stable;
  // 5. Whenever convenient.
  std::vector<BodyFetch> fetch_bodies;
  std::vector<BlockFetch> fetch_blocks;
  std::optional<std::uint64_t> deadline_ms;  // monotonic; replaces the earlier one; nullopt: none
  std::vector<BodySend> send_bodies;
  std::vector<ledger::Evidence> evidence;
  std::vector<Event> events;
  // 6. Once, and last of all: the epoch ended, with this checkpoint at its boundary, which is
  //    stable and executed here. Nothing is signed any more. When all before it has taken effect,
  //    the host goes on with a new voter and replica of the next epoch, in view 0, restored from
  //    its stores as after a restart, and tells that one what is ready.
  std::optional<StableCheckpoint> epoch_ended;
};

}  // namespace quorate::pbft
