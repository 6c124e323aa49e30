#include "tests/node/tls_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <utility>

namespace quorate::node {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set_patience(int socket, int ms) {
  const timeval patience{ms / 1000, ms % 1000 * 1000};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

crypto::TlsContext context_for(const crypto::SecretKey& key) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets as to files
  return std::move(*crypto::TlsContext::create(key, [](const crypto::PublicKey&) { return true; }));
}

}  // namespace

TlsPeer::TlsPeer(const crypto::SecretKey& key, std::uint16_t port) : context_(context_for(key)) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  set_patience(socket_, 20'000);
  const sockaddr_in address = loopback(port);
  connection_ = SSL_new(context_.native());
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  SSL_set_fd(connection_, socket_);
  up_ = SSL_connect(connection_) == 1;
}

TlsPeer::TlsPeer(const crypto::SecretKey& key, TlsListener& listener)
    : socket_(listener.accept()), context_(context_for(key)) {
  connection_ = SSL_new(context_.native());
  if (socket_ < 0) return;
  set_patience(socket_, 20'000);
  SSL_set_fd(connection_, socket_);
  up_ = SSL_accept(connection_) == 1;
}

TlsPeer::~TlsPeer() {
  SSL_free(connection_);
  if (socket_ >= 0) ::close(socket_);
}

bool TlsPeer::send(ByteView bytes) {
  ERR_clear_error();
  return SSL_write(connection_, bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

Bytes TlsPeer::receive() {
  Bytes bytes(64 << 10);
  ERR_clear_error();
  const int count = SSL_read(connection_, bytes.data(), static_cast<int>(bytes.size()));
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return bytes;
}

bool TlsPeer::closed_within(int timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  set_patience(socket_, timeout_ms);
  while (std::chrono::steady_clock::now() < deadline) {
    if (!receive().empty()) continue;
    return std::chrono::steady_clock::now() < deadline;
  }
  return false;
}

void TlsPeer::cut() { ::shutdown(socket_, SHUT_WR); }

TlsListener::TlsListener() {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  set_patience(socket_, 20'000);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
      ::listen(socket_, 8) == 0) {
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
}

TlsListener::~TlsListener() { ::close(socket_); }

int TlsListener::accept() const { return ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC); }

}  // namespace quorate::node
