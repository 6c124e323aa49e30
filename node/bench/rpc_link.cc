#include "node/bench/rpc_link.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "crypto/check.h"
#include "node/http_message.h"

namespace quorate::node {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 256 << 20;

}  // namespace

struct RpcLink::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io, Endpoint place)
      : endpoint(std::move(place)), socket(io), resolver(io), deadline(io) {}

  Endpoint endpoint;
  tcp::socket socket;
  tcp::resolver resolver;
  asio::steady_timer deadline;
  HttpResponseReader reader{{.body_bytes_max = kAnswerBytesMax}};
  std::array<char, 64 << 10> scratch{};
  std::string request;
  Done done;
  std::uint64_t attempt = 0;  // what an earlier one still has under way is not ours any more
  bool is_kept = false;       // the connection has answered before
  bool any_answer = false;    // a byte of this answer has come
  bool was_written = false;   // ... or of the question has gone out, perhaps in an earlier attempt
  std::uint64_t request_number = 0;

  // Wraps what an operation calls, so that it counts only for the attempt that began it.
  template <class Then>
  auto current(Then then) {
    return [self = shared_from_this(), mine = attempt, then](const auto& trouble, auto&&... rest) {
      if (mine == self->attempt) then(*self, trouble, rest...);
    };
  }

  void begin(std::chrono::milliseconds timeout) {
    was_written = false;
    deadline.expires_after(timeout);
    deadline.async_wait([self = shared_from_this(), mine = request_number](const AsioError& end) {
      if (end || mine != self->request_number || !self->done) return;
      self->fail_with(ErrorKind::kTimeout, "node-timeout", "it did not answer in time");
    });
    next_attempt();
  }

  void next_attempt() {
    ++attempt;
    any_answer = false;
    reader = HttpResponseReader({.body_bytes_max = kAnswerBytesMax});
    if (socket.is_open()) return write();
    is_kept = false;
    resolver.async_resolve(endpoint.host, std::to_string(endpoint.port),
                           current([](Impl& link, const AsioError& trouble, auto& found) {
                             if (trouble) return link.unreachable(trouble);
                             link.connect(found);
                           }));
  }

  void connect(const tcp::resolver::results_type& found) {
    asio::async_connect(socket, found, current([](Impl& link, const AsioError& trouble, auto&) {
                          if (trouble) return link.unreachable(trouble);
                          AsioError ignored;
                          link.socket.set_option(tcp::no_delay(true), ignored);
                          link.write();
                        }));
  }

  void write() {
    was_written = true;
    // A failed write may still find an answer: a server that refuses need not read everything.
    asio::async_write(socket, asio::buffer(request),
                      current([](Impl& link, const AsioError&, std::size_t) { link.read(); }));
  }

  void read() {
    socket.async_read_some(asio::buffer(scratch),
                           current([](Impl& link, const AsioError& trouble, std::size_t size) {
                             if (trouble) return link.on_closed(trouble);
                             link.any_answer = true;
                             link.reader.append({link.scratch.data(), size});
                             const auto is_whole = link.reader.advance();
                             if (!is_whole) {
                               return link.fail_with(ErrorKind::kCorrupt, "node-answer-malformed",
                                                     is_whole.error().error.message);
                             }
                             if (!*is_whole) return link.read();
                             link.finish();
                           }));
  }

  void on_closed(const AsioError& trouble) {
    if (is_kept && !any_answer) {
      close_socket();
      return next_attempt();
    }
    fail_with(ErrorKind::kTimeout, "node-connection-lost", trouble.message());
  }

  void unreachable(const AsioError& trouble) {
    if (was_written) {
      return fail_with(ErrorKind::kTimeout, "node-connection-lost", trouble.message());
    }
    fail_with(ErrorKind::kUnavailable, "node-unreachable", trouble.message());
  }

  void finish() {
    HttpResponse response = reader.take();
    is_kept = true;
    if (!response.keep_alive) close_socket();
    if (response.status == 503) {
      return give(fail(ErrorKind::kUnavailable, "node-busy",
                       fmt::format("{} is too busy", endpoint.to_string()), ""));
    }
    give(std::move(response.body));
  }

  void fail_with(ErrorKind kind, std::string_view code, std::string_view what) {
    close_socket();
    give(fail(kind, code, fmt::format("{}: {}", endpoint.to_string(), what), ""));
  }

  void give(Result<std::string> result) {
    ++attempt;
    deadline.cancel();
    if (const Done call = std::exchange(done, nullptr)) call(std::move(result));
  }

  void close_socket() {
    AsioError ignored;
    socket.close(ignored);
    resolver.cancel();
  }
};

RpcLink::RpcLink(asio::io_context& io, Endpoint endpoint)
    : impl_(std::make_shared<Impl>(io, std::move(endpoint))) {}

RpcLink::~RpcLink() {
  impl_->done = nullptr;
  ++impl_->attempt;
  impl_->close_socket();
  impl_->deadline.cancel();
}

bool RpcLink::is_idle() const { return !impl_->done; }

void RpcLink::post(std::string body, std::chrono::milliseconds timeout, Done done) {
  QUORATE_CHECK(is_idle(), "one question at a time");
  impl_->request = fmt::format(
      "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
      impl_->endpoint.to_string(), body.size());
  impl_->request += body;
  impl_->done = std::move(done);
  ++impl_->request_number;
  impl_->begin(timeout);
}

void RpcLink::close() {
  impl_->close_socket();
  if (is_idle()) return;
  ++impl_->attempt;
  asio::post(impl_->socket.get_executor(), [impl = impl_, number = impl_->request_number] {
    if (number != impl->request_number || !impl->done) return;
    impl->fail_with(ErrorKind::kTimeout, "node-connection-lost", "given up");
  });
}

}  // namespace quorate::node
