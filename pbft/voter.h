#pragma once

// The voter: the one holder of the vote key, and the one that says no.
//
// Everything this replica signs for the protocol passes through here, and the voter remembers it.
// It is rebuilt from the vote store before it may sign (`remember_*`), so a restart forgets
// nothing: amnesia is equivocation. A refusal is a value with both sides of the contradiction; it
// never throws.
//
// Not thread-safe: it belongs to the replica core.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "crypto/signing.h"
#include "pbft/message.h"

namespace quorate::pbft {

// May this replica sign?
enum class Standing : std::uint8_t {
  kVoter,
  // The vote store is older than its guard: nothing until a stable checkpoint reaches the ceiling.
  kRecovering,
  // The guard is missing, or its own state contradicts a certified one: nothing, until an operator
  // has acted.
  kLearner,
};

// No vote above it was ever sent (ledger/guard.h).
struct Ceiling {
  Epoch epoch;
  View view;
  Sequence sequence;
};

enum class Phase : std::uint8_t {
  kPrePrepare, kPrepare, kCommit, kViewChange, kNewView, kCheckpoint
};
[[nodiscard]] std::string_view phase_text(Phase phase);

enum class Refusal : std::uint8_t {
  kSecondDigest,        // this (view, sequence, phase) already has a vote for another batch
  kNotPrepared,         // a commit needs its prepared certificate
  kNotOurTurn,          // a pre-prepare outside our own view, a prepare inside it, another epoch
  kBelowLowWatermark,   // settled; votes there were dropped and are not remembered any more
  kLearner,             // nothing may be signed
  kRecovering,          // nothing may be signed yet
  kBelowViewChange,     // we said in a VIEW-CHANGE that we had left that view
  kSecondViewChange,    // another one for this view, or for a lower one than the last
  kOmitsPrepared,       // a VIEW-CHANGE must carry what was prepared above its checkpoint
  kSecondNewView,
  kSecondCheckpoint,    // another note at this sequence
  kNotAMember,          // the epoch has no such replica: it only watches
  kAboveBoundary,       // the epoch ends below
  kEpochEnded,          // what ends the epoch is certain, so nothing is left to vote for in it
};
[[nodiscard]] std::string_view refusal_code(Refusal refusal);

// Both sides. Of a VIEW-CHANGE or NEW-VIEW, `batch` is the digest of its content and the sequence
// 0; of a checkpoint, `batch` is the root of the log.
struct VoteRefused {
  Refusal refusal;
  Phase phase;
  Vote asked;
  std::optional<Vote> cast;  // the earlier vote that stands against it, if any
};

template <class T>
using Signed = tl::expected<T, VoteRefused>;

class Voter {
 public:
  // One voter serves one epoch. `signer` outlives this. `ceiling` matters to one that recovers; a
  // `self` beyond the replicas may sign nothing.
  Voter(const crypto::Signer& signer, const Digest& chain_id, ReplicaId self, ReplicaSet replicas,
        Standing standing, const Ceiling& ceiling = {});

  // Asking again for a vote that was cast returns the same bytes (Ed25519 is deterministic).
  [[nodiscard]] Signed<Signature> pre_prepare(const Vote& vote);
  [[nodiscard]] Signed<Signature> prepare(const Vote& vote);
  // The certificate must be for exactly this vote; its signatures were verified when they arrived.
  [[nodiscard]] Signed<Signature> commit(const Vote& vote, const PreparedCertificate& certificate);
  [[nodiscard]] Signed<Signature> view_change(const ViewChangeBody& body);
  [[nodiscard]] Signed<Signature> new_view(const NewViewBody& body);
  [[nodiscard]] Signed<Signature> checkpoint(const CheckpointNote& note,
                                             std::uint64_t time_seconds);

  // From the vote store, before the first vote.
  void remember_pre_prepare(const Vote& vote);
  void remember_prepare(const Vote& vote);
  void remember_commit(const Vote& vote);
  void remember_view_change(const ViewChangeBody& body);
  void remember_new_view(const NewViewBody& body);
  void remember_checkpoint(const CheckpointVote& vote);
  // Of a recovery in an earlier life.
  void remember_floor(View view);

  // The epoch ends at `boundary`, as a batch that was executed or certified says: no vote above.
  void set_boundary(Sequence boundary) { boundary_ = boundary; }
  // Its end is certain, whatever is known here: nothing is signed any more. (A stable checkpoint of
  // a later epoch says so to one that lost its ledger.)
  void end_epoch() { ended_ = true; }

  // A checkpoint at `stable` is stable: drops the memory at and below it and refuses votes there
  // from now on. Returns true if this ends the recovery: then the host must let the guard adopt the
  // store before anything that is signed from here on leaves.
  [[nodiscard]] bool set_stable(Sequence stable);
  // For good: our own state contradicts what a quorum certified.
  void retire() { standing_ = Standing::kLearner; }

  [[nodiscard]] Standing standing() const { return standing_; }
  [[nodiscard]] bool may_vote() const { return !standing_refusal(); }
  // Whether votes in this view can be asked for at all.
  [[nodiscard]] bool may_vote_in(View view) const { return may_vote() && view >= view_floor_; }
  // The lowest view from `from` on for which a VIEW-CHANGE can be asked for; nullopt: none at all.
  // After a recovery it may lie far above: what this replica said up to its floor is forgotten.
  [[nodiscard]] std::optional<View> view_to_move_to(View from) const {
    if (!may_vote()) return std::nullopt;
    return std::max(from, next(moved_to_));
  }
  [[nodiscard]] const Ceiling& ceiling() const { return ceiling_; }
  [[nodiscard]] ReplicaId self() const { return self_; }

 private:
  using Key = std::tuple<Sequence, Epoch, View, Phase>;

  [[nodiscard]] std::optional<Refusal> standing_refusal() const;
  [[nodiscard]] std::optional<VoteRefused> refusal_for(const Vote& vote, Phase phase) const;
  [[nodiscard]] std::optional<VoteRefused> omission(const ViewChangeBody& body,
                                                    const Vote& asked) const;
  [[nodiscard]] Signed<Signature> cast(const Vote& vote, Phase phase, crypto::Purpose purpose);

  const crypto::Signer& signer_;
  Digest chain_id_;
  ReplicaId self_;
  ReplicaSet replicas_;
  Standing standing_;
  Ceiling ceiling_;
  Sequence low_;
  std::optional<Sequence> boundary_;
  bool ended_ = false;
  View view_floor_;  // of the highest VIEW-CHANGE: no vote below
  View moved_to_;    // no VIEW-CHANGE at or below but the same again
  std::map<Key, Vote> cast_;
  std::optional<ViewVote> view_change_;  // the last
  std::map<View, ViewVote> new_views_;   // from view_floor_ on
  std::map<Sequence, CheckpointNote> checkpoints_;  // above low_
};

}  // namespace quorate::pbft
