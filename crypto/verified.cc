#include "crypto/verified.h"

#include <sodium.h>

#include <algorithm>
#include <bit>

namespace quorate::crypto {

SignatureCache::SignatureCache(std::size_t entries_max, VerifyFunction& rule)
    : rule_(rule), table_(std::bit_ceil(std::max<std::size_t>(entries_max, 1))) {
  randombytes_buf(salt_.bytes.data(), salt_.bytes.size());
}

// Everything but the message has a fixed length, so the triple has one reading.
Digest SignatureCache::name(const PublicKey& key, ByteView signed_bytes,
                            const Signature& signature) const {
  return Sha256()
      .update(salt_.bytes)
      .update(key.bytes)
      .update(signature.bytes)
      .update(signed_bytes)
      .finish();
}

void SignatureCache::remember(const Digest& name) {
  const std::lock_guard lock(mutex_);
  table_[std::hash<Digest>{}(name) & (table_.size() - 1)] = name;
}

bool SignatureCache::verify(const PublicKey& key, ByteView signed_bytes,
                            const Signature& signature) {
  const Digest triple = name(key, signed_bytes, signature);
  {
    const std::lock_guard lock(mutex_);
    if (table_[std::hash<Digest>{}(triple) & (table_.size() - 1)] == triple) {
      ++counters_.hits;
      return true;
    }
    ++counters_.misses;
  }
  if (!rule_(key, signed_bytes, signature)) return false;
  remember(triple);
  return true;
}

Signature RememberingSigner::sign(ByteView message) const {
  const Signature signature = signer_.sign(message);
  cache_.remember(cache_.name(public_key(), message, signature));
  return signature;
}

SignatureCache::Counters SignatureCache::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace quorate::crypto
