#pragma once

// A blocking JSON-RPC client for commands. One connection, kept open; not thread-safe.
//
// When a kept connection turns out to be closed before any byte of the answer came, the call is
// made once more on a new one: the server ends what has long been silent. So a call may, rarely,
// reach the node twice; every method of this dialect bears that.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "crypto/result.h"

namespace quorate::node {

class RpcClient {
 public:
  // url: "http://host:port", or "http://user:password@host:port" (no percent signs are decoded;
  // `url()` lacks them). Error: "url-malformed". Does not connect yet. The timeout is one
  // call's, connecting and trying again included; only a slow resolver of names may exceed it.
  [[nodiscard]] static Result<RpcClient> create(std::string_view url,
                                                std::uint32_t timeout_ms = 15'000);
  RpcClient(RpcClient&&) noexcept;
  RpcClient& operator=(RpcClient&&) noexcept;
  ~RpcClient();

  // The `result` of the answer. Errors: "node-unreachable" and "node-busy" (kUnavailable: it
  // certainly did not arrive), "node-timeout" and "node-connection-lost" (kTimeout) and
  // "node-answer-malformed" (kCorrupt), after which it is open whether it arrived; the node's own
  // error as it stands in error.data, or "node-error" (kRejected) if that has not our form.
  [[nodiscard]] Result<boost::json::value> call(std::string_view method,
                                                const boost::json::object& params);
  [[nodiscard]] const std::string& url() const;
  // The value of the header that its calls carry; empty: none.
  [[nodiscard]] const std::string& authorization() const;

 private:
  struct Impl;
  explicit RpcClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quorate::node
