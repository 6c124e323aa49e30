#pragma once

// SHA-256 of SHA-256 of 80 bytes of which only the last four change: what a miner computes.
//
// The first 64 bytes are hashed once (the midstate), so a nonce costs two compressions instead of
// three. Thread-safe: `hash` changes nothing.

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "crypto/sha256.h"

namespace quorate::crypto {

class HeaderHasher {
 public:
  explicit HeaderHasher(std::span<const std::uint8_t, 80> header);

  // With `nonce`, little-endian, in place of the last four bytes.
  [[nodiscard]] Digest hash(std::uint32_t nonce) const;

  // The first of `count` nonces from `first` on whose hash, read as a little-endian number, has at
  // most `top` as its highest 64 bits. The rest of the hash is not looked at, nor even written.
  // Precondition: none of these nonces is above 2^32 - 1.
  [[nodiscard]] std::optional<std::uint32_t> first_candidate(std::uint32_t first,
                                                             std::uint64_t count,
                                                             std::uint64_t top) const;

 private:
  std::array<std::uint32_t, 8> midstate_{};
  std::array<std::uint8_t, 64> tail_{};  // the last 16 bytes, padded
};

}  // namespace quorate::crypto
