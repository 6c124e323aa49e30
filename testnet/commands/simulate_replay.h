#pragma once

// quorate simulate replay: what nodes recorded, lived again.

#include "node/commands/command_line.h"

namespace quorate::testnet {

void add_replay_command(node::CommandLine& line);

}  // namespace quorate::testnet
