#pragma once

// SHA-256 of SHA-256 of 80 bytes of which only the last four change: what a miner computes.
//
// The first 64 bytes are hashed once (the midstate), so a nonce costs two compressions instead of
// three. Thread-safe: `hash` changes nothing.

#include <array>
#include <cstdint>
#include <span>

#include "crypto/sha256.h"

namespace quorate::crypto {

class HeaderHasher {
 public:
  explicit HeaderHasher(std::span<const std::uint8_t, 80> header);

  // With `nonce`, little-endian, in place of the last four bytes.
  [[nodiscard]] Digest hash(std::uint32_t nonce) const;

 private:
  std::array<std::uint32_t, 8> midstate_{};
  std::array<std::uint8_t, 64> tail_{};  // the last 16 bytes, padded
};

}  // namespace quorate::crypto
