#pragma once

// quorate simulate attack: proof of work attacked many times over, beside what the papers say.

#include "node/commands/command_line.h"

namespace quorate::testnet {

void add_attack_command(node::CommandLine& line);

}  // namespace quorate::testnet
