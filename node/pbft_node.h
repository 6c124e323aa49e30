#pragma once

// A running replica (node/node.h says of which parts), alone or with the chain of proof of work
// beside it.

#include <memory>

#include "node/node.h"
#include "node/running_node.h"

namespace quorate::node {

// With a network of both engines the chain runs beside it (node/chain_side.h). Null: it was told to
// stop before it was there. `ready` is what was ready in the one before it. Errors: as `run_node`.
[[nodiscard]] Result<std::unique_ptr<RunningNode>> start_pbft_node(
    const Home& home, const Config& config, const NodeOptions& options,
    const RunningNode::Ready& ready);

}  // namespace quorate::node
