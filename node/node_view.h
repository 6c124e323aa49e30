#pragma once

// What the RPC methods see of a running node: its parts, by reference, and a few snapshots.
//
// The RPC layer holds no state of its own and decides nothing: it renders these.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/genesis.h"
#include "ledger/store.h"
#include "node/anchor_book.h"
#include "node/healing.h"
#include "node/injected_faults.h"
#include "node/log_publisher.h"
#include "node/mempool.h"
#include "node/peers.h"
#include "node/tracker.h"
#include "pbft/waiting.h"

namespace quorate::node {

// The core as of its last turn.
struct CoreSnapshot {
  ledger::Epoch epoch;
  ledger::View view;
  ledger::ReplicaId primary;
  ledger::Sequence executed;
  ledger::Sequence committed;
  ledger::Sequence high_watermark;
  std::size_t open_slots = 0;
  std::size_t ready = 0;
  std::uint64_t votes_refused = 0;
  std::uint64_t evidence_seen = 0;
  bool is_catching_up = false;  // a certified checkpoint lies above what was executed here
  bool in_view = true;          // false: it waits for the NEW-VIEW of `view`
  ledger::Sequence stable;      // low watermark
  std::uint64_t timeout_ms = 0;  // patience with the primary, now
  pbft::Standing standing = pbft::Standing::kVoter;
};

struct PowView;  // node/pow_view.h

struct SubmitOutcome {
  ledger::TxId id;
  bool is_new = false;  // false: the same transaction was here already, which is no error
};

// All references outlive the view; the functions are thread-safe and do not block on the network.
struct NodeView {
  const ledger::Genesis& genesis;
  ledger::Digest chain_id;
  ledger::ReplicaId self;
  std::string standing_reason;  // why it could not vote at the start; empty: it could
  Endpoint rpc_endpoint;
  Endpoint peer_endpoint;
  std::uint64_t started_wall_ms = 0;

  const ledger::Store& store;
  const LogPublisher& publisher;
  Mempool& mempool;
  Tracker& tracker;

  std::function<CoreSnapshot()> core;
  // Calls `then` once, from the core's thread; drops it without a call if the core stops.
  std::function<void(std::function<void(const pbft::Waiting&)> then)> waiting;
  std::function<std::vector<PeerState>()> peers;
  // Checks form, signature and admission, tracks it, and hands it to core and peers. The signature
  // check takes about 60 us on the calling thread. Errors: those of TransactionVerifier::check and
  // Mempool::add; "disk-nearly-full" (kUnavailable).
  std::function<Result<SubmitOutcome>(ByteView encoded)> submit;
  // Fate of a transaction: from the tracker, else from the ledger; and whether it is anchored.
  std::function<Result<TxStatus>(const ledger::TxId&)> transaction_status;
  std::function<std::optional<std::string>()> trouble;  // a reason not to be ready, if any
  std::optional<Healing> healing{};  // the last one of this node's ledger
  // Of a testnet; empty elsewhere.
  std::function<InjectedFaults()> faults{};
  // Of a network with both engines; null elsewhere.
  const AnchorBook* anchors = nullptr;
  PowView* chain = nullptr;
};

}  // namespace quorate::node
