#pragma once

// The verifier: the only maker of Verified<message>, and the first judge of what peers send.
//
// One verifier serves one epoch; other epochs have votes and certificates of their own, by others.
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
  kNoNewViewDigest,      // a vote of a later view that does not name the NEW-VIEW which opened it
  kBadSignature,
  kBadPrimarySignature,  // in a prepare: the pre-prepare that it claims to answer
  kBadCertificate,
  kBadTransaction,
  kBadCheckpoint,
  kMalformedViewChange,  // view 0; P not ascending, outside the window, of no lower view
  kMalformedNewView,     // view 0; not the names of exactly a quorum, ascending
  kBeforeEpoch,          // of a sequence that an earlier epoch settled
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

  [[nodiscard]] Checked<CheckpointVote> check(CheckpointVote message) const;
  [[nodiscard]] Checked<StableCheckpoint> check(StableCheckpoint message) const;
  // With all its certificates, so a bad one in a VIEW-CHANGE spoils that one message and no other.
  [[nodiscard]] Checked<ViewChange> check(ViewChange message) const;
  // The signature and the form; the VIEW-CHANGEs that it names are checked when they arrive.
  [[nodiscard]] Checked<NewView> check(NewView message) const;

  [[nodiscard]] const ReplicaSet& replicas() const { return replicas_; }

 private:
  [[nodiscard]] tl::expected<void, Reject> check_voter(const Vote& vote) const;
  [[nodiscard]] bool signed_by(ReplicaId replica, crypto::Purpose purpose, const Vote& vote,
                               const Signature& signature) const;

  [[nodiscard]] bool signed_by(ReplicaId replica, crypto::Purpose purpose, const ViewVote& vote,
                               const Signature& signature) const;
  [[nodiscard]] tl::expected<void, Reject> check_prepared(
      const PreparedCertificate& certificate) const;

  ReplicaSet replicas_;
  ledger::Parameters parameters_;
  ledger::CertificateVerifier certificates_;
  ledger::CheckpointVerifier checkpoints_;
};

}  // namespace quorate::pbft
