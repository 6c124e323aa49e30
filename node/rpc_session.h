#pragma once

// One HTTP connection of the RPC server. Includes Asio: for .cc files only.
//
// It reads a request, has it answered, writes the answer and begins again; so a client that sends
// many requests at once gets its answers in order, and what it may keep us holding is one request
// and one answer. Everything here runs on the I/O thread.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "node/asio.h"

#include <boost/asio/steady_timer.hpp>

#include "node/http_message.h"
#include "node/io_thread.h"
#include "node/rpc_dispatch.h"
#include "node/rpc_server.h"

namespace quorate::node {

class RpcSession;
class WebSocketSession;

// What the connections of a server share. On the I/O thread only.
struct RpcHub {
  RpcServerOptions options;
  RpcHandler& handler;
  IoThread::Poster poster;
  std::array<char, 64 << 10> scratch{};  // every connection reads into it
  std::size_t request_bytes = 0;         // counted against options.requests_bytes_max
  std::size_t answer_bytes = 0;          // counted against options.answers_bytes_max
  std::set<std::shared_ptr<RpcSession>> sessions{};
  std::set<std::shared_ptr<WebSocketSession>> websockets{};
};

class RpcSession : public std::enable_shared_from_this<RpcSession> {
 public:
  using Clock = std::chrono::steady_clock;

  RpcSession(tcp::socket socket, RpcHub& hub);

  void start();
  // Drops the connection and its place in the hub. Idempotent.
  void close();
  // Since when this waits for its client to send; nullopt while the client waits for us.
  [[nodiscard]] std::optional<Clock::time_point> waiting_since() const {
    return state_ == State::kReading ? std::optional(reading_since_) : std::nullopt;
  }

 private:
  struct Answer {
    HttpHeader header;
    std::string content_type;  // what header.content_type points at, once the write begins
    std::string body;
    bool is_head = false;  // the length is told, the body is not sent
  };

  void read_request();
  void read_more();
  void wait_readable();
  void on_readable(const AsioError& trouble);
  // Counts what this connection holds against a bound on all; false beyond it.
  bool charge(std::size_t bytes, std::size_t& total, std::size_t bytes_max);
  void discharge(std::size_t& total);
  void say_continue();

  void handle(const HttpRequest& request);
  void handle_post(const HttpRequest& request);
  void handle_get(std::string_view target, bool is_head);
  // Hands the socket over and goes; or says why not.
  void become_websocket(const HttpRequest& request);
  RpcAnswered answer_later();

  // True: it may not, and was told.
  bool was_denied(const HttpRequest& request, std::string_view target);
  void answer_text(unsigned status, std::string text, std::string_view allow = {});
  void answer_page(HttpPage page, bool is_head);
  // A text behind which the connection ends.
  void refuse(unsigned status, std::string text);
  void answer(Answer answer);
  void on_written(const AsioError& trouble);

  void set_deadline(std::chrono::milliseconds after);
  void on_deadline();

  tcp::socket socket_;
  asio::steady_timer deadline_;
  RpcHub* hub_;  // null once closed; the server closes its sessions before it goes
  HttpRequestReader reader_;
  enum class State : std::uint8_t { kReading, kAnswering, kWriting, kDraining };
  State state_ = State::kReading;
  Clock::time_point reading_since_;
  std::size_t charged_bytes_ = 0;
  bool keep_alive_ = true;
  std::size_t drained_bytes_ = 0;
  std::string header_text_;  // what is being written
  Answer answer_;
};

}  // namespace quorate::node
