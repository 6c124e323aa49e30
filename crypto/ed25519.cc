#include "crypto/ed25519.h"

#include <fmt/format.h>
#include <sodium.h>

#include "crypto/check.h"

namespace quorate::crypto {

SecretKey SecretKey::generate() {
  std::array<std::uint8_t, kSeedBytes> seed;
  randombytes_buf(seed.data(), seed.size());
  SecretKey key = from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

SecretKey SecretKey::from_seed(ByteView seed) {
  QUORATE_CHECK(seed.size() == kSeedBytes, "an Ed25519 seed has 32 bytes");
  SecretKey key;
  crypto_sign_seed_keypair(key.public_key_.bytes.data(), key.expanded_.data(), seed.data());
  return key;
}

SecretKey::SecretKey(SecretKey&& other) noexcept
    : expanded_(other.expanded_), public_key_(other.public_key_) {
  sodium_memzero(other.expanded_.data(), other.expanded_.size());
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this != &other) {
    expanded_ = other.expanded_;
    public_key_ = other.public_key_;
    sodium_memzero(other.expanded_.data(), other.expanded_.size());
  }
  return *this;
}

SecretKey::~SecretKey() { sodium_memzero(expanded_.data(), expanded_.size()); }

Signature SecretKey::sign(ByteView message) const {
  // The public half is part of the expanded form; a moved-from key has lost it.
  QUORATE_CHECK(std::memcmp(expanded_.data() + kSeedBytes, public_key_.bytes.data(), 32) == 0,
                "signing with a key that was moved away");
  Signature signature;
  crypto_sign_detached(signature.bytes.data(), nullptr, message.data(), message.size(),
                       expanded_.data());
  return signature;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  return crypto_sign_verify_detached(signature.bytes.data(), message.data(), message.size(),
                                     key.bytes.data()) == 0;
}

Status admit_public_key(const PublicKey& key) {
  if (crypto_core_ed25519_is_valid_point(key.bytes.data()) != 1) {
    return fail(ErrorKind::kRejected, "key-invalid-point",
                fmt::format("the key {} is not a canonical point of Ed25519's prime-order subgroup",
                            key.hex()),
                "Make a key pair with `quorate keys new` and give its public key.");
  }
  return {};
}

Result<PublicKey> parse_public_key(std::string_view hex) {
  PublicKey key;
  auto bytes = from_hex(hex);
  if (!bytes || bytes->size() != key.bytes.size()) {
    return fail(ErrorKind::kInvalid, "key-malformed",
                fmt::format("found {} characters where a public key was expected", hex.size()),
                "Give 64 hex digits.");
  }
  std::memcpy(key.bytes.data(), bytes->data(), key.bytes.size());
  return key;
}

}  // namespace quorate::crypto
