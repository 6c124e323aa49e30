#pragma once

// The far end of a mesh connection, under the control of a test: it holds a valid key and says
// exactly the bytes that it is told to. Blocking sockets on 127.0.0.1; everything gives up in the
// end.

#include <cstdint>
#include <memory>

#include "crypto/ed25519.h"
#include "crypto/tls.h"

namespace quorate::node {

class TlsPeer {
 public:
  // Dials the mesh at this port.
  TlsPeer(const crypto::SecretKey& key, std::uint16_t port);
  // Takes the next connection of a listener.
  TlsPeer(const crypto::SecretKey& key, class TlsListener& listener);
  TlsPeer(TlsPeer&&) = delete;
  ~TlsPeer();

  [[nodiscard]] bool is_up() const { return up_; }
  bool send(ByteView bytes);
  // The next bytes, empty at the end or the deadline.
  Bytes receive();
  // True when the other side ends the connection before the deadline; what it says is skipped.
  bool closed_within(int timeout_ms = 20'000);
  // Ends the sending side of TCP in the middle of everything.
  void cut();

 private:
  int socket_ = -1;
  bool up_ = false;
  crypto::TlsContext context_;
  struct ssl_st* connection_ = nullptr;
};

class TlsListener {
 public:
  TlsListener();
  TlsListener(TlsListener&&) = delete;
  ~TlsListener();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int accept() const;

 private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace quorate::node
