#pragma once

// A connection to a node for many questions in one thread: JSON-RPC bodies over HTTP, one at a
// time, answered by callback. Includes Asio: for .cc files only.
//
// As with RpcClient, a kept connection that turns out to be closed before any byte of the answer
// came is opened once more for the same question. Everything runs on the io_context's thread.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "crypto/result.h"
#include "node/asio.h"
#include "node/config.h"

namespace quorate::node {

class RpcLink {
 public:
  // The body of the answer. Errors: "node-unreachable" and "node-busy" (kUnavailable: it certainly
  // did not arrive); "node-timeout", "node-connection-lost" (kTimeout) and "node-answer-malformed"
  // (kCorrupt), after which that is open.
  using Done = std::function<void(Result<std::string>)>;

  RpcLink(asio::io_context& io, Endpoint endpoint);
  ~RpcLink();  // closes; what is under way is not answered any more
  RpcLink(const RpcLink&) = delete;
  RpcLink& operator=(const RpcLink&) = delete;

  [[nodiscard]] bool is_idle() const;
  // Precondition: is_idle() (checked). `done` is called once, later, and may post again.
  void post(std::string body, std::chrono::milliseconds timeout, Done done);
  // Ends the connection; a question under way is answered by "node-connection-lost", later.
  void close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace quorate::node
