#pragma once

// `quorate simulate honest` (testnet/honest_hour.h).

#include "node/commands/command_line.h"
#include "testnet/honest_hour.h"

namespace quorate::testnet {

// kStuck if a replica left its view, or if not everything ended.
node::ExitCode simulate_honest(const HonestOptions& options, node::Console& console);

}  // namespace quorate::testnet
