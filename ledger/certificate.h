#pragma once

// Votes and commit certificates: the transferable proof that a quorum ordered a batch.
//
// Lives here, below the engine that makes them, because receipts and the auditor check certificates
// with nothing but the genesis document.

#include <cstdint>
#include <vector>

#include "crypto/verified.h"
#include "ledger/genesis.h"
#include "ledger/types.h"

namespace quorate::ledger {

// The body that PRE-PREPARE, PREPARE and COMMIT sign, each under its own purpose.
struct Vote {
  Epoch epoch;
  View view;
  Sequence sequence;
  Digest batch;      // digest_of_batch
  Digest new_view;   // of the NEW-VIEW that opened the view; zero in view 0
  ReplicaId replica;  // who votes; in a pre-prepare the primary

  friend bool operator==(const Vote&, const Vote&) = default;
};

// The body that VIEW-CHANGE and NEW-VIEW sign, each under its own purpose: who moves to which view,
// and the digest of what it says there (pbft/view_change.h).
struct ViewVote {
  Epoch epoch;
  View view;
  Digest content;
  ReplicaId replica;

  friend bool operator==(const ViewVote&, const ViewVote&) = default;
};

struct Endorsement {
  ReplicaId replica;
  Signature signature;
};

// A quorum of COMMIT votes that agree on everything but the voter. Replica ids strictly ascending,
// so counting signatures is counting replicas.
struct CommitCertificate {
  Epoch epoch;
  View view;
  Sequence sequence;
  Digest batch;
  Digest new_view;
  std::vector<Endorsement> commits;
};

// Who may vote in an epoch, in id order.
struct ReplicaSet {
  Epoch epoch;
  std::vector<ReplicaInfo> replicas;
  // The boundary that the epoch before ended with, below all that this one votes for; 0 in epoch 0.
  Sequence start{};

  [[nodiscard]] std::size_t size() const { return replicas.size(); }
};
[[nodiscard]] ReplicaSet genesis_replicas(const Genesis& genesis);

// Thread-safe.
class CertificateVerifier : public crypto::Verifier {
 public:
  using Verifier::Verifier;

  // Errors (kCorrupt): "certificate-wrong-epoch", "certificate-unknown-replica",
  // "certificate-not-ascending", "certificate-too-few-votes", "certificate-bad-signature".
  [[nodiscard]] Status check(const CommitCertificate& certificate, const ReplicaSet& set) const;
};

}  // namespace quorate::ledger
