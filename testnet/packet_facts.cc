#include "testnet/packet_facts.h"

#include <array>

#include "crypto/bcs.h"
#include "node/wire.h"

namespace quorate::testnet {

namespace {

Statement statement_of(const ledger::Vote& vote) {
  return {vote.replica, vote.view.value, vote.sequence.value, vote.batch, vote.new_view};
}

Statement statement_of(const ledger::ViewVote& vote) {
  return {vote.replica, vote.view.value, 0, vote.content, {}};
}

PacketFacts facts(const pbft::PrePrepare& message) {
  return {PacketType::kPrePrepare, statement_of(message.vote)};
}
PacketFacts facts(const pbft::Prepare& message) {
  return {PacketType::kPrepare, statement_of(message.vote)};
}
PacketFacts facts(const pbft::Commit& message) {
  return {PacketType::kCommit, statement_of(message.vote)};
}
PacketFacts facts(const pbft::ViewChange& message) {
  return {PacketType::kViewChange, statement_of(pbft::view_vote(message.body))};
}
PacketFacts facts(const pbft::NewView& message) {
  return {PacketType::kNewView, statement_of(pbft::view_vote(message.body))};
}
PacketFacts facts(const ledger::CheckpointVote& message) {
  const ledger::Digest note =
      crypto::sha256(as_bytes(ledger::checkpoint_body(message.note)));
  return {PacketType::kCheckpoint,
          Statement{message.replica, 0, message.note.sequence.value, note, {}}};
}
PacketFacts facts(const ledger::StableCheckpoint&) { return {PacketType::kCheckpoint, {}}; }
PacketFacts facts(const pbft::StatusReport&) { return {PacketType::kStatus, {}}; }
PacketFacts facts(const node::Transactions&) { return {PacketType::kBodies, {}}; }
PacketFacts facts(const node::BodyRequest&) { return {PacketType::kBodies, {}}; }
template <class T>
PacketFacts facts(const T&) {
  return {PacketType::kCatchUp, {}};
}

}  // namespace

std::string_view packet_type_text(PacketType type) {
  static constexpr std::array<std::string_view, kPacketTypes> kTexts = {
      "pre-prepare", "prepare", "commit", "checkpoint", "view-change",
      "new-view",    "status",  "bodies", "catch-up",   "garbled"};
  return kTexts[static_cast<std::size_t>(type)];
}

PacketFacts packet_facts(ByteView bytes) {
  const auto message = crypto::decode<node::PeerMessage>(bytes);
  if (!message) return {};
  return std::visit([](const auto& each) { return facts(each); }, *message);
}

}  // namespace quorate::testnet
