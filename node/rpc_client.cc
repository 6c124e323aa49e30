#include "node/rpc_client.h"

#include "node/asio.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "node/config.h"
#include "node/http_message.h"
#include "node/rpc_credentials.h"
#include "node/rpc_error.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kResponseBytesMax = 256 << 20;
constexpr std::size_t kAnswerNestingMax = 64;

tl::unexpected<Error> malformed_url(std::string_view url, std::string_view why) {
  return fail(ErrorKind::kInvalid, "url-malformed",
              fmt::format("Found the address \"{}\", expected http://host:port{}", url, why),
              "Write for example http://127.0.0.1:26650.");
}

// How one attempt to get an answer ended.
enum class Exchange : std::uint8_t {
  kAnswered,
  kTimeout,
  kUnreachable,   // no connection
  kClosedEarly,   // the connection ended before any byte of the answer
  kClosedMidway,  // ... or inside of it
};

}  // namespace

struct RpcClient::Impl {
  std::string url;
  std::string authorization;  // of the header
  Endpoint endpoint;
  std::chrono::milliseconds timeout;
  asio::io_context context{1};
  std::optional<tcp::socket> socket;  // a connection that was kept, or the present one
  std::int64_t last_id = 0;
  std::string last_trouble;
  std::array<char, 64 << 10> scratch{};

  // Runs what was started until it is done; false at the deadline, when it is cancelled.
  template <class Cancel>
  bool run_until(Clock::time_point deadline, Cancel cancel) {
    context.restart();
    context.run_until(deadline);
    if (context.stopped()) return true;
    cancel();
    context.run();  // the cancelled operations end at once
    return false;
  }

  bool run_socket_until(Clock::time_point deadline) {
    return run_until(deadline, [this] {
      AsioError ignored;
      socket->close(ignored);
    });
  }

  Exchange connect(Clock::time_point deadline) {
    AsioError trouble = asio::error::host_not_found;
    tcp::resolver resolver(context);
    tcp::resolver::results_type found;
    resolver.async_resolve(endpoint.host, std::to_string(endpoint.port),
                           [&](const AsioError& ended, tcp::resolver::results_type results) {
                             trouble = ended;
                             found = std::move(results);
                           });
    if (!run_until(deadline, [&] { resolver.cancel(); })) trouble = asio::error::timed_out;
    if (!trouble) {
      socket.emplace(context);
      asio::async_connect(*socket, found,
                          [&](const AsioError& ended, const tcp::endpoint&) { trouble = ended; });
      if (!run_socket_until(deadline)) trouble = asio::error::timed_out;
    }
    if (trouble) {
      last_trouble = trouble.message();
      socket.reset();
      return Exchange::kUnreachable;
    }
    AsioError ignored;
    socket->set_option(tcp::no_delay(true), ignored);
    return Exchange::kAnswered;
  }

  // Writes the request and reads the answer. A server that refuses may answer before it has read
  // everything, so a failed write still looks for an answer.
  Exchange exchange(const std::string& request, HttpResponse& response,
                    Clock::time_point deadline) {
    AsioError trouble;
    asio::async_write(*socket, asio::buffer(request),
                      [&](const AsioError& ended, std::size_t) { trouble = ended; });
    if (!run_socket_until(deadline)) return Exchange::kTimeout;

    HttpResponseReader reader({.body_bytes_max = kResponseBytesMax});
    bool any = false;
    while (true) {
      std::size_t count = 0;
      socket->async_read_some(asio::buffer(scratch),
                              [&](const AsioError& ended, std::size_t bytes) {
                                trouble = ended;
                                count = bytes;
                              });
      if (!run_socket_until(deadline)) return Exchange::kTimeout;
      if (trouble) {
        last_trouble = trouble.message();
        if (!any) return Exchange::kClosedEarly;
        if (!reader.advance_at_end()) return Exchange::kClosedMidway;
        break;
      }
      any = true;
      reader.append({scratch.data(), count});
      const auto whole = reader.advance();
      if (!whole) {
        last_trouble = whole.error().error.message;
        return Exchange::kClosedMidway;
      }
      if (*whole) break;
    }
    response = reader.take();
    return Exchange::kAnswered;
  }

  Exchange ask(const std::string& request, HttpResponse& response) {
    const Clock::time_point deadline = Clock::now() + timeout;
    const bool was_kept = socket.has_value();
    Exchange outcome = was_kept ? Exchange::kAnswered : connect(deadline);
    if (outcome == Exchange::kAnswered) outcome = exchange(request, response, deadline);
    if (outcome == Exchange::kClosedEarly && was_kept) {
      // The server closes connections that have long been silent; that is no answer to this call.
      // If nobody is there any more, it may still have reached the one who was.
      const bool is_back = connect(deadline) == Exchange::kAnswered;
      if (is_back) outcome = exchange(request, response, deadline);
    }
    if (outcome != Exchange::kAnswered || !response.keep_alive) socket.reset();
    return outcome;
  }

