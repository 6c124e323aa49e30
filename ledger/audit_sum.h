#pragma once

// A digest of a set of keys and values that does not depend on their order, so that an index can be
// held against the blocks in two streams and without a list of either.
//
// The sum of keyed digests, in four lanes of 64 bits (a multiset hash). The key is this run's own
// secret: whoever wrote the ledger cannot have aimed at it, so two sums that are equal are of equal
// sets but for a chance of 2^-64.

#include <array>
#include <cstring>

#include "crypto/ed25519.h"
#include "crypto/sha256.h"

namespace quorate::ledger {

struct AuditSalt {
  crypto::Digest bytes = crypto::sha256(crypto::SecretKey::generate().seed());
};

class AuditSum {
 public:
  void add(const AuditSalt& salt, ByteView key, ByteView value) {
    const std::array<std::uint8_t, 2> length = {static_cast<std::uint8_t>(key.size()),
                                                static_cast<std::uint8_t>(key.size() >> 8)};
    const crypto::Digest digest = crypto::Sha256()
                                      .update(salt.bytes.bytes)
                                      .update(length)
                                      .update(key)
                                      .update(value)
                                      .finish();
    std::array<std::uint64_t, 4> lanes{};
    std::memcpy(lanes.data(), digest.bytes.data(), sizeof lanes);
    for (std::size_t i = 0; i < lanes.size(); ++i) lanes_[i] += lanes[i];
  }

  friend bool operator==(const AuditSum&, const AuditSum&) = default;

 private:
  std::array<std::uint64_t, 4> lanes_{};
};

}  // namespace quorate::ledger
