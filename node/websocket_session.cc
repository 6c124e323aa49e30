#include "node/websocket_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <utility>
#include <vector>

#include "node/rpc_error.h"

namespace quorate::node {
namespace {

namespace beast = boost::beast;
namespace json = boost::json;
namespace websocket = beast::websocket;

constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::string_view kHoldBack = "Close one of them, or use another connection.";

RpcError refused(ErrorKind kind, std::string_view code, std::string message, std::string next) {
  return {kRpcServerError, {}, {kind, code, std::move(message), std::move(next)}};
}

std::string text_of(const json::object& params) {
  const json::value* query = params.if_contains("query");
  if (query == nullptr) query = params.if_contains("0");
  if (query == nullptr || !query->is_string()) return {};
  return std::string(query->get_string());
}

class Session final : public WebSocketSession, public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, RpcHub& hub) : stream_(std::move(socket)), hub_(&hub) {}

  void accept(const std::string& upgrade);
  void close() override;

 private:
  // Of one `subscribe`.
  struct Subscription {
    std::uint64_t number = 0;  // of this connection
    json::value id;
    std::string query;
    std::unique_ptr<RpcStream> stream;
  };
  struct Outgoing {
    std::string text;
    std::uint64_t subscription = 0;  // whose part this ends; 0: none
    bool is_answer = false;          // the next message may be read behind it
  };

  void read();
  void on_read(const AsioError& trouble);
  bool charge(std::size_t bytes);
  void handle(const std::string& message);
  [[nodiscard]] bool is_about_streams(const RpcCall& call) const;
  void handle_stream_call(const RpcCall& call);
  void subscribe(const RpcCall& call);
  [[nodiscard]] tl::expected<void, RpcError> unsubscribe(const RpcCall& call);
  void answer(const RpcCall& call, RpcResult result);
  void on_part(std::uint64_t number, RpcStreamPart part);
  void send(Outgoing outgoing);
  void write();
  void on_written(const AsioError& trouble);

  websocket::stream<tcp::socket> stream_;
  beast::http::request_parser<beast::http::empty_body> upgrade_;
  RpcHub* hub_;  // null once closed
  beast::flat_buffer incoming_;
  std::size_t charged_bytes_ = 0;
  std::vector<Subscription> subscriptions_;
  std::uint64_t last_number_ = 0;
  std::deque<Outgoing> outgoing_;  // the first is being written
};

void Session::accept(const std::string& upgrade) {
  websocket::stream_base::timeout patience{};
  patience.handshake_timeout = std::chrono::milliseconds(hub_->options.read_timeout_ms);
  patience.idle_timeout = std::chrono::milliseconds(hub_->options.websocket_idle_ms);
  patience.keep_alive_pings = true;
  stream_.set_option(patience);
  stream_.read_message_max(hub_->options.body_bytes_max);
  stream_.text(true);
  // What the reader has taken apart once; one that does not parse again is refused as no upgrade.
  AsioError ignored;
  upgrade_.put(asio::buffer(upgrade), ignored);
  stream_.async_accept(upgrade_.get(), [self = shared_from_this()](const AsioError& trouble) {
    if (self->hub_ == nullptr) return;
    if (trouble) return self->close();
    self->read();
  });
}

void Session::close() {
  if (hub_ == nullptr) return;
  RpcHub& hub = *std::exchange(hub_, nullptr);
  hub.request_bytes -= std::exchange(charged_bytes_, 0);
  subscriptions_.clear();
  AsioError ignored;
  stream_.next_layer().close(ignored);
  hub.websockets.erase(shared_from_this());  // may be the last but the caller's
}

void Session::read() {
  stream_.async_read_some(incoming_, kReadBytes,
                          [self = shared_from_this()](const AsioError& trouble, std::size_t) {
                            self->on_read(trouble);
                          });
}

bool Session::charge(std::size_t bytes) {
  hub_->request_bytes += bytes;
  hub_->request_bytes -= std::exchange(charged_bytes_, bytes);
  return bytes <= kReadBytes || hub_->request_bytes <= hub_->options.requests_bytes_max;
}

void Session::on_read(const AsioError& trouble) {
  if (hub_ == nullptr) return;
  if (trouble || !charge(incoming_.size())) return close();
  if (!stream_.is_message_done()) return read();
  const std::string message = beast::buffers_to_string(incoming_.data());
  incoming_ = {};
  charge(0);
  handle(message);
}

bool Session::is_about_streams(const RpcCall& call) const {
  return call.method == "subscribe" || call.method == "unsubscribe" ||
         call.method == "unsubscribe_all";
}

