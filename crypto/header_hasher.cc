// As in sha256.cc: the low-level functions of OpenSSL, which alone give a midstate.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/header_hasher.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

namespace quorate::crypto {
namespace {

constexpr std::uint8_t kPadding = 0x80;

void put_u32_big(std::uint8_t* at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

// The end of a padded block: the length of the message in bits.
void put_length(std::array<std::uint8_t, 64>& block, std::uint32_t bytes) {
  put_u32_big(&block[60], bytes * 8);
}

}  // namespace

HeaderHasher::HeaderHasher(std::span<const std::uint8_t, 80> header) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Transform(&context, header.data());
  std::copy(std::begin(context.h), std::end(context.h), midstate_.begin());
  std::copy(header.begin() + 64, header.end(), tail_.begin());
  tail_[16] = kPadding;
  put_length(tail_, 80);
}

Digest HeaderHasher::hash(std::uint32_t nonce) const {
  std::array<std::uint8_t, 64> block = tail_;
  for (unsigned i = 0; i < 4; ++i) block[12 + i] = static_cast<std::uint8_t>(nonce >> (8 * i));
  SHA256_CTX context;
  SHA256_Init(&context);
  const SHA256_CTX fresh = context;
  std::copy(midstate_.begin(), midstate_.end(), std::begin(context.h));
  SHA256_Transform(&context, block.data());

  block = {};
  for (unsigned i = 0; i < 8; ++i) put_u32_big(&block[std::size_t{4} * i], context.h[i]);
  block[32] = kPadding;
  put_length(block, 32);
  context = fresh;
  SHA256_Transform(&context, block.data());
  Digest digest;
  for (unsigned i = 0; i < 8; ++i) {
    put_u32_big(&digest.bytes[std::size_t{4} * i], context.h[i]);
  }
  return digest;
}

}  // namespace quorate::crypto
