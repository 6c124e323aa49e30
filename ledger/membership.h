#pragma once

// Membership: which replicas may vote at which sequence, from genesis on.
//
// A membership operation that is executed at s takes effect after the boundary s + L: batch s + L
// is a checkpoint and the last one of its epoch, the batch after it is of the next epoch. One an
// epoch: the first that is executed. The state keeps, for good,
//
//   00 'm' <epoch u64 BE>   BCS(EpochStart), written when the change to that epoch was executed
//   00 'u' <public key>     BCS(Epoch), since when a key that was not in genesis is a replica's
//
// and 00 'e' is the epoch of the next batch. So whoever holds the genesis document and, for each
// epoch that ended, the checkpoint at its boundary with the proof of one leaf, knows every set
// (ledger/epoch_proof.h).

#include <cstddef>
#include <optional>
#include <vector>

#include "ledger/certificate.h"
#include "ledger/execution.h"
#include "ledger/genesis.h"
#include "ledger/membership_change.h"

namespace quorate::ledger {

struct EpochStart {
  Epoch epoch;                        // that begins; never 0
  Sequence executed;                  // of the batch with the change
  Sequence boundary;                  // the last of the epoch before
  std::vector<ReplicaInfo> replicas;  // the whole new set

  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

[[nodiscard]] Bytes epoch_start_key(Epoch epoch);
[[nodiscard]] Bytes used_key_key(const PublicKey& key);

// L: how far after its execution a change takes effect, and as far as the window goes.
[[nodiscard]] std::uint64_t watermark_window(const Parameters& parameters);

// All readers: errors of `state`, and "state-malformed" (kCorrupt) naming the leaf.
[[nodiscard]] Result<Epoch> read_epoch(const StateReader& state);  // of the next batch
[[nodiscard]] Result<std::optional<EpochStart>> read_epoch_start(const StateReader& state,
                                                                 Epoch epoch);
// nullopt: the epoch has not been decided on.
[[nodiscard]] Result<std::optional<ReplicaSet>> read_replicas(const StateReader& state,
                                                              const Genesis& genesis, Epoch epoch);

// What a checkpoint says of epochs: that of its own batch, and the boundary ahead, which the batch
// of the boundary itself still names.
struct EpochStanding {
  Epoch epoch;
  std::optional<Sequence> boundary;

  friend bool operator==(const EpochStanding&, const EpochStanding&) = default;
};
// `state` is that after the batch `head` (0: genesis).
[[nodiscard]] Result<EpochStanding> read_standing(const StateReader& state, Sequence head);

// The sets of all epochs that are known, from genesis on.
class Membership {
 public:
  // Epoch 0 alone.
  explicit Membership(const Genesis& genesis);
  // What a state knows; the one that is pending stands last.
  [[nodiscard]] static Result<Membership> read(const StateReader& state, const Genesis& genesis);

  // The epoch after the last one. Precondition (checked): it is, its boundary lies after its
  // execution, and that after the boundary before; none is pending.
  void add(EpochStart start, bool is_pending = false);

  [[nodiscard]] bool knows(Epoch epoch) const { return epoch.value < sets_.size(); }
  // Precondition of both (checked): it is known.
  [[nodiscard]] const ReplicaSet& set_of(Epoch epoch) const;
  [[nodiscard]] const EpochStart& start_of(Epoch epoch) const;  // epoch 1 or later
  // The last one of those in effect, so that of the next batch.
  [[nodiscard]] const ReplicaSet& current() const;
  [[nodiscard]] const EpochStart* pending() const;  // nullptr: none
  // Every epoch from 1 on, also a pending one.
  [[nodiscard]] const std::vector<EpochStart>& starts() const { return starts_; }

  // Of the record at this sequence.
  [[nodiscard]] Epoch epoch_at(Sequence sequence) const { return standing_at(sequence).epoch; }
  // What a checkpoint at this sequence says.
  [[nodiscard]] EpochStanding standing_at(Sequence sequence) const;

 private:
  std::vector<EpochStart> starts_;  // [epoch - 1]
  std::vector<ReplicaSet> sets_;    // [epoch]
  bool is_pending_ = false;         // the last one
};

// Whether `start` can follow: its number, its place after the boundary before it, its distance, and
// as many replicas as genesis promises.
[[nodiscard]] bool may_follow(const EpochStart& start, const Membership& before,
                              const Genesis& genesis);

struct JudgedChange {
  Outcome outcome = Outcome::kApplied;
  std::optional<EpochStart> start;  // if it is applied
};

// Executes the operation in a batch at `sequence`, whose state so far is `state`; nothing is
// written. Refused are, in this order: another epoch, a change while one is pending, a replica that
// is unknown, a name or key that was taken, a set that is too small or too large, a missing
// consent, too few good signatures of the current set. Errors: those of `state`, and
// "state-malformed".
[[nodiscard]] Result<JudgedChange> judge_change(const ChangeMembership& operation,
                                                const Digest& chain_id, const Genesis& genesis,
                                                const StateReader& state, Sequence sequence);

}  // namespace quorate::ledger
