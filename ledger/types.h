#pragma once

// The vocabulary that every room above shares: strong integers and identifiers.

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "crypto/strong.h"

namespace quorate::ledger {

using crypto::Digest;
using crypto::PublicKey;
using crypto::Signature;

using Epoch = Strong<struct EpochTag>;        // counts membership changes; genesis is epoch 0
using View = Strong<struct ViewTag>;          // within an epoch; primary = view mod n
using Sequence = Strong<struct SequenceTag>;  // the first batch is 1; 0 is "nothing yet"
using Height = Sequence;                      // height = sequence, by design
using ReplicaId = Strong<struct ReplicaIdTag, std::uint16_t>;  // index into the epoch's replicas
using TimeMs = Strong<struct TimeMsTag>;      // milliseconds since 1970-01-01 UTC

// The digest of a transaction's unsigned body: a re-signed copy is the same transaction.
struct TxId {
  Digest digest;

  friend auto operator<=>(const TxId&, const TxId&) = default;
  friend bool operator==(const TxId&, const TxId&) = default;
  [[nodiscard]] std::string hex() const { return digest.hex(); }
  [[nodiscard]] std::string short_hex() const { return digest.short_hex(); }
};

}  // namespace quorate::ledger

template <>
struct std::hash<quorate::ledger::TxId> {
  std::size_t operator()(const quorate::ledger::TxId& id) const noexcept {
    return std::hash<quorate::crypto::Digest>{}(id.digest);
  }
};
