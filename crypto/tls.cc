#include "crypto/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <utility>

#include "crypto/check.h"

namespace quorate::crypto {
namespace {

// As it travels: one length byte, then the name.
constexpr unsigned char kAlpn[] = {9, 'q', 'u', 'o', 'r', 'a', 't', 'e', '/', '1'};
// Bounds what an unknown peer can make us keep; ours take less than 300 bytes.
constexpr long kPeerCertificateBytesMax = 4096;

struct Free {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> setup_failed(std::string_view step) {
  char reason[256] = "no reason given";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, reason, sizeof reason);
  }
  ERR_clear_error();
  return fail(ErrorKind::kEnvironment, "tls-setup-failed",
              fmt::format("OpenSSL could not {}: {}", step, reason),
              "Check that OpenSSL's configuration on this machine permits TLS 1.3 and Ed25519.");
}

void free_allowed(void*, void* allowed, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<TlsContext::Allowed*>(allowed);
}

// Where a context keeps its predicate, which so lives exactly as long as the context.
int allowed_slot() {
  static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_allowed);
  return slot;
}

std::optional<PublicKey> key_of(X509* certificate) {
  EVP_PKEY* key = certificate != nullptr ? X509_get0_pubkey(certificate) : nullptr;
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return std::nullopt;
  PublicKey out;
  std::size_t length = out.bytes.size();
  if (EVP_PKEY_get_raw_public_key(key, out.bytes.data(), &length) != 1 ||
      length != out.bytes.size()) {
    return std::nullopt;
  }
  return out;
}

// Stands in for the whole judgement of chains, names and dates. That the other side holds the
// secret key, the handshake's own signature proves.
int judge_certificate(X509_STORE_CTX* store, void*) {
  const auto* connection = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* allowed = static_cast<const TlsContext::Allowed*>(
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), allowed_slot()));
  const auto key = key_of(X509_STORE_CTX_get0_cert(store));
  const bool good = key && (*allowed)(*key);
  X509_STORE_CTX_set_error(store, good ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return good ? 1 : 0;
}

int choose_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
                const unsigned char* offered, unsigned int offered_length, void*) {
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(&match, chosen_length, kAlpn, sizeof kAlpn, offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

// Valid in every year that ASN.1 can write, so that no clock matters.
Owned<X509> make_certificate(EVP_PKEY* key) {
  Owned<X509> certificate(X509_new());
  X509* c = certificate.get();
  if (c == nullptr || X509_set_version(c, X509_VERSION_3) != 1 ||
      ASN1_INTEGER_set(X509_get_serialNumber(c), 1) != 1 ||
      ASN1_TIME_set_string(X509_getm_notBefore(c), "19700101000000Z") != 1 ||
      ASN1_TIME_set_string(X509_getm_notAfter(c), "99991231235959Z") != 1) {
    return nullptr;
  }
  X509_NAME* name = X509_get_subject_name(c);
  const auto* text = reinterpret_cast<const unsigned char*>("quorate");
  if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) != 1 ||
      X509_set_issuer_name(c, name) != 1 || X509_set_pubkey(c, key) != 1 ||
      X509_sign(c, key, nullptr) == 0) {
    return nullptr;
  }
  return certificate;
}

bool restrict_protocol(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, kPeerCertificateBytesMax);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") ==
             1 &&
         SSL_CTX_set1_groups_list(context, "X25519") == 1 &&
         SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1 &&
         SSL_CTX_set1_client_sigalgs_list(context, "ed25519") == 1 &&
         SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_max_early_data(context, 0) == 1 &&
         SSL_CTX_set_alpn_protos(context, kAlpn, sizeof kAlpn) == 0;  // sic: zero is success
}

}  // namespace

Result<TlsContext> TlsContext::create(const SecretKey& key, Allowed allowed) {
  QUORATE_CHECK(allowed != nullptr, "without a predicate nobody could be admitted");
  ERR_clear_error();
  const Owned<EVP_PKEY> private_key(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, key.seed().data(), key.seed().size()));
  if (!private_key) return setup_failed("take the Ed25519 network key");
  const Owned<X509> certificate = make_certificate(private_key.get());
  if (!certificate) return setup_failed("make a certificate for the network key");
  QUORATE_CHECK(key_of(certificate.get()) == key.public_key(), "one seed, one public key");

  Owned<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  if (!context || !restrict_protocol(context.get())) return setup_failed("restrict TLS to 1.3");
  if (SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), private_key.get()) != 1) {
    return setup_failed("use the certificate");
  }
  auto stored = std::make_unique<Allowed>(std::move(allowed));
  if (SSL_CTX_set_ex_data(context.get(), allowed_slot(), stored.get()) != 1) {
    return setup_failed("keep the list of peers");
  }
  (void)stored.release();  // free_allowed has it now
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), &judge_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(context.get(), &choose_alpn, nullptr);
  return TlsContext(context.release());
}

TlsContext::TlsContext(TlsContext&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}

TlsContext& TlsContext::operator=(TlsContext&& other) noexcept {
  if (this != &other) {
    SSL_CTX_free(context_);
    context_ = std::exchange(other.context_, nullptr);
  }
  return *this;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

ssl_ctx_st* TlsContext::release() { return std::exchange(context_, nullptr); }

Result<PublicKey> peer_key(const ssl_st* connection) {
  const auto key =
      SSL_is_init_finished(connection) == 1 && SSL_get_verify_result(connection) == X509_V_OK
          ? key_of(SSL_get0_peer_certificate(connection))
          : std::nullopt;
  if (!key) {
    return fail(ErrorKind::kDenied, "tls-no-peer-key",
                "the connection has no other side that proved an Ed25519 key",
                "Only connect to and accept nodes of this network.");
  }
  const unsigned char* alpn = nullptr;
  unsigned int alpn_length = 0;
  SSL_get0_alpn_selected(connection, &alpn, &alpn_length);
  if (SSL_version(connection) != TLS1_3_VERSION ||
      as_text({alpn, alpn_length}) !=
          std::string_view(reinterpret_cast<const char*>(kAlpn) + 1, sizeof kAlpn - 1)) {
    return fail(ErrorKind::kDenied, "tls-wrong-protocol",
                fmt::format("the key {} does not speak quorate/1 over TLS 1.3", key->hex()),
                "Check that the address belongs to a node of this network.");
  }
  return *key;
}

}  // namespace quorate::crypto
