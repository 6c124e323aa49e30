#pragma once

// Blocks as they are stored, for whoever audits this node from outside.
//
//   quorate_blocks {from}  -> {head, blocks}
//                             blocks: base64 of BCS(vector<ledger::BlockBytes>), consecutive from
//                             `from` on; at least one, at most about a megabyte of transactions

#include <vector>

#include "node/rpc_method.h"

namespace quorate::node {

inline constexpr std::uint64_t kBlocksAnAnswerMax = 64;

[[nodiscard]] std::vector<RpcMethod> blocks_methods();

}  // namespace quorate::node
