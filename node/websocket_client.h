#pragma once

// The other end of websocket_session.h, for commands: blocking, one connection, not thread-safe.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/result.h"

namespace quorate::node {

class WebSocketClient {
 public:
  // To /websocket of "http://host:port". Errors: "url-malformed"; "node-unreachable" and
  // "node-busy" (kUnavailable); "node-answer-malformed" (kCorrupt) if something else answers there.
  [[nodiscard]] static Result<WebSocketClient> connect(std::string_view url,
                                                       std::uint32_t timeout_ms = 10'000);
  WebSocketClient(WebSocketClient&&) noexcept;
  WebSocketClient& operator=(WebSocketClient&&) noexcept;
  ~WebSocketClient();

  // Errors: "node-connection-lost" (kTimeout), after which it is of no more use.
  [[nodiscard]] Status send(std::string_view text);
  // The next message; nullopt: none came within this time. A connection on which nothing, not even
  // an answer to a ping, comes for half a minute counts as lost. Errors: as above.
  [[nodiscard]] Result<std::optional<std::string>> receive(std::uint32_t wait_ms);

 private:
  struct Impl;
  explicit WebSocketClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quorate::node
