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
#include <optional>
#include <variant>
#include <vector>

#include "ledger/batch.h"
#include "ledger/certificate.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/store.h"
#include "ledger/types.h"

namespace quorate::pbft {

using ledger::Batch;
using ledger::CertifiedBatch;
using ledger::CheckpointNote;
using ledger::CheckpointVote;
using ledger::CommitCertificate;
using ledger::Digest;
using ledger::Endorsement;
using ledger::Epoch;
using ledger::ReplicaId;
using ledger::ReplicaSet;
using ledger::Sequence;
using ledger::Signature;
using ledger::StableCheckpoint;
using ledger::TimeMs;
using ledger::TransactionPtr;
using ledger::TxId;
using ledger::View;
using ledger::ViewVote;
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

// VIEW-CHANGE (OSDI '99 §4.4): what its sender brings into a view. Signed as a ViewVote over the
// digest of the body, so that two of them for one view convict in a few bytes.
struct ViewChangeBody {
  Epoch epoch;
  View view;  // that it moves to
  ReplicaId replica;
  std::optional<StableCheckpoint> stable;     // C; nullopt: nothing is stable yet
  std::vector<PreparedCertificate> prepared;  // P: by sequence, above `stable`, of lower views
};
struct ViewChange {
  ViewChangeBody body;
  Signature signature;
};

// NEW-VIEW names the VIEW-CHANGEs of a quorum by digest; each can be asked for. What is proposed
// again follows from them (pbft/new_view.h), so it is not said. Its digest stands in every vote of
// the view.
struct ViewChangeName {
  ReplicaId replica;
  Digest content;

  friend bool operator==(const ViewChangeName&, const ViewChangeName&) = default;
};
struct NewViewBody {
  Epoch epoch;
  View view;
  ReplicaId replica;                         // the primary of the view
  std::vector<ViewChangeName> view_changes;  // of a quorum, ascending by replica
};
struct NewView {
  NewViewBody body;
  Signature signature;
};

// A NEW-VIEW with everything that it names: what a view began with, checkable by anyone.
struct Transcript {
  NewView new_view;
  std::vector<ViewChange> view_changes;  // in the order in which they are named
};

[[nodiscard]] ViewVote view_vote(const ViewChangeBody& body);
[[nodiscard]] ViewVote view_vote(const NewViewBody& body);

// Bits of StatusReport::slots.
inline constexpr std::uint8_t kSlotHasProposal = 1;
inline constexpr std::uint8_t kSlotPrepared = 2;
inline constexpr std::uint8_t kSlotCommitted = 4;

// What a replica has, so that others resend what it lacks (Castro & Liskov, TOCS '02 §5.2).
struct StatusReport {
  Epoch epoch;
  View view;                        // that it is in, or moves to
  bool in_view = true;              // false: it waits for the NEW-VIEW
  Sequence executed;                // last executed sequence
  Sequence stable;                  // its low watermark
  std::vector<std::uint8_t> slots;  // bits for executed + 1, executed + 2, ...
  // While it waits: whose VIEW-CHANGE for `view` it holds, a bit a replica, lowest bit first.
  std::vector<std::uint8_t> view_changes;
  // It may have voted up to here and does not remember: it signs nothing below a stable checkpoint
  // at or above, and asks the primary to fill up to there. 0: nothing of that kind.
  Sequence fill_to;
  bool wants_answer = false;        // the sender asks for our own report
};

// Asks a peer for what it may hold; each answer verifies by itself, whoever gives it.
struct BatchName {
  Sequence sequence;
  Digest batch;

  friend auto operator<=>(const BatchName&, const BatchName&) = default;
};
struct Ask {
  std::vector<Digest> view_changes;  // contents
  std::vector<Digest> new_views;
  std::vector<BatchName> batches;
};
// At most this many of each in one Ask.
inline constexpr std::size_t kAskMax = 1024;

struct BatchAnswer {
  Batch batch;
};

using Message = std::variant<PrePrepare, Prepare, Commit, StatusReport, CheckpointVote,
                             StableCheckpoint, ViewChange, NewView, Ask, BatchAnswer>;

// The replica whose turn it is (OSDI '99 §4).
[[nodiscard]] constexpr ReplicaId primary_of(View view, std::size_t replicas) {
  return {static_cast<std::uint16_t>(view.value % replicas)};
}

// L: how many sequences beyond the low watermark are open (OSDI '99 §4.2).
[[nodiscard]] constexpr std::uint64_t window_of(const ledger::Parameters& parameters) {
  return 4ull * parameters.window_batches;
}

}  // namespace quorate::pbft
