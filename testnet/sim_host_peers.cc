// What other replicas say to a simulated one, and want from it: node/peer_router.h without threads.

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"
#include "testnet/sim_host.h"

namespace quorate::testnet {

using ledger::ReplicaId;
using ledger::SignedTransaction;
using ledger::TransactionPtr;
using ledger::TxId;

namespace {

constexpr std::size_t kGreetingTransactions = 10'000;

}  // namespace

node::WireBlock to_wire(const ledger::CertifiedBatch& block) {
  node::WireBlock wire{block.batch, block.certificate, {}};
  for (const TransactionPtr& body : block.transactions) {
    wire.transactions.push_back(*body->signed_transaction);
  }
  return wire;
}

SharedBytes to_frame(const node::PeerMessage& message) {
  return std::make_shared<const Bytes>(crypto::encode(message));
}

void SimHost::send(ReplicaId to, const node::PeerMessage& message) {
  if (to.value >= seats_.size()) return;
  if (mouth != nullptr) return mouth->speak(seat_of(to), message);
  parts_.network.send(self_, seat_of(to), to_frame(message));
}

void SimHost::broadcast(const node::PeerMessage& message, bool also_observers) {
  const SharedBytes frame = mouth == nullptr ? to_frame(message) : nullptr;
  for (std::size_t i = 0; i < parts_.world.size(); ++i) {
    const ReplicaId to{static_cast<std::uint16_t>(i)};
    if (to == self_ || (!also_observers && id_of(to).value >= set_.size())) continue;
    if (mouth != nullptr) {
      mouth->speak(to, message);
    } else {
      parts_.network.send(self_, to, frame);
    }
  }
}

void SimHost::send(const pbft::BodySend& bodies) {
  node::Transactions message;
  std::size_t bytes = 0;
  for (const TransactionPtr& body : bodies.transactions) {
    if (bytes > node::kAnswerBytesMax) break;
    bytes += body->encoded_bytes;
    message.transactions.push_back(*body->signed_transaction);
  }
  if (!message.transactions.empty()) send(bodies.to, message);
}

void SimHost::receive(ReplicaId from, const SharedBytes& bytes) {
  if (!is_up()) return;
  if (paused_until_us_ > parts_.agenda.now_us()) {
    return later(0, [this, from, bytes] { handle(from, bytes); });
  }
  handle(from, bytes);
  work();
}

void SimHost::on_session(ReplicaId peer, bool connected) {
  if (!is_up()) return;
  if (!connected) {
    sessions_.erase(peer);
    post(pbft::PeerDisconnected{id_of(peer)});
    return work();
  }
  sessions_.insert(peer);
  post(pbft::PeerConnected{id_of(peer)});
  std::vector<SignedTransaction> ready;
  for (const TransactionPtr& transaction :
       mempool_->oldest(kGreetingTransactions, node::kAnswerBytesMax)) {
    ready.push_back(*transaction->signed_transaction);
  }
  if (!ready.empty()) send(id_of(peer), node::Transactions{std::move(ready)});
  work();
}

void SimHost::handle(ReplicaId from, const SharedBytes& bytes) {
  auto message = crypto::decode<node::PeerMessage>(*bytes);
  if (!message) return note_fault(id_of(from), message.error().code);
  if (mouth != nullptr && !mouth->hear(from, *message)) return;
  std::visit([&](auto& each) { on(id_of(from), std::move(each)); }, *message);
}

void SimHost::note_fault(ReplicaId from, std::string_view code) {
  parts_.checkers.on_rejected(self_, seat_of(from), code);
}

// What another epoch's replicas say to each other is no fault of theirs, and of no use here.
void SimHost::note_fault(ReplicaId from, pbft::Reject reject) {
  if (reject != pbft::Reject::kWrongEpoch) note_fault(from, pbft::reject_code(reject));
}

template <class T>
void SimHost::on(ReplicaId from, T message) {
  auto verified = messages_->check(std::move(message));
  if (!verified) return note_fault(from, verified.error());
  post(std::move(*verified));
}

void SimHost::on(ReplicaId from, pbft::StatusReport report) {
  post(pbft::StatusArrived{from, std::move(report)});
}

void SimHost::on(ReplicaId from, pbft::Ask message) {
  const std::size_t longest =
      std::max({message.view_changes.size(), message.new_views.size(), message.batches.size()});
  if (longest > pbft::kAskMax) return note_fault(from, "ask-too-long");
  post(pbft::AskArrived{from, std::move(message)});
}

void SimHost::on(ReplicaId from, pbft::BatchAnswer message) {
  post(pbft::BatchArrived{from, std::move(message.batch)});
}

void SimHost::on(ReplicaId from, node::Transactions message) {
  for (SignedTransaction& transaction : message.transactions) {
    auto checked = parts_.world.transactions().check(std::move(transaction));
    if (!checked) {
      note_fault(from, checked.error().code);
      continue;
    }
    if (wanted_.erase((*checked)->id) > 0) post(pbft::BodyArrived{*checked});
    if (admits && !admits(*checked)) continue;
    // Not admitted here (busy, nonce taken): the sender's node keeps it.
    (void)mempool_->add(*checked, wall());
  }
  keep_house_later();
}

// Waiting or executed; what only a vote still has, the core knows.
TransactionPtr SimHost::find_body(const TxId& id) const {
  if (TransactionPtr waiting = mempool_->find(id)) return waiting;
  const auto place = ledger_->find(id);
  if (!place || !*place) return nullptr;
  const auto block = ledger_->block((*place)->height);
  return block ? block->transactions[(*place)->index] : nullptr;
}

void SimHost::on(ReplicaId from, node::BodyRequest request) {
  node::Transactions answer;
  std::vector<TxId> absent;
  std::size_t bytes = 0;
  for (const TxId& id : request.ids) {
    if (bytes > node::kAnswerBytesMax) break;
    const TransactionPtr body = find_body(id);
    if (!body) {
      absent.push_back(id);
      continue;
    }
    bytes += body->encoded_bytes;
    answer.transactions.push_back(*body->signed_transaction);
  }
  if (!answer.transactions.empty()) send(from, answer);
  if (!absent.empty()) post(pbft::BodiesWanted{from, std::move(absent)});
}

void SimHost::on(ReplicaId from, node::BlockRequest request) {
  node::Blocks answer;
  std::size_t bytes = 0;
  for (std::uint64_t i = 0; i < request.count; ++i) {
    const ledger::Height height{request.first.value + i};
    if (height.value == 0 || height > ledger_->height()) break;
    const auto block = ledger_->block(height);
    if (!block) break;
    for (const TransactionPtr& body : block->transactions) bytes += body->encoded_bytes;
    if (!answer.blocks.empty() && bytes > node::kAnswerBytesMax) break;
    answer.blocks.push_back(to_wire(*block));
  }
  send(from, std::move(answer));
}

void SimHost::on(ReplicaId from, node::Blocks message) {
  std::uint32_t good = 0;
  for (node::WireBlock& block : message.blocks) {
    ledger::CertifiedBatch certified{std::move(block.batch), std::move(block.certificate), {}};
    for (SignedTransaction& transaction : block.transactions) {
      auto checked = parts_.world.transactions().check(std::move(transaction));
      if (checked) certified.transactions.push_back(std::move(*checked));
    }
    auto verified = messages_->check(std::move(certified));
    if (!verified) {
      note_fault(from, verified.error());
      break;
    }
    post(std::move(*verified));
    ++good;
  }
  post(pbft::BlocksEnded{from, good});
}

void SimHost::fetch(const pbft::BodyFetch& wanted) {
  node::BodyRequest request;
  for (const TxId& id : wanted.ids) {
    if (TransactionPtr body = mempool_->find(id)) {
      post(pbft::BodyArrived{std::move(body)});
    } else {
      request.ids.push_back(id);
    }
  }
  if (request.ids.empty()) return;
  wanted_.insert(request.ids.begin(), request.ids.end());
  send(wanted.from, request);
}

void SimHost::fetch(const pbft::BlockFetch& wanted) {
  send(wanted.from, node::BlockRequest{wanted.first, wanted.count});
}

}  // namespace quorate::testnet
