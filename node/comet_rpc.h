#pragma once

// CometBFT's JSON-RPC methods, shapes as in its version 0.38, so that its field's clients work
// unmodified. RPC-shape compatible, not light-client compatible: a header's hash is our log's leaf,
// not CometBFT's Merkle tree.
//
// Reads answer from whole blocks. Error: "block-not-found", "tx-not-found" and what the store says.

#include <string>
#include <vector>

#include "node/rpc_method.h"

namespace quorate::node {

[[nodiscard]] std::vector<RpcMethod> comet_methods(const NodeView& view);

// comet_status.cc
[[nodiscard]] RpcResult comet_health(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_status(const NodeView& view, const RpcParams& params);
// `document` is the genesis document's JSON. One that is larger than a chunk is given in chunks
// only: "genesis-too-large" (kUnsupported).
[[nodiscard]] RpcResult comet_genesis(const NodeView& view, const std::string& document);
[[nodiscard]] RpcResult comet_genesis_chunked(const std::string& document, const RpcParams& params);
inline constexpr std::size_t kGenesisChunkBytes = 1 << 20;
[[nodiscard]] RpcResult comet_net_info(const NodeView& view, const RpcParams& params);

// comet_blocks.cc
[[nodiscard]] RpcResult comet_block(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_header(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_block_results(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_blockchain(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_commit(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_validators(const NodeView& view, const RpcParams& params);

// comet_query.cc
[[nodiscard]] RpcResult comet_tx(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_abci_info(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_abci_query(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_num_unconfirmed_txs(const NodeView& view, const RpcParams& params);
[[nodiscard]] RpcResult comet_unconfirmed_txs(const NodeView& view, const RpcParams& params);

// comet_broadcast.cc
[[nodiscard]] RpcResult comet_broadcast_tx(const NodeView& view, const RpcParams& params);
// Waits without blocking for `replicated`, or for an end, at most kCommitTimeoutMs. The timeout is
// an error that names the transaction: "tx-outcome-open" (kTimeout).
void comet_broadcast_tx_commit(const NodeView& view, const RpcParams& params, RpcReply reply);
inline constexpr std::uint64_t kCommitTimeoutMs = 10'000;

}  // namespace quorate::node