  tl::unexpected<Error> failed(Exchange outcome) const {
    if (outcome == Exchange::kTimeout) {
      return fail(ErrorKind::kTimeout, "node-timeout",
                  fmt::format("No answer from {} within {} ms; whether the request took effect is "
                              "open",
                              url, timeout.count()),
                  "Ask the node for the state of what you sent, or try again with more time.");
    }
    if (outcome == Exchange::kClosedMidway) {
      return answer_malformed(fmt::format("the answer is not whole ({})", last_trouble));
    }
    if (outcome == Exchange::kClosedEarly) {
      return fail(
          ErrorKind::kTimeout, "node-connection-lost",
          fmt::format("{} ended the connection before it answered ({}); whether the request "
                      "took effect is open",
                      url, last_trouble),
          "Check that the node is running, then ask it for the state of what you sent.");
    }
    return fail(ErrorKind::kUnavailable, "node-unreachable",
                fmt::format("No node answers at {}: {}", url, last_trouble),
                "Check the address, and that the node is running.");
  }

  tl::unexpected<Error> answer_malformed(std::string_view what) const {
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("{} gave something else than an answer to JSON-RPC: {}", url, what),
                "Check that the address is that of a node's RPC port.");
  }

  Result<json::value> result_of(HttpResponse response) const {
    if (response.status == 503) {
      return fail(ErrorKind::kUnavailable, "node-busy",
                  fmt::format("{} is too busy: {}", url, response.body.substr(0, 200)),
                  "Try again in a moment.");
    }
    if (response.status == 401) {
      return fail(ErrorKind::kDenied, "node-asks-for-credentials",
                  fmt::format("{} refused the call: {}", url, response.body.substr(0, 300)),
                  "Write the address as http://USER:PASSWORD@host:port.");
    }
    json::error_code trouble;
    json::parse_options options;
    options.max_depth = kAnswerNestingMax;
    json::value answer = json::parse(response.body, trouble, {}, options);
    if (trouble || !answer.is_object()) {
      return answer_malformed(
          fmt::format("HTTP status {}, {} bytes", response.status, response.body.size()));
    }
    json::object& object = answer.get_object();
    if (json::value* error = object.if_contains("error"); error != nullptr && !error->is_null()) {
      return error_of(*error);
    }
    const json::value* id = object.if_contains("id");
    json::value* result = object.if_contains("result");
    if (id == nullptr || *id != last_id || result == nullptr) {
      return answer_malformed("it has no result, or another request's id");
    }
    return std::move(*result);
  }

  tl::unexpected<Error> error_of(const json::value& error) const {
    if (const json::object* object = error.if_object()) {
      if (const json::value* data = object->if_contains("data")) {
        if (auto detail = error_from_json(*data)) return tl::unexpected(std::move(*detail));
      }
    }
    // Another program of this dialect: its error has no code of ours.
    return fail(ErrorKind::kRejected, "node-error",
                fmt::format("{} answered with an error: {}", url, json::serialize(error)),
                "Check that the address is that of a Quorate node.");
  }
};

Result<RpcClient> RpcClient::create(std::string_view url, std::uint32_t timeout_ms) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) return malformed_url(url, "; the RPC port speaks no TLS");
  if (!url.starts_with(kScheme)) return malformed_url(url, "");
  std::string_view place = url.substr(kScheme.size());
  if (place.ends_with('/')) place.remove_suffix(1);
  std::string_view credentials;
  if (const std::size_t at = place.rfind('@'); at != std::string_view::npos) {
    credentials = place.substr(0, at);
    place.remove_prefix(at + 1);
  }
  auto endpoint = parse_endpoint(place);
  if (!endpoint) return malformed_url(place, "");
  auto impl = std::make_unique<Impl>();
  impl->url = kScheme;
  impl->url += endpoint->to_string();
  impl->endpoint = std::move(*endpoint);
  if (!credentials.empty()) {
    impl->authorization = basic_authorization(credentials);
  }
  impl->timeout = std::chrono::milliseconds(timeout_ms);
  return RpcClient(std::move(impl));
}

RpcClient::RpcClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RpcClient::RpcClient(RpcClient&&) noexcept = default;
RpcClient& RpcClient::operator=(RpcClient&&) noexcept = default;
RpcClient::~RpcClient() = default;

Result<json::value> RpcClient::call(std::string_view method, const json::object& params) {
  const json::object body = {
      {"jsonrpc", "2.0"}, {"id", ++impl_->last_id}, {"method", method}, {"params", params}};
  const std::string text = json::serialize(body);
  const std::string header =
      impl_->authorization.empty()
          ? std::string()
          : fmt::format("Authorization: {}\r\n", impl_->authorization);
  const std::string request = fmt::format(
      "POST / HTTP/1.1\r\nHost: {}\r\n{}Content-Type: application/json\r\nContent-Length: "
      "{}\r\n\r\n{}",
      impl_->endpoint.to_string(), header, text.size(), text);
  HttpResponse response;
  const Exchange outcome = impl_->ask(request, response);
  if (outcome != Exchange::kAnswered) return impl_->failed(outcome);
  return impl_->result_of(std::move(response));
}

const std::string& RpcClient::url() const { return impl_->url; }

const std::string& RpcClient::authorization() const { return impl_->authorization; }

}  // namespace quorate::node
