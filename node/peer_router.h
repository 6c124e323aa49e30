#pragma once

// Between the peer mesh and the rest: decodes and verifies what arrives, answers requests for
// bodies and blocks, and puts the core's messages on the wire.
//
// Verification runs on the work pool; what passes reaches the core as Verified<T>. A peer's fault
// is counted and logged by its code, at a bounded rate, and never closes the connection by itself:
// a replica that lies in one message may still bring what others need. Thread-safe.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "node/core_loop.h"
#include "node/log.h"
#include "node/mempool.h"
#include "node/peers.h"
#include "node/snapshot_server.h"
#include "node/wire.h"
#include "node/work_pool.h"
#include "pbft/verify.h"

namespace quorate::node {

class PeerRouter {
 public:
  struct Parts {
    const pbft::MessageVerifier& verifier;
    const ledger::TransactionVerifier& transactions;
    const ledger::Store& store;
    SnapshotServer& snapshots;
    Mempool& mempool;
    WorkPool& pool;
    std::function<void(CoreLoop::Event)> to_core;
    std::function<void(ledger::ReplicaId, OutboundFrame)> send;
    // To all members; also to observers if they are to know.
    std::function<void(OutboundFrame, bool also_observers)> broadcast;
    // What a peer says of the chain, with the credit of its frame; empty: there is no chain here.
    std::function<void(ledger::ReplicaId, Bytes message, std::shared_ptr<void> credit)> to_chain{};
  };
  explicit PeerRouter(Parts parts) : parts_(std::move(parts)) {}

  // From the mesh.
  void on_frame(InboundFrame frame);
  void on_connected(ledger::ReplicaId peer);
  void on_disconnected(ledger::ReplicaId peer);

  // From the vote writer, after the sync.
  void send(const pbft::Send& send);
  void fetch(pbft::BodyFetch fetch);
  void fetch(const pbft::BlockFetch& fetch);
  void send(const pbft::BodySend& bodies);

  // From the snapshot server.
  void send(ledger::ReplicaId to, const PeerMessage& message);

  // From the RPC side: tells every peer about a transaction that this node admitted.
  void gossip(const ledger::TransactionPtr& transaction);

 private:
  void handle(const InboundFrame& frame);
  void on(ledger::ReplicaId from, pbft::PrePrepare message);
  void on(ledger::ReplicaId from, pbft::Prepare message);
  void on(ledger::ReplicaId from, pbft::Commit message);
  void on(ledger::ReplicaId from, pbft::StatusReport report);
  void on(ledger::ReplicaId from, pbft::CheckpointVote message);
  void on(ledger::ReplicaId from, pbft::StableCheckpoint message);
  void on(ledger::ReplicaId from, pbft::ViewChange message);
  void on(ledger::ReplicaId from, pbft::NewView message);
  void on(ledger::ReplicaId from, pbft::Ask message);
  void on(ledger::ReplicaId from, pbft::BatchAnswer message);
  void on(ledger::ReplicaId from, Transactions message);
  void on(ledger::ReplicaId from, BodyRequest request);
  void on(ledger::ReplicaId from, BlockRequest request);
  void on(ledger::ReplicaId from, Blocks message);
  void on(ledger::ReplicaId from, SnapshotRequest request);
  void on(ledger::ReplicaId from, ChunkRequest request);
  void ask_snapshots(ledger::ReplicaId from, SnapshotServer::Question question);
  // Answers to what a node asks before it starts; of no use later.
  void on(ledger::ReplicaId, SnapshotOffer) {}
  void on(ledger::ReplicaId, EpochSnapshotOffer) {}
  void on(ledger::ReplicaId, ChunkAnswer) {}
  void on(ledger::ReplicaId, ChainFrame) {}  // `handle` passes it on
  template <class T>
  void verify_and_post(ledger::ReplicaId from, T message);
  [[nodiscard]] pbft::Checked<ledger::CertifiedBatch> check_block(WireBlock block) const;
  [[nodiscard]] Result<WireBlock> read_block(ledger::Height height) const;
  void send_transactions(ledger::ReplicaId to,
                         const std::vector<ledger::SignedTransaction>& transactions);
  void note_fault(ledger::ReplicaId from, std::string_view code, std::string_view detail = {});
  void note_fault(ledger::ReplicaId from, pbft::Reject reject, std::string_view detail = {});

  Parts parts_;
  std::mutex wanted_mutex_;
  std::set<ledger::TxId> wanted_;  // bodies that the core asked for; bounded by its window
  RateLimit fault_limit_{10};
};

}  // namespace quorate::node
