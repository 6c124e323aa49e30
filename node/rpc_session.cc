#include "node/rpc_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/write.hpp>
#include <exception>
#include <utility>

#include "node/websocket_session.h"

namespace quorate::node {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kUnchargedBytes = 64 << 10;
constexpr std::size_t kDrainBytesMax = 16 << 20;
constexpr milliseconds kDrainTime{1000};

constexpr std::string_view kAllowed = "GET, HEAD, POST, OPTIONS";
constexpr std::string_view kWebSocketPath = "/websocket";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kTryInstead =
    "GET / shows what this node answers; JSON-RPC goes by POST to /.\n";

// RFC 9112 §3.2.2: a server must also take the form that proxies get, http://host/path.
std::string_view origin_form(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!target.starts_with(kScheme)) return target;
  const std::size_t slash = target.find('/', kScheme.size());
  return slash == std::string_view::npos ? "/" : target.substr(slash);
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

// Part of a request, fit for a terminal.
std::string printable(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  std::string out(text.substr(0, kShownMax));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text.size() > kShownMax ? out + "..." : out;
}

std::optional<HttpPage> page_of(RpcHandler& handler, std::string_view path) {
  try {
    return handler.page(path);
  } catch (const std::exception& fault) {
    return HttpPage{500, "text/plain; charset=utf-8",
                    fmt::format("The page failed inside the node: {}\n", fault.what())};
  }
}

}  // namespace

RpcSession::RpcSession(tcp::socket socket, RpcHub& hub)
    : socket_(std::move(socket)),
      deadline_(socket_.get_executor()),
      hub_(&hub),
      reader_({.body_bytes_max = hub.options.body_bytes_max}) {}

void RpcSession::start() {
  AsioError ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  read_request();
}

void RpcSession::close() {
  if (hub_ == nullptr) return;
  RpcHub& hub = *std::exchange(hub_, nullptr);
  discharge(state_ == State::kWriting ? hub.answer_bytes : hub.request_bytes);
  deadline_.cancel();
  AsioError ignored;
  socket_.close(ignored);
  hub.sessions.erase(shared_from_this());  // may be the last but the caller's
}

void RpcSession::read_request() {
  state_ = State::kReading;
  reading_since_ = Clock::now();
  set_deadline(milliseconds(hub_->options.read_timeout_ms));
  read_more();
}

void RpcSession::read_more() {
  const auto whole = reader_.advance();
  if (!whole) return refuse(whole.error().status, whole.error().error.to_string() + "\n");
  if (!charge(reader_.bytes(), hub_->request_bytes, hub_->options.requests_bytes_max)) {
    return refuse(503, "The node is reading too many large requests. Try again in a moment.\n");
  }
  if (*whole) return handle(reader_.take());
  if (reader_.wants_continue()) say_continue();
  wait_readable();
}

void RpcSession::wait_readable() {
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const AsioError& trouble) {
    self->on_readable(trouble);
  });
}

void RpcSession::on_readable(const AsioError& trouble) {
  const bool is_reading = state_ == State::kReading || state_ == State::kDraining;
  if (hub_ == nullptr || !is_reading) return;
  AsioError ended = trouble;
  const std::size_t count = ended ? 0 : socket_.read_some(asio::buffer(hub_->scratch), ended);
  if (ended && ended != asio::error::would_block) return close();
  if (state_ == State::kReading) {
    reader_.append({hub_->scratch.data(), count});
    return read_more();
  }
  drained_bytes_ += count;
  if (drained_bytes_ > kDrainBytesMax) return close();
  wait_readable();
}

// Small messages pass whatever the others hold; of big ones, only so many bytes at a time.
bool RpcSession::charge(std::size_t bytes, std::size_t& total, std::size_t bytes_max) {
  discharge(total);
  charged_bytes_ = bytes > kUnchargedBytes ? bytes - kUnchargedBytes : 0;
  total += charged_bytes_;
  return charged_bytes_ == 0 || total <= bytes_max;
}

void RpcSession::discharge(std::size_t& total) { total -= std::exchange(charged_bytes_, 0); }

// A few bytes on a connection that has sent nothing since its last answer always fit; if the client
// managed to make them not fit, it waits for its own timeout and sends anyway.
void RpcSession::say_continue() {
  AsioError ignored;
  socket_.write_some(asio::buffer(kContinue), ignored);
}

void RpcSession::handle(const HttpRequest& request) {
  state_ = State::kAnswering;
  deadline_.cancel();
  discharge(hub_->request_bytes);
  keep_alive_ = request.keep_alive;
  const std::string_view target = origin_form(request.target);
  if (was_denied(request, target)) return;
  if (request.method == "POST") return handle_post(request);
  if (request.method == "GET" && path_of(target) == kWebSocketPath) {
    return become_websocket(request);
  }
  if (request.method == "GET") return handle_get(target, false);
  if (request.method == "HEAD") return handle_get(target, true);
  if (request.method == "OPTIONS") return answer_text(204, {}, kAllowed);
  answer_text(405,
              fmt::format("Found method {}, expected {}. {}", printable(request.method), kAllowed,
                          kTryInstead),
              kAllowed);
}

// Whoever looks after a node may ask for its health without a password.
bool RpcSession::was_denied(const HttpRequest& request, std::string_view target) {
  const auto& credentials = hub_->options.credentials;
  const std::string_view path = path_of(target);
  const bool is_open = request.method != "POST" && (path == "/health" || path == "/ready");
  if (!credentials || is_open) return false;
  const auto verdict = credentials->judge(request.authorization);
  if (verdict == RpcCredentials::Verdict::kGood) return false;
  answer({{.status = 401, .asks_for_credentials = true},
          "text/plain; charset=utf-8",
          refusal_text(verdict),
          false});
  return true;
}

