// As in sha256.cc: the low-level functions of OpenSSL, which alone give a midstate.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/header_hasher.h"

#include <openssl/sha.h>

#include <algorithm>
#include <bit>
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

std::uint32_t swapped(std::uint32_t word) {
  return word >> 24 | (word >> 8 & 0xff00) | (word << 8 & 0xff0000) | word << 24;
}

// Sixteen bytes that are stored at once. The compression reads so many at a time, and would wait
// for smaller stores to reach the cache.
using Words = std::uint32_t __attribute__((vector_size(16)));
static_assert(std::endian::native == std::endian::little);

void put_nonce(std::array<std::uint8_t, 64>& block, Words first, std::uint32_t nonce) {
  first[3] = nonce;
  std::memcpy(block.data(), &first, sizeof first);
}

void put_state(std::array<std::uint8_t, 64>& block, const SHA_LONG* state) {
  const Words first = {swapped(state[0]), swapped(state[1]), swapped(state[2]), swapped(state[3])};
  const Words last = {swapped(state[4]), swapped(state[5]), swapped(state[6]), swapped(state[7])};
  std::memcpy(block.data(), &first, sizeof first);
  std::memcpy(&block[sizeof first], &last, sizeof last);
}

Words first_words(const std::array<std::uint8_t, 64>& block) {
  Words words;
  std::memcpy(&words, block.data(), sizeof words);
  return words;
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
  put_nonce(block, first_words(block), nonce);
  SHA256_CTX context;
  SHA256_Init(&context);
  const SHA256_CTX fresh = context;
  std::copy(midstate_.begin(), midstate_.end(), std::begin(context.h));
  SHA256_Transform(&context, block.data());

  block = {};
  put_state(block, context.h);
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

// What changes from nonce to nonce and nothing else: four bytes of the first block, the eight words
// between the compressions, and the state before each.
std::optional<std::uint32_t> HeaderHasher::first_candidate(std::uint32_t first,
                                                           std::uint64_t count,
                                                           std::uint64_t top) const {
  SHA256_CTX context;
  SHA256_Init(&context);
  std::array<std::uint32_t, 8> fresh;
  std::copy(std::begin(context.h), std::end(context.h), fresh.begin());
  std::array<std::uint8_t, 64> block = tail_;
  const Words head = first_words(block);
  std::array<std::uint8_t, 64> second{};
  second[32] = kPadding;
  put_length(second, 32);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto nonce = static_cast<std::uint32_t>(first + i);
    put_nonce(block, head, nonce);
    std::copy(midstate_.begin(), midstate_.end(), std::begin(context.h));
    SHA256_Transform(&context, block.data());
    put_state(second, context.h);
    std::copy(fresh.begin(), fresh.end(), std::begin(context.h));
    SHA256_Transform(&context, second.data());
    const std::uint64_t highest =
        std::uint64_t{swapped(context.h[7])} << 32 | swapped(context.h[6]);
    if (highest <= top) return nonce;
  }
  return std::nullopt;
}

}  // namespace quorate::crypto
