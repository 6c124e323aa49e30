#pragma once

// HTTP/1.1 messages as bytes, without a socket: Beast's parser underneath, our bounds on top.
//
// A reader belongs to one connection. It keeps what arrives until a message is whole; bytes behind
// that are the next message (pipelining). What it keeps is bounded by its limits plus one append.
// Not thread-safe.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "crypto/result.h"

namespace quorate::node {

struct HttpLimits {
  std::uint32_t header_bytes_max = 16 << 10;
  std::uint64_t body_bytes_max = 4 << 20;
};

struct HttpRequest {
  std::string method;  // as sent, "GET"
  std::string target;  // as sent, "/status?x=1"
  std::string body;
  bool keep_alive = false;
  // Of a request to go on as a WebSocket (RFC 6455): its header, for the one who accepts it.
  std::string upgrade = {};
  std::string authorization = {};  // the value of that header; empty: there is none
};

struct HttpResponse {
  unsigned status = 0;
  std::string body;
  bool keep_alive = false;
};

// A message that is refused; the connection cannot go on behind it.
struct HttpRefusal {
  unsigned status = 400;  // 400, 413 or 431
  Error error;            // "http-malformed", "http-body-too-large", "http-header-too-large"
};

class HttpRequestReader {
 public:
  explicit HttpRequestReader(HttpLimits limits);
  HttpRequestReader(HttpRequestReader&&) noexcept;
  HttpRequestReader& operator=(HttpRequestReader&&) noexcept;
  ~HttpRequestReader();

  void append(std::string_view bytes);
  // Goes as far as the bytes allow. True: a whole request is there, to be taken.
  [[nodiscard]] tl::expected<bool, HttpRefusal> advance();
  // Precondition: advance() said true.
  [[nodiscard]] HttpRequest take();

  // Nothing of the next request has come.
  [[nodiscard]] bool is_idle() const;
  // Once a request: its header is whole and it waits for "100 Continue" before it sends its body.
  [[nodiscard]] bool wants_continue();
  // Bytes kept.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class HttpResponseReader {
 public:
  explicit HttpResponseReader(HttpLimits limits);
  HttpResponseReader(HttpResponseReader&&) noexcept;
  HttpResponseReader& operator=(HttpResponseReader&&) noexcept;
  ~HttpResponseReader();

  void append(std::string_view bytes);
  [[nodiscard]] tl::expected<bool, HttpRefusal> advance();
  // The other side has closed: true if that ends a whole response.
  [[nodiscard]] bool advance_at_end();
  [[nodiscard]] HttpResponse take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "OK" for 200; "Unknown" for what has no name.
[[nodiscard]] std::string_view http_status_text(unsigned status);

// A whole header with the blank line behind it. A status without a body (204) names no length.
struct HttpHeader {
  unsigned status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::size_t content_length = 0;
  bool keep_alive = true;
  std::string_view allow = {};  // the methods, for 204 and 405; empty: none named
  std::string_view cache_control = "no-store";
  bool asks_for_credentials = false;  // of 401
};
[[nodiscard]] std::string http_header_text(const HttpHeader& header);

}  // namespace quorate::node
