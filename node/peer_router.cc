#include "node/peer_router.h"

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"
#include "node/clock.h"

namespace quorate::node {

using ledger::ReplicaId;
using ledger::SignedTransaction;
using ledger::TransactionPtr;
using ledger::TxId;

namespace {

OutboundFrame to_frame(const PeerMessage& message) {
  return std::make_shared<const Bytes>(crypto::encode(message));
}

}  // namespace

void PeerRouter::on_frame(InboundFrame frame) {
  parts_.pool.post([this, frame = std::move(frame)] { handle(frame); });
}

void PeerRouter::handle(const InboundFrame& frame) {
  auto message = crypto::decode<PeerMessage>(frame.bytes);
  if (!message) return note_fault(frame.from, message.error().code, message.error().message);
  if (auto* of_chain = std::get_if<ChainFrame>(&*message); of_chain && parts_.to_chain) {
    return parts_.to_chain(frame.from, std::move(of_chain->message), frame.credit);
  }
  std::visit([&](auto& alternative) { on(frame.from, std::move(alternative)); }, *message);
}

void PeerRouter::note_fault(ReplicaId from, std::string_view code, std::string_view detail) {
  const auto held_back = fault_limit_.allow(monotonic_ms());
  if (!held_back) return;
  log_event(Severity::kWarning, "peer-fault",
            {{"peer", std::to_string(from.value)},
             {"code", std::string(code)},
             {"detail", std::string(detail)},
             {"held_back", std::to_string(*held_back)}});
}

// What another epoch's replicas say to each other is no fault of theirs, and of no use here.
void PeerRouter::note_fault(ReplicaId from, pbft::Reject reject, std::string_view detail) {
  if (reject != pbft::Reject::kWrongEpoch) note_fault(from, pbft::reject_code(reject), detail);
}

template <class T>
void PeerRouter::verify_and_post(ReplicaId from, T message) {
  auto verified = parts_.verifier.check(std::move(message));
  if (!verified) return note_fault(from, verified.error());
  parts_.to_core(std::move(*verified));
}

void PeerRouter::on(ReplicaId from, pbft::PrePrepare message) {
  verify_and_post(from, std::move(message));
}
void PeerRouter::on(ReplicaId from, pbft::Prepare message) { verify_and_post(from, message); }
void PeerRouter::on(ReplicaId from, pbft::Commit message) { verify_and_post(from, message); }

void PeerRouter::on(ReplicaId from, pbft::StatusReport report) {
  parts_.to_core(pbft::StatusArrived{from, std::move(report)});
}

void PeerRouter::on(ReplicaId from, pbft::CheckpointVote message) {
  verify_and_post(from, std::move(message));
}
void PeerRouter::on(ReplicaId from, pbft::StableCheckpoint message) {
  verify_and_post(from, std::move(message));
}
void PeerRouter::on(ReplicaId from, pbft::ViewChange message) {
  verify_and_post(from, std::move(message));
}
void PeerRouter::on(ReplicaId from, pbft::NewView message) {
  verify_and_post(from, std::move(message));
}

void PeerRouter::on(ReplicaId from, pbft::Ask message) {
  const std::size_t longest = std::max(
      {message.view_changes.size(), message.new_views.size(), message.batches.size()});
  if (longest > pbft::kAskMax) return note_fault(from, "ask-too-long");
  parts_.to_core(pbft::AskArrived{from, std::move(message)});
}
void PeerRouter::on(ReplicaId from, pbft::BatchAnswer message) {
  parts_.to_core(pbft::BatchArrived{from, std::move(message.batch)});
}

void PeerRouter::on(ReplicaId from, Transactions message) {
  for (SignedTransaction& transaction : message.transactions) {
    auto checked = parts_.transactions.check(std::move(transaction));
    if (!checked) {
      note_fault(from, checked.error().code, checked.error().message);
      continue;
    }
    bool is_wanted = false;
    {
      const std::lock_guard lock(wanted_mutex_);
      is_wanted = wanted_.erase((*checked)->id) > 0;
    }
    if (is_wanted) parts_.to_core(pbft::BodyArrived{*checked});
    // Not admitted here (busy, nonce taken): the sender's node keeps it, a proposal still brings
    // it.
    static_cast<void>(parts_.mempool.add(*checked, wall_time()));
  }
}

void PeerRouter::on(ReplicaId from, BodyRequest request) {
  std::vector<SignedTransaction> found;
  std::vector<TxId> absent;
  std::size_t bytes = 0;
  for (const TxId& id : request.ids) {
    if (bytes > kAnswerBytesMax) break;
    if (const TransactionPtr transaction = parts_.mempool.find(id)) {
      bytes += transaction->encoded_bytes;
      found.push_back(*transaction->signed_transaction);
      continue;
    }
    const auto place = parts_.store.find(id);
    if (!place || !*place) {
      absent.push_back(id);
      continue;
    }
    auto block = parts_.store.block((*place)->height);
    if (!block) continue;
    bytes += kAnswerBytesMax / 64;  // reading a block costs more than its bytes
    found.push_back(std::move(block->transactions[(*place)->index]));
  }
  send_transactions(from, found);
  // After a restart only a vote may still have the body that it vouched for.
  if (!absent.empty()) parts_.to_core(pbft::BodiesWanted{from, std::move(absent)});
}

void PeerRouter::send(const pbft::BodySend& bodies) {
  std::vector<SignedTransaction> transactions;
  std::size_t bytes = 0;
  for (const TransactionPtr& body : bodies.transactions) {
    if (bytes > kAnswerBytesMax) break;
    bytes += body->encoded_bytes;
    transactions.push_back(*body->signed_transaction);
  }
  send_transactions(bodies.to, transactions);
}

void PeerRouter::send_transactions(ReplicaId to,
                                   const std::vector<SignedTransaction>& transactions) {
  if (!transactions.empty()) parts_.send(to, to_frame(Transactions{transactions}));
}

Result<WireBlock> PeerRouter::read_block(ledger::Height height) const {
  QUORATE_ASSIGN(ledger::StoredBlock block, parts_.store.block(height));
  WireBlock wire;
  wire.batch.header = block.record.batch;
  for (const ledger::TxResult& result : block.results) wire.batch.ids.push_back(result.id);
  wire.certificate = std::move(block.certificate);
  wire.transactions = std::move(block.transactions);
  return wire;
}

void PeerRouter::on(ReplicaId from, BlockRequest request) {
  Blocks answer;
  std::size_t bytes = 0;
  for (std::uint64_t i = 0; i < request.count; ++i) {
    const std::uint64_t height = request.first.value + i;
    if (height <= parts_.store.base().value || height > parts_.store.height().value) break;
    auto block = read_block({request.first.value + i});
    if (!block) {
      log_event(Severity::kError, "block-unreadable",
                {{"height", std::to_string(request.first.value + i)},
                 {"code", std::string(block.error().code)},
                 {"detail", block.error().message}});
      break;
    }
    bytes += crypto::encode(*block).size();
    if (!answer.blocks.empty() && bytes > kAnswerBytesMax) break;
    answer.blocks.push_back(std::move(*block));
  }
  parts_.send(from, to_frame(std::move(answer)));
}

pbft::Checked<ledger::CertifiedBatch> PeerRouter::check_block(WireBlock block) const {
  ledger::CertifiedBatch certified{std::move(block.batch), std::move(block.certificate), {}};
  for (SignedTransaction& transaction : block.transactions) {
    auto checked = parts_.transactions.check(std::move(transaction));
    if (!checked) return tl::unexpected(pbft::Reject::kBadTransaction);
    certified.transactions.push_back(std::move(*checked));
  }
  return parts_.verifier.check(std::move(certified));
}

void PeerRouter::on(ReplicaId from, Blocks message) {
  std::uint32_t good = 0;
  for (WireBlock& block : message.blocks) {
    auto verified = check_block(std::move(block));
    if (!verified) {
      note_fault(from, verified.error(), "in a block");
      break;
    }
    parts_.to_core(std::move(*verified));
    ++good;
  }
  parts_.to_core(pbft::BlocksEnded{from, good});
}

void PeerRouter::on(ReplicaId from, SnapshotRequest request) { ask_snapshots(from, request); }
void PeerRouter::on(ReplicaId from, ChunkRequest request) {
  ask_snapshots(from, std::move(request));
}

void PeerRouter::ask_snapshots(ReplicaId from, SnapshotServer::Question question) {
  if (!parts_.snapshots.post(from, std::move(question))) note_fault(from, "snapshot-busy");
}

void PeerRouter::send(ReplicaId to, const PeerMessage& message) {
  parts_.send(to, to_frame(message));
}

void PeerRouter::on_connected(ReplicaId peer) {
  parts_.to_core(pbft::PeerConnected{peer});
  parts_.pool.post([this, peer] {
    std::vector<SignedTransaction> waiting;
    for (const TransactionPtr& transaction : parts_.mempool.oldest(10'000, kAnswerBytesMax)) {
      waiting.push_back(*transaction->signed_transaction);
    }
    send_transactions(peer, waiting);
  });
}

void PeerRouter::on_disconnected(ReplicaId peer) { parts_.to_core(pbft::PeerDisconnected{peer}); }

void PeerRouter::send(const pbft::Send& send) {
  auto frame = std::visit([](const auto& m) { return to_frame(PeerMessage(m)); }, send.message);
  if (send.to) {
    parts_.send(*send.to, std::move(frame));
  } else {
    parts_.broadcast(std::move(frame), pbft::concerns_observers(send.message));
  }
}

void PeerRouter::fetch(pbft::BodyFetch fetch) {
  std::vector<TxId> missing;
  for (const TxId& id : fetch.ids) {
    if (TransactionPtr transaction = parts_.mempool.find(id)) {
      parts_.to_core(pbft::BodyArrived{std::move(transaction)});
    } else {
      missing.push_back(id);
    }
  }
  if (missing.empty()) return;
  {
    const std::lock_guard lock(wanted_mutex_);
    if (wanted_.size() > 100'000) wanted_.clear();  // the core asks again for what it still lacks
    wanted_.insert(missing.begin(), missing.end());
  }
  parts_.send(fetch.from, to_frame(BodyRequest{std::move(missing)}));
}

void PeerRouter::fetch(const pbft::BlockFetch& fetch) {
  parts_.send(fetch.from, to_frame(BlockRequest{fetch.first, fetch.count}));
}

void PeerRouter::gossip(const TransactionPtr& transaction) {
  parts_.broadcast(to_frame(Transactions{{*transaction->signed_transaction}}), true);
}

}  // namespace quorate::node
