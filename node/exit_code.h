#pragma once

// Exit codes of every command, by kind of failure. Part of the interface: scripts rely on them.

#include "crypto/result.h"

namespace quorate::node {

enum class ExitCode : int {
  kSuccess = 0,
  kInternal = 1,      // a bug of ours
  kUsage = 2,         // the command line is wrong
  kInvalid = 3,       // a file, setting or argument is malformed
  kRejected = 4,      // the ledger's rules refuse it, finally
  kNotFound = 5,      // no such transaction, key, node or testnet
  kUnavailable = 6,   // no node could be reached, or it is too busy
  kTimeout = 7,       // no answer by the deadline; the outcome is open
  kCorrupt = 8,       // damaged data, or a proof that does not verify
  kConflict = 9,      // something else holds it: a port, a lock, an existing file
  kDenied = 10,       // permissions or passphrase
  kEnvironment = 11,  // the operating system refused: disk, memory, sockets
  kUnsupported = 12,  // made by a newer version
  kUnsafe = 13,       // a simulation broke an invariant, or two ledgers contradict each other
  kStuck = 14,        // a simulation made no progress after all faults had ended
  kWaiting = 15,      // `explain` answers: the network waits (no failure of the command)
};

[[nodiscard]] ExitCode exit_code_of(ErrorKind kind);

}  // namespace quorate::node
