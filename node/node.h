#pragma once

// A running node: opens its home, starts its threads, and stops gracefully.
//
// Threads: core, vote writer, executor, network I/O, a verify pool, the tracker's timer, and the
// caller of `run_node`, which does the housekeeping. What one hands to another is a value in a
// queue.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crypto/bytes.h"
#include "crypto/result.h"
#include "ledger/types.h"
#include "node/config.h"

namespace quorate::node {

// Puts one frame (BCS of a PeerMessage, node/wire.h) on its way to one peer. Thread-safe.
using Speak = std::function<void(ledger::ReplicaId to, std::shared_ptr<const Bytes> frame)>;

struct NodeOptions {
  std::optional<std::string> passphrase;  // for the key files
  bool log_to_file = true;                // else standard error
  // Where the core's life is recorded (node/recorder.h), if anywhere.
  std::optional<std::string> record;
  std::uint64_t record_bytes_max = 1 << 30;
  std::string program;  // stands in the recording: version and build
  // For a laboratory: what stands between this node and its peers. It is given the real way out,
  // and all that the node says goes through what it returns, a frame to all as one to each. That is
  // called from several threads, and destroyed before the way out ends. Empty: nothing.
  std::function<Speak(Speak say)> mouth;
};

// Runs until SIGTERM or SIGINT (a graceful stop, exit 0) or until something fatal, which is the
// error. Blocks those signals in the calling thread and all it starts. Errors: those of the home's
// files ("genesis-*", "key-file-*", "ledger-*", "vote-store-*", "guard-*"), "node-not-a-member"
// (kInvalid), "peer-address-missing" (kInvalid), ports ("peer-port-taken", "rpc-port-taken"),
// those of Recorder::create.
[[nodiscard]] Status run_node(const Home& home, const Config& config, const NodeOptions& options);

}  // namespace quorate::node
