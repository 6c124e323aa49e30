#include "pow/header.h"

#include <algorithm>
#include <cstring>

namespace quorate::pow {
namespace {

void put_u32(std::uint8_t* at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint32_t get_u32(const std::uint8_t* at) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{at[i]} << (8 * i);
  return value;
}

}  // namespace

HeaderBytes encode_header(const Header& header) {
  HeaderBytes bytes;
  put_u32(&bytes[0], static_cast<std::uint32_t>(header.version));
  std::memcpy(&bytes[4], header.previous.bytes.data(), 32);
  std::memcpy(&bytes[36], header.merkle_root.bytes.data(), 32);
  put_u32(&bytes[68], header.time);
  put_u32(&bytes[72], header.bits.value);
  put_u32(&bytes[76], header.nonce);
  return bytes;
}

Header decode_header(std::span<const std::uint8_t, kHeaderBytes> bytes) {
  Header header;
  header.version = static_cast<std::int32_t>(get_u32(&bytes[0]));
  std::memcpy(header.previous.bytes.data(), &bytes[4], 32);
  std::memcpy(header.merkle_root.bytes.data(), &bytes[36], 32);
  header.time = get_u32(&bytes[68]);
  header.bits = {get_u32(&bytes[72])};
  header.nonce = get_u32(&bytes[76]);
  return header;
}

Result<Header> parse_header(std::string_view hex) {
  const auto bytes = from_hex(hex);
  if (bytes && bytes->size() == kHeaderBytes) {
    return decode_header(std::span<const std::uint8_t, kHeaderBytes>(*bytes));
  }
  return fail(ErrorKind::kInvalid, "pow-header-malformed",
              "found " + std::to_string(hex.size()) + " characters where a header was expected",
              "Give the 80 bytes of the header as 160 hex digits, as `getblockheader HASH false` "
              "of Bitcoin Core prints them.");
}

Digest sha256d(ByteView bytes) { return crypto::sha256(crypto::sha256(bytes).bytes); }

Digest hash_of(const Header& header) { return sha256d(encode_header(header)); }

std::string display_hex(const Digest& hash) {
  Digest turned = hash;
  std::reverse(turned.bytes.begin(), turned.bytes.end());
  return turned.hex();
}

Result<Digest> parse_display_hex(std::string_view hex) {
  QUORATE_ASSIGN(Digest hash, crypto::parse_digest(hex));
  std::reverse(hash.bytes.begin(), hash.bytes.end());
  return hash;
}

}  // namespace quorate::pow
