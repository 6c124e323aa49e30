#pragma once

// Our own JSON-RPC methods, where CometBFT's have no shape for what we know: the levels of truth of
// a transaction, receipts, reads that say how stale they may be, accounts with their nonces.
//
//   quorate_tx_status {id, wait?, timeout_ms?}
//       -> {id, level, history[{level, time_ms, after_us, evidence}], height?, index?,
//           outcome?{code, message}, nonce_owner?, reached?, node}
//   quorate_receipt {id}   -> {id, receipt}             the text of ledger/receipt.h
//   quorate_get {key, prove?}
//       -> {found, value, until_ms?, height, time_ms, staleness_ms, proof}
//          proof is "unproved", or with prove the text of ledger/proved_state.h, all else as of the
//          newest stable checkpoint
//   quorate_fate {tx}      -> {id, fate, receipt?, proof?, error?}
//          fate is "happened" (receipt), "nonce-taken" (receipt of the transaction that took it),
//          "never" or "not-from-now-on" (proof), or "open" (error says until when)
//   quorate_account {key}  -> {key, balance, highest_nonce, next_nonce, height}
//   quorate_evidence {replica?}
//       -> {height, evidence[{replica, epoch, name, sentence, offence, height, time_ms, tx, file}]}
//          what the ledger holds against replicas, by epoch and replica and as it came; `file` is
//          one of ledger/evidence_file.h, at most kOffencesMax a replica of an epoch
//   quorate_membership     -> {height, epoch, start, replicas[{replica, name, vote_key,
//          network_key}], pending?{epoch, executed, boundary, replicas}}
//          who votes on the next block, since the block after `start`; and a change under way
//   quorate_explain        -> what this replica waits for (node/explain/report.h)
//
// Ids and public keys are hex, keys, values and transactions base64; balances are decimal text,
// all else numbers.
// Errors: "tx-not-found", "tx-pending", what an outcome is called, and those of the ledger.

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/rpc_method.h"

namespace quorate::node {

inline constexpr std::uint64_t kWaitMsMax = 60'000;
inline constexpr std::uint64_t kWaitMsUsual = 10'000;

[[nodiscard]] std::vector<RpcMethod> quorate_methods();

// The newest state that can be proved. Error: "nothing-stable" (kUnavailable).
[[nodiscard]] RpcExpected<ledger::StableView> need_stable_view(const NodeView& view);

// The object "quorate" in `status`.
[[nodiscard]] boost::json::object quorate_status(const NodeView& view);
[[nodiscard]] boost::json::object peer_json(const PeerState& peer);
[[nodiscard]] boost::json::object tx_status_json(const NodeView& view, const TxStatus& status);

// "0.1.0 (commit)"
[[nodiscard]] std::string program_version();

// One sentence; nullopt: votes and can reach a quorum.
[[nodiscard]] std::optional<std::string> why_not_ready(const NodeView& view);

// What an asker for a block or receipt is told of a transaction that no block here has: it is under
// way, it came to another end, or nothing is known of it.
[[nodiscard]] RpcError not_in_the_ledger(const NodeView& view, const ledger::TxId& id);

// Calls `then` once: with the tracker's answer, or where it knows nothing with the ledger's. `view`
// outlives the call.
void wait_for(const NodeView& view, const ledger::TxId& id, Level wanted, std::uint64_t timeout_ms,
              std::function<void(const TxStatus&)> then);

// Refuses what cannot be a user's key: empty, too long, reserved.
[[nodiscard]] RpcExpected<void> check_user_key(std::string_view param, ByteView key);

}  // namespace quorate::node
