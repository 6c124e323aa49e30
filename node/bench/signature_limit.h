#pragma once

// How many transactions a second one machine can have checked by all of its nodes: an upper bound
// that no implementation passes as long as each node checks each signature once.

#include <cstdint>

#include "crypto/ed25519.h"

namespace quorate::node {

struct SignatureLimit {
  unsigned threads = 0;
  std::uint64_t verify_ns = 0;  // of one signature, while all cores verify

  // threads / (nodes * t). 0 if nothing was measured.
  [[nodiscard]] double transactions_per_s(std::size_t nodes) const;
};

// Verifies a good signature over and over on all cores for so long. Counts CPU time, so that what
// else runs on the machine does not count. Precondition: the signature is good (checked).
[[nodiscard]] SignatureLimit measure_signature_limit(const crypto::PublicKey& key, ByteView message,
                                                     const crypto::Signature& signature,
                                                     std::uint64_t duration_ms);

}  // namespace quorate::node
