// The normal case: pre-prepare, prepare, commit (OSDI '99 §4.2), with bodies apart from ordering
// and agreed time.

#include <algorithm>
#include <utility>

#include "crypto/check.h"
#include "ledger/quorum.h"
#include "pbft/replica.h"

namespace quorate::pbft {

bool Replica::propose(Output& out) {
  if (!is_primary() || voter_.is_learner()) return false;
  last_proposed_ = std::max(last_proposed_, committed_);
  // Batching adapts: at once while fewer than W batches are in flight, else the batch grows.
  if (last_proposed_ >= high_watermark() ||
      last_proposed_.value - committed_.value >= config_.parameters.window_batches) {
    return false;
  }
  const std::vector<TransactionPtr> bodies = requests_.oldest(
      config_.parameters.batch_transactions_max, config_.parameters.batch_bytes_max);
  if (bodies.empty()) return false;
  std::vector<TxId> ids;
  ids.reserve(bodies.size());
  for (const TransactionPtr& body : bodies) ids.push_back(body->id);
  const Sequence sequence = next(last_proposed_);
  PrePrepare message;
  message.batch = ledger::make_batch(sequence, now_.wall, 0, std::move(ids));
  message.vote = {epoch_,    view_,       sequence, ledger::digest_of_batch(message.batch.header),
                  new_view_, config_.self};
  Signed<Signature> signature = voter_.pre_prepare(message.vote);
  if (!signature) {
    refuse(std::move(signature.error()), out);
    return false;
  }
  message.signature = *signature;
  last_proposed_ = sequence;

  Slot& slot = open_slot(sequence);
  for (const TransactionPtr& body : bodies) out.persist.push_back(BodyRecord{body});
  out.persist.push_back(ProposalRecord{message, std::nullopt});
  accept_proposal(slot, message, out);
  out.send.push_back({std::nullopt, std::move(message)});
  advance(sequence, slot, out);  // n = 1
  return true;
}

void Replica::on(const crypto::Verified<PrePrepare>& message, Output& out) {
  const Vote& vote = message->vote;
  if (!is_current(vote, out)) return;
  Slot& slot = open_slot(vote.sequence);
  if (!slot.proposal) return accept_proposal(slot, *message, out);
  if (slot.proposal->vote == vote) return ignore_duplicate(vote, out);
  accuse(slot,
         Contradiction{crypto::Purpose::kPrePrepare, slot.proposal->vote, slot.proposal->signature,
                       vote, message->signature},
         out);
  // We voted for the other, or might have; no vote changes. But this one is what gets executed.
  if (slot.proposal_lost() && vote.batch == slot.certificate->batch) {
    requests_.unname(slot.proposal->batch.ids);
    accept_proposal(slot, *message, out);
  }
}

void Replica::ignore_duplicate(const Vote& vote, Output& out) const {
  out.events.push_back(
      MessageIgnored{MessageIgnored::Why::kDuplicate, vote.replica, vote.sequence});
}

void Replica::accept_proposal(Slot& slot, const PrePrepare& message, Output& out) {
  slot.proposal = message;
  slot.bodies.clear();
  slot.missing.clear();
  slot.body_attempts = 0;
  requests_.name(message.batch.ids);
  for (const TxId& id : message.batch.ids) {
    slot.bodies.push_back(requests_.find(id));
    if (!slot.bodies.back()) slot.missing.emplace(id, slot.bodies.size() - 1);
  }
  out.events.push_back(Proposed{view_, message.vote.sequence, message.batch.ids});
  accuse(slot, contradicting_proposals(slot, primary()), out);
}

void Replica::on(const crypto::Verified<Prepare>& message, Output& out) {
  const Vote& vote = message->vote;
  if (!is_current(vote, out)) return;
  Slot& slot = open_slot(vote.sequence);
  accuse(slot, contradicting_proposal(slot, primary(), *message), out);
  const bool is_known = slot.prepares.contains(vote.replica);
  if (auto contradiction = add_prepare(slot, *message)) {
    accuse(slot, std::move(contradiction), out);
  } else if (is_known) {
    ignore_duplicate(vote, out);
  }
}

void Replica::on(const crypto::Verified<Commit>& message, Output& out) {
  const Vote& vote = message->vote;
  if (!is_current(vote, out)) return;
  Slot& slot = open_slot(vote.sequence);
  const bool is_known = slot.commits.contains(vote.replica);
  if (auto contradiction = add_commit(slot, *message)) {
    accuse(slot, std::move(contradiction), out);
  } else if (is_known) {
    ignore_duplicate(vote, out);
  }
}

void Replica::on(const BodyArrived& event, Output&) { place_body(event.transaction); }

void Replica::place_body(const TransactionPtr& body) {
  for (auto& [sequence, slot] : slots_) {
    const auto missing = slot.missing.find(body->id);
    if (missing == slot.missing.end()) continue;
    slot.bodies[missing->second] = body;
    slot.missing.erase(missing);
  }
}

// Agreed time: a proposal is prepared only once its time is at most our clock plus slack.
bool Replica::is_timely(const Slot& slot) const {
  const std::uint64_t proposed = slot.proposal->batch.header.time.value;
  return proposed <= now_.wall.value ||
         proposed - now_.wall.value <= config_.parameters.time_slack_ms;
}

void Replica::advance(Sequence sequence, Slot& slot, Output& out) {
  if (sequence <= committed_) return;  // perhaps by a block
  collect_certificate(slot);
  if (slot.certificate || !slot.proposal || voter_.is_learner() || slot.vote_refused) return;
  if (!slot.own_prepare && !is_primary() && slot.has_all_bodies() && is_timely(slot)) {
    prepare(slot, out);
  }
  if (!slot.own_commit && slot.has_all_bodies()) commit(slot, out);
  collect_certificate(slot);
}

void Replica::prepare(Slot& slot, Output& out) {
  std::size_t bytes = 0;
  for (const TransactionPtr& body : slot.bodies) bytes += body->encoded_bytes;
  Vote vote = slot.proposal->vote;
  if (bytes > config_.parameters.batch_bytes_max) {
    slot.vote_refused = true;
    out.events.push_back(MessageIgnored{MessageIgnored::Why::kBatchTooLarge, vote.replica,
                                        vote.sequence});
    return;
  }
  vote.replica = config_.self;
  Signed<Signature> signature = voter_.prepare(vote);
  if (!signature) {
    slot.vote_refused = true;
    return refuse(std::move(signature.error()), out);
  }
  slot.own_prepare = Prepare{vote, *signature, slot.proposal->signature};
  slot.prepares[config_.self] = *slot.own_prepare;
  for (const TransactionPtr& body : slot.bodies) out.persist.push_back(BodyRecord{body});
  out.persist.push_back(ProposalRecord{*slot.proposal, slot.own_prepare});
  out.send.push_back({std::nullopt, *slot.own_prepare});
}

void Replica::commit(Slot& slot, Output& out) {
  const auto certificate = prepared_certificate(slot, size());
  if (!certificate) return;
  Vote vote = slot.proposal->vote;
  if (!slot.announced_prepared) {
    slot.announced_prepared = true;
    out.events.push_back(BatchPrepared{view_, vote.sequence});
  }
  // Its clock kept this backup from preparing, a quorum prepared without it: the commit vouches for
  // the bodies, so they go down with it.
  if (!slot.own_prepare && !is_primary()) {
    for (const TransactionPtr& body : slot.bodies) out.persist.push_back(BodyRecord{body});
    out.persist.push_back(ProposalRecord{*slot.proposal, std::nullopt});
  }
  vote.replica = config_.self;
  Signed<Signature> signature = voter_.commit(vote, *certificate);
  if (!signature) {
    slot.vote_refused = true;
    return refuse(std::move(signature.error()), out);
  }
  slot.own_commit = Commit{vote, *signature};
  slot.commits[config_.self] = *slot.own_commit;
  out.persist.push_back(CommitRecord{*slot.own_commit, *certificate});
  out.send.push_back({std::nullopt, *slot.own_commit});
}

void Replica::collect_certificate(Slot& slot) {
  if (!slot.certificate) slot.certificate = commit_certificate(slot, size());
}

void Replica::hand_out_committed(Output& out) {
  for (;;) {
    const Sequence sequence = next(committed_);
    const auto slot = slots_.find(sequence);
    const auto fetched = fetched_.find(sequence);
    CertifiedBatch batch;
    if (slot != slots_.end() && slot->second.certificate && slot->second.has_all_bodies() &&
        !slot->second.proposal_lost()) {
      batch = {slot->second.proposal->batch, *slot->second.certificate, slot->second.bodies};
    } else if (fetched != fetched_.end()) {
      batch = std::move(fetched->second);
    } else {
      break;
    }
    committed_ = sequence;
    progress_ms_ = now_.monotonic_ms;
    // Committed and waiting for execution is not ready, even if the host says so again.
    for (const TxId& id : batch.batch.ids) requests_.remove(id);
    requests_.name(batch.batch.ids);
    executing_.emplace(sequence, batch.batch.ids);
    out.events.push_back(BatchCommitted{batch.certificate.view, sequence});
    out.commit.push_back(std::move(batch));
  }
  fetched_.erase(fetched_.begin(), fetched_.upper_bound(committed_));
}

}  // namespace quorate::pbft
