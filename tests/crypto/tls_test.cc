#include "crypto/tls.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace quorate::crypto {
namespace {

struct Free {
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// A client and a server in memory, their bytes carried by a BIO pair.
class Handshake {
 public:
  Handshake(SSL_CTX* client_context, SSL_CTX* server_context)
      : client_(SSL_new(client_context)), server_(SSL_new(server_context)) {
    BIO* left = nullptr;
    BIO* right = nullptr;
    BIO_new_bio_pair(&left, 0, &right, 0);
    SSL_set_bio(client_.get(), left, left);
    SSL_set_bio(server_.get(), right, right);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
  }

  SSL* client() const { return client_.get(); }
  SSL* server() const { return server_.get(); }

  // True if both sides finished and a byte went each way.
  bool run() {
    ERR_clear_error();
    for (int round = 0; round < 10; ++round) {
      if (!advance(client()) || !advance(server())) return false;
    }
    return SSL_is_init_finished(client()) == 1 && SSL_is_init_finished(server()) == 1 &&
           carries(client(), server()) && carries(server(), client());
  }

 private:
  static bool advance(SSL* side) {
    const int outcome = SSL_do_handshake(side);
    return outcome == 1 || SSL_get_error(side, outcome) == SSL_ERROR_WANT_READ;
  }
  static bool carries(SSL* from, SSL* to) {
    char byte = 'q';
    if (SSL_write(from, &byte, 1) != 1) return false;
    byte = 0;
    return SSL_read(to, &byte, 1) == 1 && byte == 'q';
  }

  Owned<SSL> client_;
  Owned<SSL> server_;
};

Owned<X509> certificate_for(EVP_PKEY* subject, EVP_PKEY* signer, const EVP_MD* digest) {
  Owned<X509> certificate(X509_new());
  X509* c = certificate.get();
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
  X509_gmtime_adj(X509_getm_notBefore(c), 0);
  X509_gmtime_adj(X509_getm_notAfter(c), 3600);
  X509_set_pubkey(c, subject);
  X509_sign(c, signer, digest);
  return certificate;
}

// A context of somebody who does not play by our rules: accepts anything, offers `key`.
Owned<SSL_CTX> foreign_context(EVP_PKEY* key, X509* certificate) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(
      context.get(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  static constexpr unsigned char kAlpn[] = "\x09quorate/1";
  SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof kAlpn - 1);
  if (key != nullptr) {
    EXPECT_EQ(SSL_CTX_use_certificate(context.get(), certificate), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), key), 1);
  }
  return context;
}

Owned<EVP_PKEY> openssl_key(const SecretKey& key) {
  return Owned<EVP_PKEY>(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.seed().data(),
                                                      key.seed().size()));
}

class Tls : public ::testing::Test {
 protected:
  static TlsContext context(const SecretKey& key, TlsContext::Allowed allowed) {
    auto made = TlsContext::create(key, std::move(allowed));
    EXPECT_TRUE(made) << made.error().to_string();
    return std::move(*made);
  }
  static TlsContext::Allowed only(const SecretKey& key) {
    return [wanted = key.public_key()](const PublicKey& found) { return found == wanted; };
  }
  static bool anyone(const PublicKey&) { return true; }

  // Whether a server that knows Alice's key lets a client with this context in.
  bool server_accepts(SSL_CTX* client) {
    const TlsContext server = context(bob_, only(alice_));
    Handshake handshake(client, server.native());
    const bool accepted = handshake.run();
    // In particular where a certificate was shown but its key was not proved.
    EXPECT_TRUE(accepted || !peer_key(handshake.server()));
    return accepted;
  }

  SecretKey alice_ = SecretKey::generate();
  SecretKey bob_ = SecretKey::generate();
  SecretKey mallory_ = SecretKey::generate();
};

TEST_F(Tls, TwoListedKeysSeeEachOther) {
  const TlsContext client = context(alice_, only(bob_));
  const TlsContext server = context(bob_, only(alice_));
  Handshake handshake(client.native(), server.native());
  EXPECT_EQ(peer_key(handshake.client()).error().code, "tls-no-peer-key");
  ASSERT_TRUE(handshake.run());
  EXPECT_EQ(peer_key(handshake.client()).value(), bob_.public_key());
  EXPECT_EQ(peer_key(handshake.server()).value(), alice_.public_key());
  EXPECT_EQ(SSL_version(handshake.client()), TLS1_3_VERSION);
}

TEST_F(Tls, UnlistedClientIsRefused) {
  const TlsContext client = context(mallory_, only(bob_));
  const TlsContext server = context(bob_, only(alice_));
  Handshake handshake(client.native(), server.native());
  EXPECT_FALSE(handshake.run());
  EXPECT_EQ(peer_key(handshake.server()).error().code, "tls-no-peer-key");
}

TEST_F(Tls, UnlistedServerIsRefused) {
  const TlsContext client = context(alice_, only(bob_));
  const TlsContext server = context(mallory_, only(alice_));
  Handshake handshake(client.native(), server.native());
  EXPECT_FALSE(handshake.run());
  EXPECT_EQ(peer_key(handshake.client()).error().code, "tls-no-peer-key");
}

TEST_F(Tls, ClientWithoutCertificateIsRefused) {
  EXPECT_FALSE(server_accepts(foreign_context(nullptr, nullptr).get()));
}

