#pragma once

// SipHash-2-4 (Aumasson & Bernstein, INDOCRYPT 2012) under a key that each object draws for itself:
// for hash tables of what strangers chose, who must not be able to aim at one bucket.

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"

namespace quorate::crypto {

// For std::unordered_map and -set of byte strings, together with BytesEqual; finds by any view.
class SaltedHash {
 public:
  using is_transparent = void;
  SaltedHash();
  // Not noexcept, so that libstdc++ keeps each element's hash.
  [[nodiscard]] std::size_t operator()(ByteView bytes) const;
  // SipHash with 128 bits, for where two that are equal would be an error and not a delay.
  using Wide = std::array<std::uint64_t, 2>;
  [[nodiscard]] Wide wide(ByteView bytes) const;

 private:
  std::array<std::uint8_t, 16> key_;
};

}  // namespace quorate::crypto
