#pragma once

// quorate simulate twins: honest code with one key in two places, systematically.

#include "node/commands/command_line.h"

namespace quorate::testnet {

void add_twins_command(node::CommandLine& line);

}  // namespace quorate::testnet
