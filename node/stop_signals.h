#pragma once

// The signals that stop a node: SIGTERM and SIGINT, taken by its main thread and nobody else.

#include <signal.h>

namespace quorate::node {

// Blocks them in the calling thread and those that it starts from then on; returns them.
[[nodiscard]] sigset_t block_stop_signals();
// One is on its way; whoever starts up looks at this between steps.
[[nodiscard]] bool is_told_to_stop();

}  // namespace quorate::node
