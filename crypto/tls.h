#pragma once

// TLS 1.3 between two holders of known Ed25519 keys. There is no certificate authority: each side
// shows a certificate made in memory at start-up, and is judged by the key in it alone.
//
//   version       1.3, nothing older
//   identity      the Ed25519 network key, both sides, proved by the handshake's signature
//   admission     the caller's predicate; names, dates and issuers in certificates mean nothing
//   ALPN          "quorate/1"
//   off           tickets, resumption, early data, renegotiation, other signature algorithms
//
// A client's handshake ends before the server has judged the client: a server's refusal reaches the
// client as an error of its first read. Whatever the handshake says, ask `peer_key` before trusting
// a connection.

#include <functional>

#include "crypto/ed25519.h"
#include "crypto/result.h"

// OpenSSL's names, so that no header of ours includes its headers.
struct ssl_st;
struct ssl_ctx_st;

namespace quorate::crypto {

// One context serves both directions and any number of connections. Move-only. The OpenSSL object
// holds the predicate, and may be used from several threads at once if the predicate may.
class TlsContext {
 public:
  // Called in the middle of a handshake, with the key of the other side; must not throw.
  using Allowed = std::function<bool(const PublicKey&)>;

  // Error: "tls-setup-failed" (kEnvironment).
  [[nodiscard]] static Result<TlsContext> create(const SecretKey& key, Allowed allowed);

  TlsContext(TlsContext&& other) noexcept;
  TlsContext& operator=(TlsContext&& other) noexcept;
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  [[nodiscard]] ssl_ctx_st* native() const { return context_; }
  // Hands the OpenSSL object over, e.g. to boost::asio::ssl::context's constructor; this object may
  // only be destroyed or assigned afterwards.
  [[nodiscard]] ssl_ctx_st* release();

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;  // owned; null after release or move
};

// The other side of a connection whose handshake has ended. Errors, all kDenied: "tls-no-peer-key"
// before that or without an Ed25519 certificate, "tls-wrong-protocol" if it is not TLS 1.3 with
// ALPN "quorate/1".
[[nodiscard]] Result<PublicKey> peer_key(const ssl_st* connection);

}  // namespace quorate::crypto