TEST_F(Tls, ForeignStackWithTheRightKeyIsAccepted) {
  const auto key = openssl_key(alice_);
  const auto certificate = certificate_for(key.get(), key.get(), nullptr);
  EXPECT_TRUE(server_accepts(foreign_context(key.get(), certificate.get()).get()));
}

TEST_F(Tls, Tls12IsRefused) {
  const auto key = openssl_key(alice_);
  const auto certificate = certificate_for(key.get(), key.get(), nullptr);
  const auto client = foreign_context(key.get(), certificate.get());
  SSL_CTX_set_max_proto_version(client.get(), TLS1_2_VERSION);
  EXPECT_FALSE(server_accepts(client.get()));
}

TEST_F(Tls, RsaCertificateIsRefusedEvenWhereAnyoneIsAllowed) {
  const Owned<EVP_PKEY> key(EVP_RSA_gen(2048));
  const auto certificate = certificate_for(key.get(), key.get(), EVP_sha256());
  const auto client = foreign_context(key.get(), certificate.get());
  const TlsContext server = context(bob_, anyone);
  EXPECT_FALSE(Handshake(client.get(), server.native()).run());
}

TEST_F(Tls, EcdsaCertificateIsRefusedEvenWhereAnyoneIsAllowed) {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const auto certificate = certificate_for(key.get(), key.get(), EVP_sha256());
  const auto foreign = foreign_context(key.get(), certificate.get());
  const TlsContext ours = context(bob_, anyone);
  EXPECT_FALSE(Handshake(foreign.get(), ours.native()).run());
  EXPECT_FALSE(Handshake(ours.native(), foreign.get()).run());
}

TEST_F(Tls, CertificateForSomebodyElsesKeyCannotBeUsed) {
  // Alice's public key with Mallory's secret: OpenSSL takes such a pair as it is.
  Bytes secret(mallory_.seed().begin(), mallory_.seed().end());
  PublicKey shown = alice_.public_key();
  OSSL_PARAM parts[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, shown.bytes.data(), 32),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, secret.data(), 32),
      OSSL_PARAM_construct_end()};
  EVP_PKEY_CTX* maker = EVP_PKEY_CTX_new_from_name(nullptr, "ED25519", nullptr);
  EVP_PKEY* made = nullptr;
  EVP_PKEY_fromdata_init(maker);
  ASSERT_EQ(EVP_PKEY_fromdata(maker, &made, EVP_PKEY_KEYPAIR, parts), 1);
  EVP_PKEY_CTX_free(maker);
  const Owned<EVP_PKEY> forged(made);
  const auto certificate = certificate_for(forged.get(), forged.get(), nullptr);
  EXPECT_FALSE(server_accepts(foreign_context(forged.get(), certificate.get()).get()));
}

TEST_F(Tls, AnotherApplicationProtocolIsRefused) {
  const auto key = openssl_key(alice_);
  const auto certificate = certificate_for(key.get(), key.get(), nullptr);
  const auto client = foreign_context(key.get(), certificate.get());
  static constexpr unsigned char kOther[] = "\x02h2";
  SSL_CTX_set_alpn_protos(client.get(), kOther, sizeof kOther - 1);
  EXPECT_FALSE(server_accepts(client.get()));
}

TEST_F(Tls, ClientWithoutApplicationProtocolHasNoPeerKey) {
  const auto key = openssl_key(alice_);
  const auto certificate = certificate_for(key.get(), key.get(), nullptr);
  const auto client = foreign_context(key.get(), certificate.get());
  SSL_CTX_set_alpn_protos(client.get(), nullptr, 0);
  const TlsContext server = context(bob_, only(alice_));
  Handshake handshake(client.get(), server.native());
  ASSERT_TRUE(handshake.run());
  EXPECT_EQ(peer_key(handshake.server()).error().code, "tls-wrong-protocol");
}

TEST_F(Tls, NoSessionIsResumed) {
  const TlsContext client = context(alice_, only(bob_));
  int asked = 0;
  const TlsContext server =
      context(bob_, [&](const PublicKey& key) { return ++asked, key == alice_.public_key(); });
  Handshake first(client.native(), server.native());
  ASSERT_TRUE(first.run());
  SSL_SESSION* session = SSL_get1_session(first.client());
  Handshake second(client.native(), server.native());
  if (session != nullptr) SSL_set_session(second.client(), session);
  ASSERT_TRUE(second.run());
  EXPECT_EQ(SSL_session_reused(second.server()), 0);
  EXPECT_EQ(asked, 2);
  SSL_SESSION_free(session);
}

TEST_F(Tls, CertificateHoldsInEveryYear) {
  const TlsContext made = context(alice_, anyone);
  const X509* certificate = SSL_CTX_get0_certificate(made.native());
  std::time_t long_ago = 1;
  std::time_t far_ahead = 250'000'000'000;  // the year 9892
  EXPECT_LT(X509_cmp_time(X509_get0_notBefore(certificate), &long_ago), 0);
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(certificate), &far_ahead), 0);
}

TEST_F(Tls, ReleasedContextOutlivesItsMaker) {
  Owned<SSL_CTX> client;
  Owned<SSL_CTX> server;
  {
    client.reset(context(alice_, only(bob_)).release());
    TlsContext made = context(bob_, only(alice_));
    TlsContext moved = std::move(made);
    server.reset(moved.release());
    EXPECT_EQ(moved.native(), nullptr);
  }
  EXPECT_TRUE(Handshake(client.get(), server.get()).run());
}

}  // namespace
}  // namespace quorate::crypto
