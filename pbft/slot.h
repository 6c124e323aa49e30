#pragma once

// One sequence number in the message log: the proposal and the votes for it.
//
// A slot collects votes of one (epoch, view); votes that come before the proposal wait here. One
// message a replica and phase is kept, the first; a second, different one is reported as a
// contradiction and not counted. Counting is over distinct replicas that agree with the proposal in
// every field. Another view empties what belongs to the view; what was vouched for stays until a
// stable checkpoint covers the sequence.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "ledger/evidence.h"
#include "pbft/message.h"

namespace quorate::pbft {

using Contradiction = ledger::VoteEvidence;
using ledger::VotePhase;

// A batch of which the content is at hand, or coming in.
struct Content {
  Digest digest;
  Batch batch;
  std::vector<TransactionPtr> bodies;   // nullptr where missing
  std::map<TxId, std::size_t> missing;  // ids without body, and their places in the batch

  [[nodiscard]] bool is_complete() const { return missing.empty(); }
};

struct Slot {
  std::uint64_t opened_ms = 0;  // when something came for it (monotonic); 0: before this start

  // Of the current view.
  std::optional<PrePrepare> proposal;
  std::optional<Content> content;  // of the proposal; at a new primary, of what it must repropose
  std::optional<Prepare> own_prepare;  // sent or about to be
  std::optional<Commit> own_commit;
  std::map<ReplicaId, Prepare> prepares;  // of backups, own included
  std::map<ReplicaId, Commit> commits;    // own included
  bool announced_prepared = false;
  bool vote_refused = false;              // our voter said no; asking again would not help
  bool names_requests = false;            // the proposal's ids count as named
  std::uint64_t asked_bodies_ms = 0;      // when bodies were last asked for; 0 = not
  std::uint32_t body_attempts = 0;
  std::set<std::pair<ReplicaId, VotePhase>> convicted;  // evidence that was given

  // Kept from view to view.
  std::optional<PreparedCertificate> prepared;   // of the highest view: our P entry
  std::optional<CommitCertificate> certificate;  // of any view
  std::vector<Content> kept;  // complete; what we vouched for or handed out, newest last

  [[nodiscard]] bool has_all_bodies() const {
    return proposal && content && content->is_complete();
  }
  // Nothing came for it in this view, and no quorum committed it in an earlier one.
  [[nodiscard]] bool is_blank() const {
    return !proposal && !content && !certificate && prepares.empty() && commits.empty();
  }
  // A quorum committed another batch than the one accepted here: an equivocating primary's work.
  [[nodiscard]] bool proposal_lost() const {
    return proposal && certificate && proposal->vote.batch != certificate->batch;
  }
  // The content of a digest, if it is complete; nullptr otherwise.
  [[nodiscard]] const Content* find(const Digest& batch) const;
};

// Remembers a complete content beyond this view. At most kKeptMax; the oldest goes first.
void keep(Slot& slot, const Content& content);
// Empties what belongs to the view.
void leave_view(Slot& slot);

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
