#include "node/websocket_client.h"

#include "node/asio.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <chrono>
#include <utility>

#include "node/config.h"
#include "node/rpc_client.h"

namespace quorate::node {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
using std::chrono::milliseconds;

constexpr std::size_t kMessageBytesMax = 256 << 20;
constexpr milliseconds kIdle{30'000};
constexpr std::string_view kScheme = "http://";

}  // namespace

struct WebSocketClient::Impl {
  std::string url;
  Endpoint endpoint;
  asio::io_context context{1};
  websocket::stream<tcp::socket> stream{context};
  beast::flat_buffer incoming;
  bool is_reading = false;
  bool is_read = false;  // what was being read is whole, or failed with `read_trouble`
  AsioError read_trouble;

  // Runs what was started until `is_done`; false at the deadline, when it was cancelled.
  bool run_until(std::chrono::steady_clock::time_point deadline, const bool& is_done) {
    context.restart();
    while (!is_done && context.run_one_until(deadline) > 0) continue;
    if (is_done) return true;
    AsioError ignored;
    stream.next_layer().close(ignored);
    context.restart();
    // What was cancelled ends at once; the stream's own timer goes on, so nobody waits for all.
    while (!is_done && context.run_one() > 0) continue;
    return false;
  }

  // nullopt: connected.
  std::optional<AsioError> connect(std::chrono::steady_clock::time_point deadline) {
    AsioError trouble = asio::error::timed_out;
    bool is_done = false;
    tcp::resolver resolver(context);
    const auto on_done = [&](const AsioError& ended) {
      trouble = ended;
      is_done = true;
    };
    resolver.async_resolve(
        endpoint.host, std::to_string(endpoint.port),
        [&](const AsioError& ended, const tcp::resolver::results_type& found) {
          if (ended) return on_done(ended);
          asio::async_connect(
              stream.next_layer(), found,
              [&](const AsioError& refused, const tcp::endpoint&) { on_done(refused); });
        });
    if (!run_until(deadline, is_done)) return trouble;
    if (trouble) return trouble;
    return std::nullopt;
  }

  // As the HTTP status of the refusal, if the other side speaks HTTP at all.
  AsioError shake_hands(std::chrono::steady_clock::time_point deadline, unsigned& status) {
    AsioError ignored;
    stream.next_layer().set_option(tcp::no_delay(true), ignored);
    websocket::stream_base::timeout patience{};
    patience.handshake_timeout = kIdle;
    patience.idle_timeout = kIdle;
    patience.keep_alive_pings = true;
    stream.set_option(patience);
    stream.read_message_max(kMessageBytesMax);
    AsioError trouble = asio::error::timed_out;
    bool is_done = false;
    websocket::response_type response;
    stream.async_handshake(response, endpoint.to_string(), "/websocket",
                           [&](const AsioError& ended) {
                             trouble = ended;
                             is_done = true;
                           });
    if (!run_until(deadline, is_done)) return trouble;
    status = response.result_int();
    return trouble;
  }

  tl::unexpected<Error> lost(const AsioError& trouble) const {
    return fail(ErrorKind::kTimeout, "node-connection-lost",
                fmt::format("{} ended the connection: {}", url, trouble.message()),
                "Check that the node is running, and connect again.");
  }
};

Result<WebSocketClient> WebSocketClient::connect(std::string_view url, std::uint32_t timeout_ms) {
  QUORATE_ASSIGN(const RpcClient checked, RpcClient::create(url));
  auto impl = std::make_unique<Impl>();
  impl->url = checked.url();
  if (!checked.authorization().empty()) {
    impl->stream.set_option(websocket::stream_base::decorator(
        [value = checked.authorization()](websocket::request_type& request) {
          request.set(beast::http::field::authorization, value);
        }));
  }
  QUORATE_ASSIGN(impl->endpoint,
                 parse_endpoint(std::string_view(impl->url).substr(kScheme.size())));
  const auto deadline = std::chrono::steady_clock::now() + milliseconds(timeout_ms);
  if (const auto trouble = impl->connect(deadline)) {
    return fail(ErrorKind::kUnavailable, "node-unreachable",
                fmt::format("No node answers at {}: {}", impl->url, trouble->message()),
                "Check the address, and that the node is running.");
  }
  unsigned status = 0;
  if (const AsioError trouble = impl->shake_hands(deadline, status)) {
    if (status == 503) {
      return fail(ErrorKind::kUnavailable, "node-busy",
                  fmt::format("All WebSockets of {} are taken", impl->url),
                  "Ask another node, or try again in a moment.");
    }
    if (status == 0) {
      return fail(ErrorKind::kUnavailable, "node-unreachable",
                  fmt::format("{} did not open a WebSocket: {}", impl->url, trouble.message()),
                  "Check that the node is running.");
    }
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("{} gave HTTP status {}, expected a WebSocket at /websocket",
                            impl->url, status),
                "Check that the address is that of a node's RPC port.");
  }
  return WebSocketClient(std::move(impl));
}

WebSocketClient::WebSocketClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebSocketClient::WebSocketClient(WebSocketClient&&) noexcept = default;
WebSocketClient& WebSocketClient::operator=(WebSocketClient&&) noexcept = default;

WebSocketClient::~WebSocketClient() {
  if (!impl_) return;
  AsioError ignored;
  impl_->stream.next_layer().close(ignored);  // what is under way goes with the context, unheard
}

Status WebSocketClient::send(std::string_view text) {
  AsioError trouble = asio::error::timed_out;
  bool is_done = false;
  impl_->stream.async_write(asio::buffer(text), [&](const AsioError& ended, std::size_t) {
    trouble = ended;
    is_done = true;
  });
  impl_->run_until(std::chrono::steady_clock::now() + kIdle, is_done);
  if (trouble) return impl_->lost(trouble);
  return {};
}

Result<std::optional<std::string>> WebSocketClient::receive(std::uint32_t wait_ms) {
  Impl& impl = *impl_;
  if (!impl.is_reading) {
    impl.is_reading = true;
    impl.is_read = false;
    impl.stream.async_read(impl.incoming, [&impl](const AsioError& ended, std::size_t) {
      impl.read_trouble = ended;
      impl.is_read = true;
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + milliseconds(wait_ms);
  impl.context.restart();
  while (!impl.is_read && impl.context.run_one_until(deadline) > 0) continue;
  if (!impl.is_read) return std::nullopt;
  impl.is_reading = false;
  if (impl.read_trouble) return impl.lost(impl.read_trouble);
  std::string message = beast::buffers_to_string(impl.incoming.data());
  impl.incoming.consume(impl.incoming.size());
  return message;
}

}  // namespace quorate::node
