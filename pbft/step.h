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
#include "pbft/slot.h"
#include "pbft/voter.h"

namespace quorate::pbft {

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
// What a batch that ends in a checkpoint left behind. The host's ledger is durable up to it: a
// checkpoint vote says so.
struct CheckpointExecuted {
  ledger::CheckpointNote note;
  std::uint64_t time_seconds = 0;
};
// The host executed a committed batch; in sequence order.
struct BatchExecuted {
  Sequence sequence;
  Digest results_root;
  TimeMs effective_time;
  std::vector<TxId> settled;  // no longer ready after it
  std::optional<CheckpointExecuted> checkpoint{};
};

struct Input {
  Now now;
  std::variant<Tick, crypto::Verified<PrePrepare>, crypto::Verified<Prepare>,
               crypto::Verified<Commit>, crypto::Verified<CertifiedBatch>, BlocksEnded,
               StatusArrived, PeerConnected, TransactionReady, TransactionGone, BodyArrived,
               BatchExecuted>
      event;
};

struct Send {
  std::optional<ReplicaId> to;  // nullopt: every other replica
  Message message;
};

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
    kOtherNewView
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
using Event = std::variant<Proposed, BatchPrepared, BatchCommitted, VoteWasRefused,
                           MessageIgnored, CatchingUp>;

// The host honours the order of the fields, and of the outputs: nothing of an output takes effect
// before the records of every earlier output are durable. For own votes count at once, so a later
// output without a record of its own may carry, in a resent vote or in a commit certificate, a vote
// that an earlier output still has to store.
struct Output {
  // 1. Durable (one synced write) before anything below is done.
  std::vector<DurableRecord> persist;
  // 2. Leaves only after 1.
  std::vector<Send> send;
  // 3. To execute and append, in sequence order without gaps across outputs.
  std::vector<CertifiedBatch> commit;
  // 4. Whenever convenient.
  std::vector<BodyFetch> fetch_bodies;
  std::vector<BlockFetch> fetch_blocks;
  std::optional<std::uint64_t> deadline_ms;  // monotonic; replaces the earlier one; nullopt: none
  std::vector<Contradiction> evidence;
  std::vector<Event> events;
};

}  // namespace quorate::pbft
