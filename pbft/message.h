#pragma once

// Protocol messages, as they are signed and sent.
//
// PRE-PREPARE, PREPARE and COMMIT are one signed Vote (ledger/certificate.h), each under a purpose
// of its own, so a signature of one phase is worthless in another (OSDI '99 §4.2). Signatures are
// the authority, not the connection: any replica may relay another's vote.
//
// StatusReport is a hint, not a promise: it travels on the authenticated channel without a
// signature, nobody stores it, and believing a false one costs a few retransmissions.

#include <cstdint>
#include <variant>
#include <vector>

#include "ledger/batch.h"
#include "ledger/certificate.h"
#include "ledger/store.h"
#include "ledger/types.h"

namespace quorate::pbft {

using ledger::Batch;
using ledger::CertifiedBatch;
using ledger::CommitCertificate;
using ledger::Digest;
using ledger::Endorsement;
using ledger::Epoch;
using ledger::ReplicaId;
using ledger::ReplicaSet;
using ledger::Sequence;
using ledger::Signature;
using ledger::TimeMs;
using ledger::TransactionPtr;
using ledger::TxId;
using ledger::View;
using ledger::Vote;

// The primary's proposal. The batch stands outside the signature, which covers its digest; bodies
// travel apart.
struct PrePrepare {
  Vote vote;  // replica = the primary of the view
  Signature signature;
  Batch batch;
};

// A backup's vote, with the primary's signature over the pre-prepare it answers: two prepares of
// one (view, sequence) with different digests prove the primary's equivocation to anyone.
struct Prepare {
  Vote vote;
  Signature signature;
  Signature pre_prepare;  // over the same vote with replica = primary
};

struct Commit {
  Vote vote;
  Signature signature;
};

// A pre-prepare and prepares of quorum - 1 distinct backups that agree on (epoch, view, sequence,
// batch, new_view). OSDI '99 §4.2: no other batch can gather one for the same view and sequence.
struct PreparedCertificate {
  Vote pre_prepare;
  Signature signature;
  std::vector<Endorsement> prepares;  // ascending by replica, without the primary
};

// Bits of StatusReport::slots.
inline constexpr std::uint8_t kSlotHasProposal = 1;
inline constexpr std::uint8_t kSlotPrepared = 2;
inline constexpr std::uint8_t kSlotCommitted = 4;

// What a replica has, so that others resend what it lacks (Castro & Liskov, TOCS '02 §5.2).
struct StatusReport {
  Epoch epoch;
  View view;
  Sequence executed;                // last executed sequence
  std::vector<std::uint8_t> slots;  // bits for executed + 1, executed + 2, ...
  bool wants_answer = false;        // the sender asks for our own report
};

using Message = std::variant<PrePrepare, Prepare, Commit, StatusReport>;

// The replica whose turn it is (OSDI '99 §4).
[[nodiscard]] constexpr ReplicaId primary_of(View view, std::size_t replicas) {
  return {static_cast<std::uint16_t>(view.value % replicas)};
}

}  // namespace quorate::pbft
