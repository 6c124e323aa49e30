#pragma once

// A blocking JSON-RPC client for commands. One connection, kept open; not thread-safe.

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
  // url: "http://host:port". Error: "url-malformed". Does not connect yet.
  [[nodiscard]] static Result<RpcClient> create(std::string_view url,
                                                std::uint32_t timeout_ms = 15'000);
  RpcClient(RpcClient&&) noexcept;
  RpcClient& operator=(RpcClient&&) noexcept;
  ~RpcClient();

  // The `result` of the answer. Errors: "node-unreachable" (kUnavailable), "node-timeout" (kTimeout),
  // "node-answer-malformed" (kCorrupt), or the node's own error as it stands in error.data.
  [[nodiscard]] Result<boost::json::value> call(std::string_view method,
                                                const boost::json::object& params);
  [[nodiscard]] const std::string& url() const;

 private:
  struct Impl;
  explicit RpcClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quorate::node
