#pragma once

// A digest of a set of keys and values that does not depend on their order, so that an index can be
// held against the blocks in two streams and without a list of either.
//
// The sum of keyed hashes of 128 bits, in two lanes (a multiset hash). The key is this run's own
// secret, drawn after the ledger was written: whoever wrote it cannot have aimed at it, so two sums
// that are equal are of equal sets but for a chance of 2^-64.

#include <array>

#include "crypto/salted_hash.h"

namespace quorate::ledger {

class AuditSum {
 public:
  using Term = crypto::SaltedHash::Wide;
  // What one member adds.
  [[nodiscard]] static Term term(const crypto::SaltedHash& salt, ByteView key, ByteView value) {
    thread_local Bytes both;  // one allocation for all
    both.assign({static_cast<std::uint8_t>(key.size()),
                 static_cast<std::uint8_t>(key.size() >> 8)});
    both.insert(both.end(), key.begin(), key.end());
    both.insert(both.end(), value.begin(), value.end());
    return salt.wide(both);
  }

  void add(const crypto::SaltedHash& salt, ByteView key, ByteView value) {
    const Term added = term(salt, key, value);
    for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i] += added[i];
  }

  friend bool operator==(const AuditSum&, const AuditSum&) = default;

 private:
  Term lanes_{};
};

}  // namespace quorate::ledger
