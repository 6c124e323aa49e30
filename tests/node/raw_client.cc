#include "tests/node/raw_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace quorate::node {
namespace {

using Clock = std::chrono::steady_clock;

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes)
    : reader_({.body_bytes_max = 64 << 20}) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer_bytes > 0) {
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof receive_buffer_bytes);
  }
  const timeval patience{20, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(std::exchange(socket_, -1));
  }
}

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      chunk_(std::move(other.chunk_)),
      reader_(std::move(other.reader_)) {}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::end_sending() { ::shutdown(socket_, SHUT_WR); }

long RawClient::read(int timeout_ms) {
  pollfd watched{socket_, POLLIN, 0};
  if (::poll(&watched, 1, timeout_ms) <= 0) return -1;
  chunk_.resize(64 << 10);
  const ssize_t count = ::recv(socket_, chunk_.data(), chunk_.size(), 0);
  chunk_.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return count > 0 ? count : 0;
}

HttpResponse RawClient::response(int timeout_ms) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    const auto whole = reader_.advance();
    if (!whole) return {};
    if (*whole) return reader_.take();
    const long count = read(left_ms(deadline));
    if (count < 0) return {};
    if (count == 0) return reader_.advance_at_end() ? reader_.take() : HttpResponse{};
    reader_.append(chunk_);
  }
}

std::string RawClient::rest(int timeout_ms) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  std::string all;
  while (read(left_ms(deadline)) > 0) all += chunk_;
  return all;
}

bool RawClient::closed_within(int timeout_ms) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    const long count = read(left_ms(deadline));
    if (count <= 0) return count == 0;
  }
}

std::string post_request(std::string_view body, std::string_view path) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", path,
                     body.size(), body);
}

}  // namespace quorate::node
