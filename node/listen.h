#pragma once

// How both ports of a node are opened. Includes Asio: for .cc files only.

#include <chrono>
#include <string_view>

#include "crypto/result.h"
#include "node/asio.h"
#include "node/config.h"

namespace quorate::node {

// How long an acceptor rests after accept() failed, most likely for want of descriptors; trying
// again at once would only burn the processor.
inline constexpr std::chrono::milliseconds kAcceptPause{100};

// What the two ports call their troubles; all of static storage.
struct ListenNames {
  std::string_view taken_code;   // "rpc-port-taken"
  std::string_view failed_code;  // "rpc-listen-failed"
  std::string_view setting;      // "rpc.listen"
};

// Binds and listens; port 0 takes any free one. Resolves names, so it may block for a moment.
// Errors: taken_code (kConflict) with the holder's process if it can be seen, failed_code
// (kEnvironment).
[[nodiscard]] Result<tcp::acceptor> listen_on(asio::io_context& context, const Endpoint& endpoint,
                                              const ListenNames& names);

// The endpoint that is really bound: the host as it was written, the port as it is.
[[nodiscard]] Endpoint bound_endpoint(const tcp::acceptor& acceptor, const Endpoint& asked);

}  // namespace quorate::node
