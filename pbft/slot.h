#pragma once

// One sequence number in the message log: the proposal and the votes for it.
//
// A slot collects votes of one (epoch, view); votes that come before the proposal wait here. One
// message a replica and phase is kept, the first; a second, different one is reported as a
// contradiction and not counted. Counting is over distinct replicas that agree with the proposal in
// every field.

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "pbft/message.h"

namespace quorate::pbft {

// Two signed bodies by one replica for one (epoch, view, sequence, phase) that differ.
struct Contradiction {
  crypto::Purpose purpose = crypto::Purpose::kPrePrepare;
  Vote first;
  Signature first_signature;
  Vote second;
  Signature second_signature;
};

struct Slot {
  std::optional<PrePrepare> proposal;
  std::vector<TransactionPtr> bodies;   // of the proposal; nullptr where missing
  std::map<TxId, std::size_t> missing;  // ids without body, and their places in the batch
  std::optional<Prepare> own_prepare;   // sent or about to be
  std::optional<Commit> own_commit;
  std::map<ReplicaId, Prepare> prepares;  // of backups, own included
  std::map<ReplicaId, Commit> commits;    // own included
  std::optional<CommitCertificate> certificate;
  bool announced_prepared = false;
  std::uint64_t asked_bodies_ms = 0;      // when bodies were last asked for; 0 = not
  std::uint32_t body_attempts = 0;
  bool vote_refused = false;              // our voter said no; asking again would not help
  std::set<std::pair<ReplicaId, crypto::Purpose>> convicted;  // evidence that was given

  [[nodiscard]] bool has_all_bodies() const { return proposal && missing.empty(); }
  // A quorum committed another batch than the one accepted here: an equivocating primary's work.
  [[nodiscard]] bool proposal_lost() const {
    return proposal && certificate && proposal->vote.batch != certificate->batch;
  }
};

// Each returns the contradiction if this vote differs from one that the slot holds by the same
// replica in the same phase; the slot is then unchanged.
[[nodiscard]] std::optional<Contradiction> add_prepare(Slot& slot, const Prepare& prepare);
[[nodiscard]] std::optional<Contradiction> add_commit(Slot& slot, const Commit& commit);

// The pre-prepare's signature is also learnt from prepares: a proposal, or a prepare, and a prepare
// that answers another proposal together convict the primary.
[[nodiscard]] std::optional<Contradiction> contradicting_proposals(const Slot& slot,
                                                                   ReplicaId primary);
// The same of one more prepare, which need not be in the slot.
[[nodiscard]] std::optional<Contradiction> contradicting_proposal(const Slot& slot,
                                                                  ReplicaId primary,
                                                                  const Prepare& prepare);

// Prepares of quorum - 1 distinct backups that match the proposal (OSDI '99 §4.2 "prepared"), or
// nullopt.
[[nodiscard]] std::optional<PreparedCertificate> prepared_certificate(const Slot& slot,
                                                                      std::size_t replicas);
// Commits of a quorum that agree, whatever the proposal here says (OSDI '99 §4.2 "committed"), or
// nullopt. At most one digest can reach it.
[[nodiscard]] std::optional<CommitCertificate> commit_certificate(const Slot& slot,
                                                                  std::size_t replicas);

}  // namespace quorate::pbft
