#include "node/http_message.h"

// Beast's headers include Asio's.
#include "node/asio.h"

#include <fmt/format.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>

#include "crypto/check.h"

namespace quorate::node {
namespace {

namespace http = boost::beast::http;

tl::unexpected<HttpRefusal> refuse(unsigned status, std::string_view code, std::string message,
                                   std::string next) {
  return tl::unexpected(
      HttpRefusal{status, {ErrorKind::kInvalid, code, std::move(message), std::move(next)}});
}

tl::unexpected<HttpRefusal> refusal_of(const AsioError& trouble, const HttpLimits& limits) {
  if (trouble == http::error::body_limit) {
    return refuse(413, "http-body-too-large",
                  fmt::format("The body is larger than {} bytes", limits.body_bytes_max),
                  "Send less at once.");
  }
  if (trouble == http::error::header_limit) {
    return refuse(431, "http-header-too-large",
                  fmt::format("The header is larger than {} bytes", limits.header_bytes_max),
                  "Send a body by POST instead of a long address.");
  }
  return refuse(400, "http-malformed",
                fmt::format("What came is no HTTP/1.1 message: {}", trouble.message()),
                "Speak HTTP/1.1, without TLS, on this port.");
}

// What both readers share. A Beast parser handles one message, so each gets a fresh one.
template <bool kIsRequest>
class MessageReader {
 public:
  using Parser = http::parser<kIsRequest, http::string_body>;

  explicit MessageReader(HttpLimits limits) : limits_(limits) { renew(); }

  void append(std::string_view bytes) { buffer_.append(bytes); }

  tl::expected<bool, HttpRefusal> advance() {
    AsioError trouble;
    // An empty message has nothing to parse, and Beast would only count that as "need more".
    while (!parser_->is_done() && !buffer_.empty()) {
      const std::size_t used = parser_->put(asio::buffer(buffer_), trouble);
      buffer_.erase(0, used);
      if (trouble && trouble != http::error::need_more) return refusal_of(trouble, limits_);
      if (trouble || used == 0) break;
    }
    // Beast wants chunk headers and trailers in one piece and sets no bound to them.
    if (!parser_->is_done() && buffer_.size() > limits_.header_bytes_max) {
      return refusal_of(http::error::header_limit, limits_);
    }
    return parser_->is_done();
  }

  typename Parser::value_type take() {
    QUORATE_CHECK(parser_->is_done(), "a message is taken when it is whole");
    auto message = parser_->release();
    renew();
    return message;
  }

  void renew() {
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(limits_.header_bytes_max);
    parser_->body_limit(limits_.body_bytes_max);
  }

  HttpLimits limits_;
  std::string buffer_;  // what the parser has not taken yet
  std::optional<Parser> parser_;
};

}  // namespace

struct HttpRequestReader::Impl : MessageReader<true> {
  using MessageReader::MessageReader;
  bool continue_asked = false;
};

HttpRequestReader::HttpRequestReader(HttpLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpRequestReader::HttpRequestReader(HttpRequestReader&&) noexcept = default;
HttpRequestReader& HttpRequestReader::operator=(HttpRequestReader&&) noexcept = default;
HttpRequestReader::~HttpRequestReader() = default;

void HttpRequestReader::append(std::string_view bytes) { impl_->append(bytes); }

tl::expected<bool, HttpRefusal> HttpRequestReader::advance() { return impl_->advance(); }

HttpRequest HttpRequestReader::take() {
  auto message = impl_->take();
  impl_->continue_asked = false;
  HttpRequest request{std::string(message.method_string()), std::string(message.target()),
                      {}, message.keep_alive()};
  if (boost::beast::iequals(message[http::field::upgrade], "websocket")) {
    request.upgrade = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (const auto& field : message) {
      request.upgrade += fmt::format("{}: {}\r\n", std::string_view(field.name_string()),
                                     std::string_view(field.value()));
    }
    request.upgrade += "\r\n";
  }
  request.authorization = std::string(message[http::field::authorization]);
  request.body = std::move(message.body());
  return request;
}

bool HttpRequestReader::is_idle() const {
  return impl_->buffer_.empty() && !impl_->parser_->got_some();
}

bool HttpRequestReader::wants_continue() {
  const auto& parser = *impl_->parser_;
  if (impl_->continue_asked || !parser.is_header_done() || parser.is_done()) return false;
  impl_->continue_asked = true;
  return boost::beast::iequals(parser.get()[http::field::expect], "100-continue");
}

std::size_t HttpRequestReader::bytes() const {
  return impl_->buffer_.size() + impl_->parser_->get().body().size();
}

struct HttpResponseReader::Impl : MessageReader<false> {
  using MessageReader::MessageReader;
};

HttpResponseReader::HttpResponseReader(HttpLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpResponseReader::HttpResponseReader(HttpResponseReader&&) noexcept = default;
HttpResponseReader& HttpResponseReader::operator=(HttpResponseReader&&) noexcept = default;
HttpResponseReader::~HttpResponseReader() = default;

void HttpResponseReader::append(std::string_view bytes) { impl_->append(bytes); }

tl::expected<bool, HttpRefusal> HttpResponseReader::advance() { return impl_->advance(); }

bool HttpResponseReader::advance_at_end() {
  AsioError trouble;
  if (!impl_->parser_->got_some()) return false;
  impl_->parser_->put_eof(trouble);
  return !trouble && impl_->parser_->is_done();
}

HttpResponse HttpResponseReader::take() {
  auto message = impl_->take();
  return {message.result_int(), std::move(message.body()), message.keep_alive()};
}

std::string_view http_status_text(unsigned status) {
  const auto text = http::obsolete_reason(http::int_to_status(status));
  return {text.data(), text.size()};
}

std::string http_header_text(const HttpHeader& header) {
  std::string text =
      fmt::format("HTTP/1.1 {} {}\r\nServer: quorate\r\nConnection: {}\r\n", header.status,
                  http_status_text(header.status), header.keep_alive ? "keep-alive" : "close");
  if (header.asks_for_credentials) {
    text += "WWW-Authenticate: Basic realm=\"quorate\", charset=\"UTF-8\"\r\n";
  }
  if (!header.allow.empty()) text += fmt::format("Allow: {}\r\n", header.allow);
  if (header.status != 204) {
    // What a page echoes from its address must not be taken for another type by a browser.
    text += fmt::format(
        "Content-Type: {}\r\nContent-Length: {}\r\nCache-Control: {}\r\n"
        "X-Content-Type-Options: nosniff\r\n",
        header.content_type, header.content_length, header.cache_control);
  }
  return text + "\r\n";
}

}  // namespace quorate::node
