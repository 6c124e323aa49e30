#pragma once

// `quorate simulate ... --shrink FILE` (testnet/shrink.h).

#include <string>

#include "testnet/commands/simulate_report.h"
#include "testnet/shrink.h"

namespace quorate::testnet {

// Writes the scenario to --shrink's FILE and its picture beside it, and says how it fails. Errors:
// those of shrink, of node::replace_file and of TraceFile.
[[nodiscard]] Result<node::ExitCode> simulate_shrink(const SimulateOptions& options,
                                                     const std::string& text,
                                                     node::Console& console);

}  // namespace quorate::testnet
