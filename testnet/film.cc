#include "testnet/film.h"

#include <utility>

#include "crypto/bcs.h"

namespace quorate::testnet {

using ledger::ReplicaId;
using node::PeerMessage;

namespace {

// Of packets that never arrive, so many are remembered.
constexpr std::size_t kOnTheirWayMax = 1 << 16;

// Who signed it.
ReplicaId signer_of(const pbft::PrePrepare& message) { return message.vote.replica; }
ReplicaId signer_of(const pbft::Prepare& message) { return message.vote.replica; }
ReplicaId signer_of(const pbft::Commit& message) { return message.vote.replica; }
ReplicaId signer_of(const pbft::CheckpointVote& message) { return message.replica; }
ReplicaId signer_of(const pbft::ViewChange& message) { return message.body.replica; }
ReplicaId signer_of(const pbft::NewView& message) { return message.body.replica; }

node::Transactions transactions_of(const pbft::BodySend& send) {
  node::Transactions message;
  for (const ledger::TransactionPtr& each : send.transactions) {
    message.transactions.push_back(*each->signed_transaction);
  }
  return message;
}

}  // namespace

Film::Film(const std::vector<std::unique_ptr<RecordedLife>>& lives,
           std::function<void(const TraceEvent&)> on_event)
    : lives_(lives),
      on_event_(std::move(on_event)),
      is_monotonic_(is_one_clock(lives)),
      size_(lives.front()->size()) {
  for (const auto& life : lives) recorded_.insert(life->head().self);
}

void Film::note(std::size_t life, const node::RecordedStep& step, const pbft::Output& output) {
  const std::uint64_t time_ms = is_monotonic_ ? step.now.monotonic_ms : step.now.wall.value;
  if (!begin_ms_) begin_ms_ = time_ms;
  // A clock that was put back is no reason to draw backwards.
  if (time_ms > *begin_ms_) now_us_ = std::max(now_us_, (time_ms - *begin_ms_) * 1000);
  const ReplicaId self = lives_[life]->head().self;
  if (begun_.insert(life).second) {
    tell(Kind::kStart, self, lives_[life]->head().start.executed.value);
  }
  note_input(self, step.event);
  note_output(self, output);
  const LifeEnd end = lives_[life]->report().end;
  if (!lives_[life]->next() && (end == LifeEnd::kCut || end == LifeEnd::kOpen)) {
    tell(Kind::kCrash, self, 0, "the recording was cut off");
  }
}

void Film::tell(Kind kind, ReplicaId self, std::uint64_t number, std::string_view text) {
  on_event_({kind, now_us_, self, {}, number, nullptr, text});
}

void Film::peer(Kind kind, ReplicaId self, ReplicaId other) {
  on_event_({kind, now_us_, self, other});
}

std::uint64_t Film::send(ReplicaId from, ReplicaId to, SharedBytes bytes) {
  on_event_({Kind::kSend, now_us_, from, to, ++packets_, std::move(bytes)});
  return packets_;
}

void Film::deliver(ReplicaId from, ReplicaId to, std::uint64_t number) {
  on_event_({Kind::kDeliver, now_us_, to, from, number});
}

void Film::passes(ReplicaId from, ReplicaId to, const PeerMessage& message) {
  deliver(from, to, send(from, to, std::make_shared<const Bytes>(crypto::encode(message))));
}

void Film::wants_sent(ReplicaId from, ReplicaId to, const PeerMessage& message) {
  if (!recorded_.contains(to)) return passes(from, to, message);
  const auto bytes = std::make_shared<const Bytes>(crypto::encode(message));
  on_their_way_[{from, to, crypto::sha256(*bytes)}].push_back(send(from, to, bytes));
  if (on_their_way_.size() > kOnTheirWayMax) on_their_way_.erase(on_their_way_.begin());
}

void Film::was_given(ReplicaId from, ReplicaId to, const PeerMessage& message) {
  if (from == to) return;  // its own, back from another
  const auto bytes = std::make_shared<const Bytes>(crypto::encode(message));
  const auto found = on_their_way_.find({from, to, crypto::sha256(*bytes)});
  if (found == on_their_way_.end()) return deliver(from, to, send(from, to, bytes));
  deliver(from, to, found->second.front());
  found->second.pop_front();
  if (found->second.empty()) on_their_way_.erase(found);
}

// Nobody's in particular: from whoever of the recorded has it under way.
void Film::note_relayed(ReplicaId self, const PeerMessage& message) {
  const crypto::Digest content = crypto::sha256(crypto::encode(message));
  for (const ReplicaId from : recorded_) {
    if (on_their_way_.contains({from, self, content})) return was_given(from, self, message);
  }
}

void Film::note_input(ReplicaId self, const node::RecordedEvent& event) {
  std::visit(
      [&](const auto& each) {
        using T = std::decay_t<decltype(each)>;
        if constexpr (requires { signer_of(each); }) {
          was_given(signer_of(each), self, each);
        } else if constexpr (std::is_same_v<T, pbft::StableCheckpoint>) {
          note_relayed(self, each);
        } else if constexpr (std::is_same_v<T, pbft::StatusArrived>) {
          was_given(each.from, self, each.report);
        } else if constexpr (std::is_same_v<T, pbft::AskArrived>) {
          was_given(each.from, self, each.ask);
        } else if constexpr (std::is_same_v<T, pbft::BatchArrived>) {
          was_given(each.from, self, pbft::BatchAnswer{each.batch});
        } else if constexpr (std::is_same_v<T, node::WireBlock>) {
          blocks_[self].blocks.push_back(each);
        } else if constexpr (std::is_same_v<T, pbft::BlocksEnded>) {
          passes(each.from, self, std::exchange(blocks_[self], {}));
        } else if constexpr (std::is_same_v<T, pbft::PeerConnected>) {
          peer(Kind::kConnect, self, each.peer);
        } else if constexpr (std::is_same_v<T, pbft::PeerDisconnected>) {
          peer(Kind::kDisconnect, self, each.peer);
        } else if constexpr (std::is_same_v<T, node::RecordedReady>) {
          const ledger::TxId id = ledger::id_of(each.transaction.body);
          tell(Kind::kSubmit, self, 0, as_text(id.digest.bytes));
        } else if constexpr (std::is_same_v<T, pbft::BatchExecuted>) {
          on_event_({Kind::kExecute, now_us_, self, {}, each.sequence.value,
                     std::make_shared<const Bytes>(each.results_root.bytes.begin(),
                                                   each.results_root.bytes.end())});
        }
      },
      event);
}

void Film::note_output(ReplicaId self, const pbft::Output& output) {
  if (!output.persist.empty()) tell(Kind::kPersist, self, output.persist.size());
  if (output.recovered) tell(Kind::kRecovered, self, 0);
  for (const pbft::Event& event : output.events) note_fact(self, event);
  for (const pbft::Send& each : output.send) {
    const PeerMessage message =
        std::visit([](const auto& said) { return PeerMessage(said); }, each.message);
    for (std::uint16_t i = 0; i < size_; ++i) {
      const ReplicaId to{i};
      if (to != self && (!each.to || *each.to == to)) wants_sent(self, to, message);
    }
  }
  for (const ledger::CertifiedBatch& batch : output.commit) {
    TraceEvent event{Kind::kCommit, now_us_, self, {}, batch.batch.header.sequence.value};
    event.batch = &batch;
    on_event_(event);
  }
  for (const ledger::Evidence& found : output.evidence) {
    const std::string sentence = ledger::evidence_sentence(found);
    TraceEvent event{Kind::kEvidence, now_us_, self, ledger::accused(found)};
    event.detail = sentence;
    on_event_(event);
  }
  for (const pbft::BodyFetch& wanted : output.fetch_bodies) {
    passes(self, wanted.from, node::BodyRequest{wanted.ids});
  }
  for (const pbft::BlockFetch& wanted : output.fetch_blocks) {
    passes(self, wanted.from, node::BlockRequest{wanted.first, wanted.count});
  }
  for (const pbft::BodySend& bodies : output.send_bodies) {
    passes(self, bodies.to, transactions_of(bodies));
  }
}

void Film::note_fact(ReplicaId self, const pbft::Event& event) {
  if (const auto* left = std::get_if<pbft::ViewLeft>(&event)) {
    tell(Kind::kLeave, self, left->to.value, pbft::suspicion_text(left->why));
  } else if (const auto* entered = std::get_if<pbft::ViewEntered>(&event)) {
    tell(Kind::kEnter, self, entered->view.value);
  } else if (const auto* stable = std::get_if<pbft::CheckpointStable>(&event)) {
    tell(Kind::kStable, self, stable->sequence.value);
  }
}

}  // namespace quorate::testnet
