#include "crypto/salted_hash.h"

#include <sodium.h>

#include <cstring>

namespace quorate::crypto {

SaltedHash::SaltedHash() {
  static_assert(crypto_shorthash_KEYBYTES == sizeof key_);
  randombytes_buf(key_.data(), key_.size());
}

std::size_t SaltedHash::operator()(ByteView bytes) const {
  std::array<std::uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), bytes.data(), bytes.size(), key_.data());
  std::size_t out = 0;
  static_assert(sizeof out == sizeof hash);
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

SaltedHash::Wide SaltedHash::wide(ByteView bytes) const {
  Wide hash{};
  static_assert(crypto_shorthash_siphashx24_BYTES == sizeof hash);
  std::array<std::uint8_t, sizeof hash> out{};
  crypto_shorthash_siphashx24(out.data(), bytes.data(), bytes.size(), key_.data());
  std::memcpy(hash.data(), out.data(), sizeof hash);
  return hash;
}

}  // namespace quorate::crypto
