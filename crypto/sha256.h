#pragma once

// SHA-256 (FIPS 180-4) over OpenSSL, and the Digest type.

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

#include "crypto/bytes.h"

namespace quorate::crypto {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  friend auto operator<=>(const Digest&, const Digest&) = default;
  friend bool operator==(const Digest&, const Digest&) = default;

  [[nodiscard]] bool is_zero() const { return *this == Digest{}; }
  [[nodiscard]] std::string hex() const { return to_hex(bytes); }
  // The first eight hex digits, for people.
  [[nodiscard]] std::string short_hex() const { return hex().substr(0, 8); }
};

// Error: "digest-malformed" unless 64 hex digits.
[[nodiscard]] Result<Digest> parse_digest(std::string_view hex);

// Incremental hashing. Not thread-safe; one object a message.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& update(ByteView bytes);
  // May be called once.
  [[nodiscard]] Digest finish();

 private:
  struct State;
  alignas(16) std::array<std::uint8_t, 128> storage_{};  // holds State; no allocation a digest
};

[[nodiscard]] Digest sha256(ByteView bytes);

}  // namespace quorate::crypto

template <>
struct std::hash<quorate::crypto::Digest> {
  std::size_t operator()(const quorate::crypto::Digest& d) const noexcept {
    std::size_t h;  // a digest is already uniform
    std::memcpy(&h, d.bytes.data(), sizeof h);
    return h;
  }
};
