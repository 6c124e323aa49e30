#include "node/rpc_server.h"

#include "node/asio.h"

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "node/listen.h"
#include "node/rpc_session.h"
#include "node/websocket_session.h"

namespace quorate::node {
namespace {

constexpr ListenNames kNames{"rpc-port-taken", "rpc-listen-failed", "rpc.listen"};

constexpr std::string_view kFullText =
    "All connections of this node are taken. Try again in a moment.\n";

// Best effort, and never waiting: what does not fit into the socket's buffer is not said.
void say_full(tcp::socket& socket) {
  AsioError ignored;
  socket.non_blocking(true, ignored);
  const std::string text =
      http_header_text({.status = 503, .content_length = kFullText.size(), .keep_alive = false}) +
      std::string(kFullText);
  socket.write_some(asio::buffer(text), ignored);
}

}  // namespace

struct RpcServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(IoThread& io_thread, RpcServerOptions given, RpcHandler& handler, tcp::acceptor listener)
      : io(io_thread),
        acceptor(std::move(listener)),
        pause(io.context()),
        endpoint(bound_endpoint(acceptor, given.listen)),
        hub{std::move(given), handler, io.poster()} {}

  void accept() {
    acceptor.async_accept(
        [self = shared_from_this()](const AsioError& trouble, tcp::socket socket) {
          if (!self->acceptor.is_open()) return;
          if (trouble) return self->rest();
          self->take(std::move(socket));
          self->accept();
        });
  }

  void rest() {
    pause.expires_after(kAcceptPause);
    pause.async_wait([self = shared_from_this()](const AsioError&) {
      if (self->acceptor.is_open()) self->accept();
    });
  }

  void take(tcp::socket socket) {
    if (hub.sessions.size() >= hub.options.connections_max && !make_room()) {
      return say_full(socket);
    }
    const auto session = std::make_shared<RpcSession>(std::move(socket), hub);
    hub.sessions.insert(session);
    session->start();
  }

  // Ends the connection that has been waiting longest for its client to send something.
  bool make_room() {
    std::shared_ptr<RpcSession> longest;
    for (const auto& session : hub.sessions) {
      const auto since = session->waiting_since();
      if (since && (!longest || *since < *longest->waiting_since())) longest = session;
    }
    if (longest) longest->close();
    return longest != nullptr;
  }

  void close() {
    AsioError ignored;
    acceptor.close(ignored);
    pause.cancel();
    const auto sessions = hub.sessions;
    for (const auto& session : sessions) session->close();
    const auto websockets = hub.websockets;
    for (const auto& websocket : websockets) websocket->close();
  }

  IoThread& io;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  Endpoint endpoint;
  RpcHub hub;
};

tl::expected<std::unique_ptr<RpcStream>, RpcError> RpcHandler::open_stream(
    const boost::json::object& /*params*/, RpcStreamSink /*sink*/) {
  return tl::unexpected(RpcError{
      kRpcMethodNotFound,
      {},
      {ErrorKind::kNotFound, "rpc-method-unknown", "No method \"subscribe\"",
       "GET / shows what this node answers."}});
}

Result<std::unique_ptr<RpcServer>> RpcServer::start(IoThread& io, RpcServerOptions options,
                                                    RpcHandler& handler) {
  QUORATE_ASSIGN(tcp::acceptor acceptor, listen_on(io.context(), options.listen, kNames));
  const auto impl = std::make_shared<Impl>(io, std::move(options), handler, std::move(acceptor));
  io.post([impl] { impl->accept(); });
  return std::unique_ptr<RpcServer>(new RpcServer(impl));
}

RpcServer::RpcServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

RpcServer::~RpcServer() {
  impl_->io.run([this] { impl_->close(); });
}

Endpoint RpcServer::endpoint() const { return impl_->endpoint; }

}  // namespace quorate::node
