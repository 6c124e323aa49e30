#include "testnet/trace_text.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "node/wire.h"

namespace quorate::testnet {

namespace {

using Kind = TraceEvent::Kind;

std::string vote_text(std::string_view phase, const ledger::Vote& vote) {
  return fmt::format("{} of {} view {} sequence {} batch {}", phase, vote.replica.value,
                     vote.view.value, vote.sequence.value, vote.batch.short_hex());
}

std::string text(const pbft::PrePrepare& message) {
  return fmt::format("{}, {} transactions", vote_text("pre-prepare", message.vote),
                     message.batch.ids.size());
}
std::string text(const pbft::Prepare& message) { return vote_text("prepare", message.vote); }
std::string text(const pbft::Commit& message) { return vote_text("commit", message.vote); }
std::string text(const pbft::StatusReport& message) {
  return fmt::format("status view {} executed {}", message.view.value, message.executed.value);
}
std::string text(const node::Transactions& message) {
  return fmt::format("{} transactions", message.transactions.size());
}
std::string text(const node::BodyRequest& message) {
  return fmt::format("asks for {} bodies", message.ids.size());
}
std::string text(const node::BlockRequest& message) {
  return fmt::format("asks for {} blocks from {}", message.count, message.first.value);
}
std::string text(const node::Blocks& message) {
  return fmt::format("{} blocks", message.blocks.size());
}
std::string text(const ledger::CheckpointVote& message) {
  return fmt::format("checkpoint of {} sequence {} state {}", message.replica.value,
                     message.note.sequence.value, message.note.state_root.short_hex());
}
std::string text(const ledger::StableCheckpoint& message) {
  return fmt::format("stable checkpoint sequence {}", message.note.sequence.value);
}
std::string text(const pbft::ViewChange& message) {
  return fmt::format("view-change of {} view {} stable {} prepared {}", message.body.replica.value,
                     message.body.view.value,
                     message.body.stable ? message.body.stable->note.sequence.value : 0,
                     message.body.prepared.size());
}
std::string text(const pbft::NewView& message) {
  return fmt::format("new-view of {} view {}", message.body.replica.value,
                     message.body.view.value);
}
std::string text(const pbft::Ask& message) {
  return fmt::format("asks for {} view-changes, {} new-views, {} batches",
                     message.view_changes.size(), message.new_views.size(),
                     message.batches.size());
}
std::string text(const pbft::BatchAnswer& message) {
  return fmt::format("batch {}", message.batch.header.sequence.value);
}
std::string text(const node::SnapshotRequest&) { return "asks for a snapshot"; }
std::string text(const node::SnapshotOffer& message) {
  return fmt::format("offers the snapshot of {}",
                     message.head ? message.head->checkpoint.note.sequence.value : 0);
}
std::string text(const node::EpochSnapshotOffer& message) {
  const ledger::CheckpointNote& note = message.head.checkpoint.note;
  return fmt::format("offers the snapshot of {} in epoch {}", note.sequence.value,
                     note.epoch.value);
}
std::string text(const node::ChainFrame&) { return "something about the chain"; }
std::string text(const node::ChunkRequest& message) {
  return fmt::format("asks for a chunk of snapshot {}", message.sequence.value);
}
std::string text(const node::ChunkAnswer& message) {
  return fmt::format("a chunk of snapshot {}", message.sequence.value);
}

}  // namespace

std::string packet_text(ByteView bytes) {
  const auto message = crypto::decode<node::PeerMessage>(bytes);
  if (!message) return "garbled";
  return std::visit([](const auto& each) { return text(each); }, *message);
}

std::string trace_line(const TraceEvent& event) {
  std::string line = fmt::format("{}.{:06} s ", event.time_us / 1'000'000,
                                 event.time_us % 1'000'000);
  line += event.replica ? fmt::format(" {}", event.replica->value) : " -";
  line += fmt::format(" {}", kind_text(event.kind));
  if (event.peer) line += fmt::format(" {}", event.peer->value);
  line += fmt::format(" #{}", event.number);
  if (event.kind == Kind::kSend && event.bytes) line += " " + packet_text(ByteView(*event.bytes));
  if (event.kind == Kind::kSubmit) {
    line += " " + to_hex(as_bytes(event.text).first(4));
  } else if (!event.text.empty()) {
    line += fmt::format(" {}", event.text);
  }
  return line;
}

}  // namespace quorate::testnet
