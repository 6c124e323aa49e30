#pragma once

// A client that sends exactly the bytes it is told to, for tests of what a well-behaved one never
// sends. Plain blocking sockets; everything gives up in the end.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "node/http_message.h"

namespace quorate::node {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0);  // on 127.0.0.1
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient();

  [[nodiscard]] bool connected() const { return socket_ >= 0; }
  // False when the other side does not take it all.
  bool send(std::string_view bytes);
  void end_sending();
  // The next response; status 0 if none came before the end or the deadline.
  HttpResponse response(int timeout_ms = 20'000);
  // Everything until the end of the connection or the deadline.
  std::string rest(int timeout_ms = 20'000);
  // True when the other side ends the connection before the deadline.
  bool closed_within(int timeout_ms = 20'000);

 private:
  // Bytes read, 0 at the end, -1 at the deadline.
  long read(int timeout_ms);

  int socket_ = -1;
  std::string chunk_;
  HttpResponseReader reader_;
};

// POST / with this body.
std::string post_request(std::string_view body, std::string_view path = "/");

}  // namespace quorate::node
