#pragma once

// The supervisor: the parent of a testnet's nodes. It outlives the terminal that started it,
// records how each node ends, and does what commands ask over control.sock. It never restarts a
// node by itself: a node that dies is something to see, not to hide.
//
// One thread, one loop. A second supervisor on the same folder is refused by a lock. When it ends,
// by `down`, by a signal or by an accident, its nodes get SIGTERM; so nothing is left behind.

#include <optional>

#include "crypto/result.h"
#include "node/network_folder.h"

namespace quorate::testnet {

struct SupervisorOptions {
  std::optional<int> ready_fd;
  bool record = false;  // each node, in each of its lives, to recording-1, -2, ... in its home
};

// Starts all nodes and serves until it is told to shut down. `ready_fd`, if given, gets one line,
// "ok" or an error as JSON, once that is known, and is closed. Errors: "supervisor-running"
// (kConflict), those of the parts.
[[nodiscard]] Status run_supervisor(const node::NetworkFolder& folder,
                                    const SupervisorOptions& options);

}  // namespace quorate::testnet
