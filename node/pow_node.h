#pragma once

// A running node of the engine `pow`: opens its home, starts its threads, and stops gracefully.
//
//   network I/O --frames--> host's thread (pow_loop, pow_host) --> chain and its store
//       ^  RPC calls ----------^   |    ^-- blocks that the miner found
//       +------- frames, replies --+    ^-- what the verify pool judged
//
// Its peers are those that genesis lists, over the same mesh as the other engine's (node/peers.h).
// There is no vote, so no vote key, vote store or guard.

#include <memory>

#include "node/node.h"
#include "node/running_node.h"

namespace quorate::node {

// Errors: those of the home's files, "node-not-a-member", "peer-address-missing" (kInvalid), those
// of PowChain::open and of the rules, ports.
[[nodiscard]] Result<std::unique_ptr<RunningNode>> start_pow_node(const Home& home,
                                                                  const Config& config,
                                                                  const NodeOptions& options);

}  // namespace quorate::node
