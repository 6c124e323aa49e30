#pragma once

// `quorate simulate blame` (testnet/blame_run.h).

#include <cstdint>

#include "node/commands/command_line.h"

namespace quorate::testnet {

// Seeds `first` to `last`. kUnsafe if any broken run was blamed on too few, on a correct replica,
// or with a proof that does not verify.
node::ExitCode simulate_blame(std::uint64_t first, std::uint64_t last, node::Console& console);

}  // namespace quorate::testnet