void Session::handle(const std::string& message) {
  ParsedRpc parsed = parse_rpc_body(message);
  if (!parsed.is_batch && parsed.calls.size() == 1 && parsed.calls[0] &&
      is_about_streams(*parsed.calls[0])) {
    return handle_stream_call(*parsed.calls[0]);
  }
  dispatch_rpc(std::move(parsed), hub_->handler,
               [poster = hub_->poster, session = weak_from_this()](RpcAnswer given) {
                 auto text = std::make_shared<std::string>(std::move(given.body));
                 poster.post([session, text] {
                   const auto self = session.lock();
                   if (!self || self->hub_ == nullptr) return;
                   if (text->empty()) return self->read();
                   self->send({std::move(*text), 0, true});
                 });
               });
}

void Session::handle_stream_call(const RpcCall& call) {
  if (call.method == "subscribe") return subscribe(call);
  if (call.method == "unsubscribe_all") {
    subscriptions_.clear();
    return answer(call, json::object{});
  }
  if (const auto done = unsubscribe(call); !done) return answer(call, tl::unexpected(done.error()));
  answer(call, json::object{});
}

void Session::subscribe(const RpcCall& call) {
  const std::size_t most = hub_->options.subscriptions_a_websocket_max;
  const bool is_taken = std::any_of(subscriptions_.begin(), subscriptions_.end(),
                                    [&](const Subscription& each) { return each.id == call.id; });
  if (call.is_notification || is_taken) {
    return answer(call, tl::unexpected(refused(
        ErrorKind::kConflict, "subscription-exists",
        fmt::format("found the id {}, expected one that no subscription of this connection has",
                    json::serialize(call.id)),
        "Events come under the id of their call: give each its own.")));
  }
  if (subscriptions_.size() >= most) {
    return answer(call, tl::unexpected(refused(
        ErrorKind::kUnavailable, "subscriptions-of-connection-full",
        fmt::format("this connection has {} subscriptions, which is the most", most),
        std::string(kHoldBack))));
  }
  const std::uint64_t number = ++last_number_;
  auto stream = hub_->handler.open_stream(
      call.params, [poster = hub_->poster, session = weak_from_this(), number](RpcStreamPart part) {
        auto shared = std::make_shared<RpcStreamPart>(std::move(part));
        poster.post([session, number, shared] {
          const auto self = session.lock();
          if (self && self->hub_ != nullptr) self->on_part(number, std::move(*shared));
        });
      });
  if (!stream) return answer(call, tl::unexpected(stream.error()));
  answer(call, json::object{});
  subscriptions_.push_back({number, call.id, text_of(call.params), std::move(*stream)});
  subscriptions_.back().stream->more();
}

tl::expected<void, RpcError> Session::unsubscribe(const RpcCall& call) {
  const std::string query = text_of(call.params);
  const auto ended = std::erase_if(
      subscriptions_, [&](const Subscription& each) { return each.query == query; });
  if (ended > 0) return {};
  return tl::unexpected(refused(
      ErrorKind::kNotFound, "subscription-not-found",
      fmt::format("found the query \"{}\", expected one of this connection's {} subscriptions",
                  query.substr(0, 80), subscriptions_.size()),
      "Give the query exactly as it was subscribed to."));
}

void Session::answer(const RpcCall& call, RpcResult result) {
  if (call.is_notification) return read();
  send({json::serialize(result ? rpc_result_answer(call.id, std::move(*result))
                               : rpc_error_answer(call.id, result.error())),
        0, true});
}

void Session::on_part(std::uint64_t number, RpcStreamPart part) {
  const auto found = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                                  [&](const Subscription& each) { return each.number == number; });
  if (found == subscriptions_.end()) return;
  const std::string id = json::serialize(found->id);
  for (std::size_t i = 0; i < part.results.size(); ++i) {
    const bool is_last = i + 1 == part.results.size() && !part.end;
    std::string text =
        fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{}}})", id, part.results[i]);
    part.results[i] = {};
    send({std::move(text), is_last ? number : 0, false});
  }
  if (!part.end) return;
  send({json::serialize(rpc_error_answer(found->id, *part.end)), 0, false});
  subscriptions_.erase(found);
}

void Session::send(Outgoing outgoing) {
  outgoing_.push_back(std::move(outgoing));
  if (outgoing_.size() == 1) write();
}

void Session::write() {
  stream_.async_write(asio::buffer(outgoing_.front().text),
                      [self = shared_from_this()](const AsioError& trouble, std::size_t) {
                        self->on_written(trouble);
                      });
}

void Session::on_written(const AsioError& trouble) {
  if (hub_ == nullptr) return;
  if (trouble) return close();
  const Outgoing written = std::move(outgoing_.front());
  outgoing_.pop_front();
  if (!outgoing_.empty()) write();
  if (written.is_answer) read();
  if (written.subscription == 0) return;
  for (const Subscription& each : subscriptions_) {
    if (each.number == written.subscription) return each.stream->more();
  }
}

}  // namespace

void WebSocketSession::start(tcp::socket socket, std::string upgrade, RpcHub& hub) {
  const auto session = std::make_shared<Session>(std::move(socket), hub);
  hub.websockets.insert(session);
  session->accept(upgrade);
}

}  // namespace quorate::node
