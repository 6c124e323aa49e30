#include "node/recording.h"

#include <fmt/format.h>

#include <boost/pfr/tuple_size.hpp>
#include <utility>

#include "crypto/bcs.h"

namespace quorate::node {

namespace {

static_assert(boost::pfr::tuple_size_v<pbft::Output> == kOutputFields,
              "a new field of Output belongs into its digest: output_bytes");

constexpr std::uint8_t kStepIndex = 1;  // in Record
static_assert(std::is_same_v<std::variant_alternative_t<kStepIndex, Record>, RecordedStep>);

// Of each alternative of an input, what is recorded.
template <class T>
const T& recorded(const crypto::Verified<T>& message) {
  return *message;
}
WireBlock recorded(const crypto::Verified<ledger::CertifiedBatch>& block) {
  return wire_block(*block);
}
RecordedReady recorded(const pbft::TransactionReady& event) {
  return {*event.transaction->signed_transaction};
}
RecordedBody recorded(const pbft::BodyArrived& event) {
  return {*event.transaction->signed_transaction};
}
template <class T>
const T& recorded(const T& event) {
  return event;
}

std::vector<ledger::SignedTransaction> recorded(
    const std::vector<ledger::TransactionPtr>& transactions) {
  std::vector<ledger::SignedTransaction> result;
  result.reserve(transactions.size());
  for (const ledger::TransactionPtr& each : transactions) {
    result.push_back(*each->signed_transaction);
  }
  return result;
}

std::string words(const pbft::Tick&) { return "tick"; }
std::string words(std::string_view phase, const ledger::Vote& vote) {
  return fmt::format("{} of {} for view {} sequence {}", phase, vote.replica.value,
                     vote.view.value, vote.sequence.value);
}
std::string words(const pbft::PrePrepare& message) { return words("pre-prepare", message.vote); }
std::string words(const pbft::Prepare& message) { return words("prepare", message.vote); }
std::string words(const pbft::Commit& message) { return words("commit", message.vote); }
std::string words(const WireBlock& block) {
  return fmt::format("block {}", block.batch.header.sequence.value);
}
std::string words(const pbft::CheckpointVote& vote) {
  return fmt::format("checkpoint of {} at {}", vote.replica.value, vote.note.sequence.value);
}
std::string words(const pbft::StableCheckpoint& stable) {
  return fmt::format("stable checkpoint {}", stable.note.sequence.value);
}
std::string words(const pbft::ViewChange& message) {
  return fmt::format("view-change of {} to view {}", message.body.replica.value,
                     message.body.view.value);
}
std::string words(const pbft::NewView& message) {
  return fmt::format("new-view of {} for view {}", message.body.replica.value,
                     message.body.view.value);
}
std::string words(const pbft::BlocksEnded& event) {
  return fmt::format("end of {} blocks from {}", event.count, event.from.value);
}
std::string words(const pbft::StatusArrived& event) {
  return fmt::format("status of {}", event.from.value);
}
std::string words(const pbft::AskArrived& event) {
  return fmt::format("questions of {}", event.from.value);
}
std::string words(const pbft::BatchArrived& event) {
  return fmt::format("batch from {}", event.from.value);
}
std::string words(const pbft::PeerConnected& event) {
  return fmt::format("{} connected", event.peer.value);
}
std::string words(const pbft::PeerDisconnected& event) {
  return fmt::format("{} disconnected", event.peer.value);
}
std::string words(const RecordedReady&) { return "a transaction became ready"; }
std::string words(const pbft::TransactionGone& event) {
  return fmt::format("transaction {} is gone", event.id.short_hex());
}
std::string words(const RecordedBody&) { return "a body arrived"; }
std::string words(const pbft::BodiesWanted& event) {
  return fmt::format("{} asks for {} bodies", event.from.value, event.ids.size());
}
std::string words(const pbft::BatchExecuted& event) {
  return fmt::format("batch {} was executed", event.sequence.value);
}

}  // namespace

std::string_view output_field(std::size_t index) {
  static constexpr std::array<std::string_view, kOutputFields> kNames = {
      "persist",      "recovered",    "send",        "commit",      "stable",   "fetch_bodies",
      "fetch_blocks", "deadline_ms", "send_bodies", "evidence",    "events",   "epoch_ended"};
  return kNames[index];
}

std::string event_text(const RecordedEvent& event) {
  return std::visit([](const auto& each) { return words(each); }, event);
}

WireBlock wire_block(const ledger::CertifiedBatch& block) {
  return {block.batch, block.certificate, recorded(block.transactions)};
}

RecordingHead recording_head(const ledger::Genesis& genesis, const pbft::ReplicaConfig& config,
                             const pbft::Voter& voter, const pbft::ReplicaStart& start) {
  RecordingHead head;
  head.genesis = genesis;
  head.replicas = config.replicas;
  head.self = config.self;
  head.times = {config.request_timeout_ms,     config.request_timeout_ms_max,
                config.status_interval_ms_min, config.status_interval_ms_max,
                config.fetch_timeout_ms,       config.fetch_blocks_max};
  head.standing = static_cast<std::uint8_t>(voter.standing());
  head.ceiling = voter.ceiling();
  head.start = {start.executed,        start.effective_time,  start.votes,    {},
                start.checkpoint,      start.checkpoint_time, start.last_checkpoint,
                start.boundary,        start.past};
  for (const auto& [id, body] : start.bodies) {
    head.start.bodies.push_back(*body->signed_transaction);
  }
  return head;
}

OutputBytes output_bytes(const pbft::Output& output) {
  OutputBytes result;
  std::size_t field = 0;
  const auto add = [&](const auto& value) {
    crypto::encode_to(result.bytes, value);
    result.ends[field++] = result.bytes.size();
  };
  std::vector<ledger::VoteRecord> persist;
  for (const pbft::DurableRecord& record : output.persist) {
    persist.push_back(pbft::to_vote_record(record));
  }
  std::vector<WireBlock> commit;
  for (const ledger::CertifiedBatch& block : output.commit) commit.push_back(wire_block(block));
  struct Bodies {
    ledger::ReplicaId to;
    std::vector<ledger::SignedTransaction> transactions;
  };
  std::vector<Bodies> bodies;
  for (const pbft::BodySend& send : output.send_bodies) {
    bodies.push_back({send.to, recorded(send.transactions)});
  }
  add(persist);
  add(output.recovered);
  add(output.send);
  add(commit);
  add(output.stable);
  add(output.fetch_bodies);
  add(output.fetch_blocks);
  add(output.deadline_ms);
  add(bodies);
  add(output.evidence);
  add(output.events);
  add(output.epoch_ended);
  return result;
}

OutputDigest output_digest(const OutputBytes& output) {
  OutputDigest result;
  crypto::Sha256 whole;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < kOutputFields; ++i) {
    const ByteView field = ByteView(output.bytes).subspan(begin, output.ends[i] - begin);
    const crypto::Digest digest = crypto::sha256(field);
    whole.update(digest.bytes);
    for (unsigned byte = 0; byte < 4; ++byte) {
      result.fields[i] |= std::uint32_t{digest.bytes[byte]} << (8 * byte);
    }
    begin = output.ends[i];
  }
  result.whole = whole.finish();
  return result;
}

Bytes begin_step(const pbft::Input& input, const std::vector<ledger::Signature>& signatures) {
  Bytes bytes{kStepIndex};
  crypto::encode_to(bytes, input.now);
  bytes.push_back(static_cast<std::uint8_t>(input.event.index()));
  std::visit([&](const auto& event) { crypto::encode_to(bytes, recorded(event)); }, input.event);
  crypto::encode_to(bytes, signatures);
  return bytes;
}

ledger::Signature SignatureTap::sign(ByteView message) const {
  ledger::Signature signature = signer_.sign(message);
  if (is_open) taken_.push_back(signature);
  return signature;
}

std::vector<ledger::Signature> SignatureTap::take() const { return std::exchange(taken_, {}); }

}  // namespace quorate::node
