#pragma once

// Ed25519 by libsodium's rule, and by no other.
//
// Which signatures are valid is a consensus rule, and libraries differ on hundreds of edge cases
// (Chalkias et al., "Taming the many EdDSAs", 2020). Here crypto_sign_verify_detached of libsodium
// 1.0.18 decides; `self_test` pins its verdicts, so that a library upgrade which changes the rule
// refuses to run instead of splitting the network.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "crypto/bytes.h"
#include "crypto/sha256.h"

namespace quorate::crypto {

struct PublicKey {
  std::array<std::uint8_t, 32> bytes{};

  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
  friend bool operator==(const PublicKey&, const PublicKey&) = default;
  [[nodiscard]] std::string hex() const { return to_hex(bytes); }
};

struct Signature {
  std::array<std::uint8_t, 64> bytes{};

  friend auto operator<=>(const Signature&, const Signature&) = default;
  friend bool operator==(const Signature&, const Signature&) = default;
};

// A private key: 32-byte seed (RFC 8032) and its expanded form. Wiped on destruction; movable,
// never copied, never printed.
class SecretKey {
 public:
  static constexpr std::size_t kSeedBytes = 32;

  [[nodiscard]] static SecretKey generate();  // from the system's random source
  // Precondition: seed.size() == kSeedBytes (checked).
  [[nodiscard]] static SecretKey from_seed(ByteView seed);

  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey();

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] ByteView seed() const { return {expanded_.data(), kSeedBytes}; }
  // Deterministic (RFC 8032 §5.1.6).
  [[nodiscard]] Signature sign(ByteView message) const;

 private:
  SecretKey() = default;
  std::array<std::uint8_t, 64> expanded_{};
  PublicKey public_key_;
};

// The one rule of validity.
[[nodiscard]] bool verify(const PublicKey& key, ByteView message, const Signature& signature);

// A key may be admitted (genesis, membership, senders) only if it is a point of the prime-order
// subgroup in canonical form. Error: "key-invalid-point".
[[nodiscard]] Status admit_public_key(const PublicKey& key);

// 64 hex digits. Errors: "key-malformed". Does not judge the point.
[[nodiscard]] Result<PublicKey> parse_public_key(std::string_view hex);

// Must be called before any other function here, by every main(); initialises the library and
// holds the verdicts on built-in edge cases against the pinned ones.
// Errors: "ed25519-rule-changed" (kUnsupported), "random-unavailable" (kEnvironment).
[[nodiscard]] Status self_test();

// The second half of self_test, over any verifier. Error: "ed25519-rule-changed".
using VerifyFunction = bool(const PublicKey& key, ByteView message, const Signature& signature);
[[nodiscard]] Status hold_to_pinned_rule(VerifyFunction& verifier);

}  // namespace quorate::crypto

template <>
struct std::hash<quorate::crypto::PublicKey> {
  std::size_t operator()(const quorate::crypto::PublicKey& k) const noexcept {
    std::size_t h;
    std::memcpy(&h, k.bytes.data(), sizeof h);
    return h;
  }
};