void RpcSession::handle_post(const HttpRequest& request) {
  const std::string_view path = path_of(origin_form(request.target));
  if (path != "/") {
    return answer_text(404,
                       fmt::format("Nothing takes a POST at {}. {}", printable(path), kTryInstead));
  }
  dispatch_rpc(parse_rpc_body(request.body), hub_->handler, answer_later());
}

void RpcSession::handle_get(std::string_view target, bool is_head) {
  const std::string_view path = path_of(target);
  if (auto page = page_of(hub_->handler, path)) return answer_page(std::move(*page), is_head);
  if (is_head) {
    return answer_text(405, "HEAD serves pages only. " + std::string(kTryInstead),
                       "GET, POST, OPTIONS");
  }
  const auto call = parse_rpc_target(target);
  if (!call) {
    return answer_text(
        400, fmt::format("{} does not parse, expected /method?name=value&name=\"text\" with "
                         "percent signs for what an address may not hold. {}",
                         printable(target), kTryInstead));
  }
  if (dispatch_rpc_get(*call, hub_->handler, answer_later())) return;
  answer_text(404, fmt::format("No page and no method {}. {}", printable(path), kTryInstead));
}

void RpcSession::become_websocket(const HttpRequest& request) {
  const std::size_t most = hub_->options.websockets_max;
  if (request.upgrade.empty()) {
    return answer_text(426, fmt::format("Found a plain GET {}, expected an upgrade to a WebSocket "
                                        "(RFC 6455). {}",
                                        kWebSocketPath, kTryInstead));
  }
  if (!reader_.is_idle()) {
    return refuse(400, "Found bytes behind the request to upgrade, expected none before the "
                       "answer. Wait for it.\n");
  }
  if (hub_->websockets.size() >= most) {
    return refuse(503, fmt::format("websockets-full: all {} WebSockets of this node are taken. "
                                   "Ask another node, or try again later.\n",
                                   most));
  }
  RpcHub& hub = *hub_;
  tcp::socket socket = std::move(socket_);
  close();
  WebSocketSession::start(std::move(socket), request.upgrade, hub);
}

// Called from any thread; by then the connection, the server and the I/O thread may be gone.
RpcAnswered RpcSession::answer_later() {
  return [poster = hub_->poster, session = weak_from_this()](RpcAnswer given) {
    auto shared = std::make_shared<RpcAnswer>(std::move(given));
    poster.post([session, shared] {
      const auto self = session.lock();
      if (!self || self->hub_ == nullptr) return;
      self->answer(
          {{.status = shared->status}, "application/json", std::move(shared->body), false});
    });
  };
}

void RpcSession::answer_text(unsigned status, std::string text, std::string_view allow) {
  answer({{.status = status, .allow = allow}, "text/plain; charset=utf-8", std::move(text), false});
}

void RpcSession::answer_page(HttpPage page, bool is_head) {
  answer({{.status = page.status, .cache_control = page.cache_control},
          std::move(page.content_type),
          std::move(page.body),
          is_head});
}

void RpcSession::refuse(unsigned status, std::string text) {
  keep_alive_ = false;
  answer_text(status, std::move(text));
}

void RpcSession::answer(Answer answer) {
  if (state_ == State::kReading) discharge(hub_->request_bytes);
  state_ = State::kWriting;
  if (!charge(answer.body.size(), hub_->answer_bytes, hub_->options.answers_bytes_max)) {
    answer = {{.status = 503},
              "text/plain; charset=utf-8",
              "The node is sending too many large answers. Try again in a moment.\n",
              false};
  }
  answer_ = std::move(answer);
  answer_.header.content_type = answer_.content_type;
  answer_.header.content_length = answer_.body.size();
  answer_.header.keep_alive = keep_alive_;
  if (answer_.is_head) answer_.body.clear();
  header_text_ = http_header_text(answer_.header);
  const auto& options = hub_->options;
  set_deadline(
      milliseconds(options.read_timeout_ms + answer_.body.size() / options.write_bytes_per_ms_min));
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(header_text_),
                                                   asio::buffer(answer_.body)};
  asio::async_write(socket_, parts,
                    [self = shared_from_this()](const AsioError& trouble, std::size_t) {
                      self->on_written(trouble);
                    });
}

void RpcSession::on_written(const AsioError& trouble) {
  if (hub_ == nullptr) return;
  if (trouble) return close();
  discharge(hub_->answer_bytes);
  answer_ = {};
  header_text_ = {};
  if (keep_alive_) return read_request();
  // Closing at once, with bytes of the client unread, would make the system throw our answer away.
  AsioError ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  state_ = State::kDraining;
  set_deadline(kDrainTime);
  wait_readable();
}

void RpcSession::set_deadline(milliseconds after) {
  deadline_.expires_after(after);
  deadline_.async_wait([self = shared_from_this()](const AsioError& trouble) {
    // One that was moved while it stood in the queue is none.
    if (trouble || self->hub_ == nullptr || self->deadline_.expiry() > Clock::now()) return;
    self->on_deadline();
  });
}

void RpcSession::on_deadline() {
  if (state_ == State::kAnswering) return;  // the request became whole in the last moment
  if (state_ != State::kReading || reader_.is_idle()) return close();
  // The wait that is under way finds the state changed and does nothing.
  AsioError ignored;
  socket_.cancel(ignored);
  refuse(408,
         fmt::format("The request was not whole after {} ms.\n", hub_->options.read_timeout_ms));
}

}  // namespace quorate::node
