#pragma once

// The checkpoint note: what replicas cosign and the world can read (C2SP tlog-checkpoint,
// signed-note, tlog-cosignature).
//
// Body, each line ended by "\n":
//
//   quorate.org/<chain id hex>             origin; names one log on one network
//   <tree size, decimal>
//   <root, base64>
//   quorate v1 seq=<sequence> epoch=<epoch> boundary=<sequence or -> state=<state root, hex>
//
// The extension line makes the state certain as well as the log. A checkpoint vote is a cosignature
// (type 0x04) by a replica's vote key over "cosignature/v1\ntime <t>\n" + body, where t is the
// batch's effective time in whole seconds, so the bytes are the same whenever they are made.

#include <optional>
#include <string>
#include <string_view>

#include "ledger/record.h"
#include "ledger/types.h"

namespace quorate::ledger {

struct CheckpointNote {
  Digest chain_id;
  TreeHead head;
  Sequence sequence;
  Epoch epoch;
  std::optional<Sequence> pending_boundary;  // of an epoch change that was executed but is not due
  Digest state_root;

  friend bool operator==(const CheckpointNote&, const CheckpointNote&) = default;
};

[[nodiscard]] std::string checkpoint_origin(const Digest& chain_id);
[[nodiscard]] std::string checkpoint_body(const CheckpointNote& note);
// Strict: exactly the bytes that checkpoint_body makes. Error: "checkpoint-malformed".
[[nodiscard]] Result<CheckpointNote> parse_checkpoint_body(std::string_view body);
// The bytes that a cosignature signs.
[[nodiscard]] std::string cosigned_bytes(std::string_view body, std::uint64_t time_seconds);

}  // namespace quorate::ledger
