#include "crypto/verified.h"

#include <sodium.h>

#include <algorithm>
#include <bit>

namespace quorate::crypto {

SignatureCache::SignatureCache(std::size_t entries_max)
    : table_(std::bit_ceil(std::max<std::size_t>(entries_max, 1))) {
  randombytes_buf(salt_.bytes.data(), salt_.bytes.size());
}

bool SignatureCache::verify(const PublicKey& key, ByteView signed_bytes,
                            const Signature& signature) {
  // Everything but the message has a fixed length, so the triple has one reading.
  const Digest name = Sha256()
                          .update(salt_.bytes)
                          .update(key.bytes)
                          .update(signature.bytes)
                          .update(signed_bytes)
                          .finish();
  const std::size_t slot = std::hash<Digest>{}(name) & (table_.size() - 1);
  {
    const std::lock_guard lock(mutex_);
    if (table_[slot] == name) {
      ++counters_.hits;
      return true;
    }
    ++counters_.misses;
  }
  if (!crypto::verify(key, signed_bytes, signature)) return false;
  const std::lock_guard lock(mutex_);
  table_[slot] = name;
  return true;
}

SignatureCache::Counters SignatureCache::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace quorate::crypto
