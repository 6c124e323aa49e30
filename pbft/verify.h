#pragma once

// The verifier: the only maker of Verified<message>, and the first judge of what peers send.
//
// It checks what is true or false for ever: the claimed replica exists in the epoch, the signatures
// verify, the role fits (only the primary pre-prepares, and never prepares), the batch fits its
// header and digest. Whether a message is timely is the replica's business. Thread-safe, so a pool
// may run it.

#include <cstdint>
#include <string_view>

#include "crypto/verified.h"
#include "pbft/message.h"

namespace quorate::pbft {

// A peer's fault, never an exception and never fatal.
enum class Reject : std::uint8_t {
  kUnknownReplica,
  kWrongEpoch,
  kNotThePrimary,        // a pre-prepare by another than the view's primary
  kPrepareFromPrimary,   // its pre-prepare is its prepare and must not count twice
  kMalformedBatch,       // count, root, repeated id, unknown flags, size
  kDigestMismatch,       // the vote names another batch than it carries
  kSequenceZero,
  kNewViewDigestInViewZero,
  kBadSignature,
  kBadPrimarySignature,  // in a prepare: the pre-prepare that it claims to answer
  kBadCertificate,
  kBadTransaction,
};
[[nodiscard]] std::string_view reject_code(Reject reject);

template <class T>
using Checked = tl::expected<crypto::Verified<T>, Reject>;

class MessageVerifier : public crypto::Verifier {
 public:
  MessageVerifier(const Digest& chain_id, crypto::SignatureCache* cache, ReplicaSet replicas,
                  ledger::Parameters parameters);

  [[nodiscard]] Checked<PrePrepare> check(PrePrepare message) const;
  [[nodiscard]] Checked<Prepare> check(Prepare message) const;
  [[nodiscard]] Checked<Commit> check(Commit message) const;
  // A block from a peer: its certificate, and that batch and bodies belong to it.
  [[nodiscard]] Checked<CertifiedBatch> check(CertifiedBatch block) const;

  [[nodiscard]] const ReplicaSet& replicas() const { return replicas_; }

 private:
  [[nodiscard]] tl::expected<void, Reject> check_voter(const Vote& vote) const;
  [[nodiscard]] bool signed_by(ReplicaId replica, crypto::Purpose purpose, const Vote& vote,
                               const Signature& signature) const;

  ReplicaSet replicas_;
  ledger::Parameters parameters_;
  ledger::CertificateVerifier certificates_;
};

}  // namespace quorate::pbft
