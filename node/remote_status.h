#pragma once

// The status of a transaction as a node tells it over JSON-RPC (`quorate_tx_status`).

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/transaction.h"
#include "node/node_pool.h"
#include "node/tracker.h"

namespace quorate::node {

// What a node says of a transaction.
struct RemoteStatus {
  struct Outcome {
    std::string code;
    std::string message;
  };
  ledger::TxId id;
  Level level = Level::kUnknown;
  std::vector<LevelChange> history;
  std::optional<std::uint64_t> height;
  std::optional<std::uint64_t> index;
  std::optional<std::uint64_t> depth;  // on a chain of proof of work; 0: in no block of it
  std::optional<Outcome> outcome;
  std::string node;  // who says it
};
// Error: "node-answer-malformed" (kCorrupt).
[[nodiscard]] Result<RemoteStatus> parse_remote_status(const boost::json::value& answer);
[[nodiscard]] boost::json::object remote_status_to_json(const RemoteStatus& status);
// Asks once. Errors: "tx-not-found" (kNotFound), those of NodePool::call, "node-answer-malformed".
[[nodiscard]] Result<RemoteStatus> ask_status(NodePool& nodes, const ledger::TxId& id);

}  // namespace quorate::node
