#pragma once

// What a packet of a simulation says, as facts: for those who count, compare and draw packets.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/bytes.h"
#include "ledger/types.h"

namespace quorate::testnet {

enum class PacketType : std::uint8_t {
  kPrePrepare,
  kPrepare,
  kCommit,
  kCheckpoint,  // votes and stable ones
  kViewChange,
  kNewView,
  kStatus,
  kBodies,   // transactions, and who asks for them
  kCatchUp,  // blocks, snapshots, whatever else is asked for by name
  kGarbled,  // cannot be decoded
};
inline constexpr std::size_t kPacketTypes = 10;
[[nodiscard]] std::string_view packet_type_text(PacketType type);

// A signed statement, of which an honest replica makes one a place.
struct Statement {
  ledger::ReplicaId by;
  std::uint64_t view = 0;      // 0 in a checkpoint vote
  std::uint64_t sequence = 0;  // 0 in a VIEW-CHANGE and a NEW-VIEW
  ledger::Digest content;      // the batch, the note, or the body
  ledger::Digest basis;        // of a vote: the NEW-VIEW that it names
};

struct PacketFacts {
  PacketType type = PacketType::kGarbled;
  std::optional<Statement> statement;
};

// Believes what the packet says: no signature is checked.
[[nodiscard]] PacketFacts packet_facts(ByteView bytes);

}  // namespace quorate::testnet
