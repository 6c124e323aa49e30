#pragma once

// Block headers: 80 bytes, exactly Bitcoin's.
//
//   offset  bytes  field
//        0      4  version, little-endian, signed
//        4     32  previous: hash of the parent
//       36     32  merkle_root
//       68      4  time, little-endian, seconds since 1970
//       72      4  bits, little-endian: the compact target (pow/target.h)
//       76      4  nonce, little-endian
//
// The hash of a header is SHA-256 of SHA-256 of these bytes. As a number its *first* byte is the
// least significant, and people print it last byte first: so the zeros of a good hash lead.

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "crypto/sha256.h"
#include "pow/target.h"

namespace quorate::pow {

using crypto::Digest;

inline constexpr std::size_t kHeaderBytes = 80;
using HeaderBytes = std::array<std::uint8_t, kHeaderBytes>;

struct Header {
  std::int32_t version = 1;
  Digest previous;
  Digest merkle_root;
  std::uint32_t time = 0;
  Bits bits;
  std::uint32_t nonce = 0;

  friend bool operator==(const Header&, const Header&) = default;
};

// Any 80 bytes are a header and any header has its 80 bytes; what it says is judged elsewhere
// (pow/rules.h).
[[nodiscard]] HeaderBytes encode_header(const Header& header);
[[nodiscard]] Header decode_header(std::span<const std::uint8_t, kHeaderBytes> bytes);
// From hex, as people give one. Error: "pow-header-malformed" (kInvalid).
[[nodiscard]] Result<Header> parse_header(std::string_view hex);

[[nodiscard]] Digest sha256d(ByteView bytes);
[[nodiscard]] Digest hash_of(const Header& header);

// As Bitcoin's people read a hash: last byte first.
[[nodiscard]] std::string display_hex(const Digest& hash);
// Error: "digest-malformed" (kInvalid).
[[nodiscard]] Result<Digest> parse_display_hex(std::string_view hex);

}  // namespace quorate::pow
