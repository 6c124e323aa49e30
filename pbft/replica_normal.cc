// The normal case: pre-prepare, prepare, commit (OSDI '99 §4.2), with bodies apart from ordering
// and agreed time.

#include <algorithm>
#include <utility>

#include "pbft/replica.h"

namespace quorate::pbft {

void Replica::on(const crypto::Verified<PrePrepare>& message, Output& out) {
  using Why = MessageIgnored::Why;
  const Vote& vote = message->vote;
  if (keep_for_later(message, Phase::kPrePrepare) || !is_within_window(vote, out)) return;
  if (is_reproposed(vote.sequence) && reproposals_.at(vote.sequence).batch != vote.batch) {
    return ignore(Why::kNotTheReproposal, vote, out);
  }
  Slot& slot = open_slot(vote.sequence);
  if (!slot.proposal) {
    if (!in_view_) return ignore(Why::kNotInView, vote, out);
    judge_time(*message);
    return accept_proposal(slot, *message, out);
  }
  if (slot.proposal->vote == vote) return ignore(Why::kDuplicate, vote, out);
  accuse(slot,
         Contradiction{VotePhase::kPrePrepare, slot.proposal->vote, slot.proposal->signature, vote,
                       message->signature},
         out);
  // We voted for the other, or might have; no vote changes. But this one is what gets executed.
  if (slot.proposal_lost() && vote.batch == slot.certificate->batch) {
    accept_proposal(slot, *message, out);
  }
}

// A fresh proposal whose time lags behind this clock by more than slack holds agreed time back.
void Replica::judge_time(const PrePrepare& message) {
  const ledger::BatchHeader& header = message.batch.header;
  if (is_reproposed(header.sequence) || (header.flags & ledger::kFlagNull) != 0) return;
  suspicion_.fresh_proposal(
      header.time.value + config_.parameters.time_slack_ms < now_.wall.value, now_.monotonic_ms);
}

Content Replica::content_of(const Slot& slot, const Batch& batch) const {
  const Digest digest = ledger::digest_of_batch(batch.header);
  if (const Content* known = slot.find(digest)) return *known;
  Content content{digest, batch, {}, {}};
  for (const TxId& id : batch.ids) {
    content.bodies.push_back(requests_.find(id));
    if (!content.bodies.back()) content.missing.emplace(id, content.bodies.size() - 1);
  }
  return content;
}

void Replica::unname(Slot& slot) {
  if (std::exchange(slot.names_requests, false)) requests_.unname(slot.proposal->batch.ids);
}

void Replica::accept_proposal(Slot& slot, const PrePrepare& message, Output& out) {
  Content content = content_of(slot, message.batch);
  unname(slot);
  slot.content = std::move(content);
  slot.proposal = message;
  slot.body_attempts = 0;
  slot.names_requests = true;
  requests_.name(message.batch.ids);
  for (const TxId& id : message.batch.ids) {
    newest_proposed_ms_ = std::max(newest_proposed_ms_, requests_.ready_ms(id).value_or(0));
  }
  out.events.push_back(Proposed{view_, message.vote.sequence, message.batch.ids});
  accuse(slot, contradicting_proposals(slot, primary_of(slots_view_, size())), out);
}

void Replica::on(const crypto::Verified<Prepare>& message, Output& out) {
  const Vote& vote = message->vote;
  if (keep_for_later(message, Phase::kPrepare) || !is_within_window(vote, out)) return;
  Slot& slot = open_slot(vote.sequence);
  accuse(slot, contradicting_proposal(slot, primary_of(slots_view_, size()), *message), out);
  const bool is_known = slot.prepares.contains(vote.replica);
  if (auto contradiction = add_prepare(slot, *message)) {
    accuse(slot, std::move(contradiction), out);
  } else if (is_known) {
    ignore(MessageIgnored::Why::kDuplicate, vote, out);
  }
}

void Replica::on(const crypto::Verified<Commit>& message, Output& out) {
  const Vote& vote = message->vote;
  if (keep_for_later(message, Phase::kCommit) || !is_within_window(vote, out)) return;
  Slot& slot = open_slot(vote.sequence);
  const bool is_known = slot.commits.contains(vote.replica);
  if (auto contradiction = add_commit(slot, *message)) {
    accuse(slot, std::move(contradiction), out);
  } else if (is_known) {
    ignore(MessageIgnored::Why::kDuplicate, vote, out);
  }
}

void Replica::on(const BodyArrived& event, Output&) { place_body(event.transaction); }

void Replica::place_body(const TransactionPtr& body) {
  for (auto& [sequence, slot] : slots_) {
    if (!slot.content) continue;
    const auto missing = slot.content->missing.find(body->id);
    if (missing == slot.content->missing.end()) continue;
    slot.content->bodies[missing->second] = body;
    slot.content->missing.erase(missing);
  }
}

// Agreed time: a fresh proposal is prepared only once its time is at most our clock plus slack.
bool Replica::is_timely(const Slot& slot) const {
  if (is_reproposed(slot.proposal->vote.sequence)) return true;
  const std::uint64_t proposed = slot.proposal->batch.header.time.value;
  return proposed <= now_.wall.value ||
         proposed - now_.wall.value <= config_.parameters.time_slack_ms;
}

void Replica::advance(Sequence sequence, Slot& slot, Output& out) {
  collect_certificate(slot);
  if (!in_view_ || !slot.proposal || slot.proposal_lost() || slot.vote_refused) return;
  if (!voter_.may_vote_in(view_) || !slot.has_all_bodies() || !has_transcript_behind(sequence)) {
    return;
  }
  if (!slot.own_prepare && !is_primary() && is_timely(slot)) prepare(slot, out);
  if (!slot.own_commit && !slot.vote_refused) commit(slot, out);
  collect_certificate(slot);
}

void Replica::prepare(Slot& slot, Output& out) {
  std::size_t bytes = 0;
  for (const TransactionPtr& body : slot.content->bodies) bytes += body->encoded_bytes;
  Vote vote = slot.proposal->vote;
  if (bytes > config_.parameters.batch_bytes_max) {
    slot.vote_refused = true;
    return ignore(MessageIgnored::Why::kBatchTooLarge, vote, out);
  }
  vote.replica = config_.self;
  Signed<Signature> signature = voter_.prepare(vote);
  if (!signature) {
    slot.vote_refused = true;
    return refuse(std::move(signature.error()), out);
  }
  slot.own_prepare = Prepare{vote, *signature, slot.proposal->signature};
  slot.prepares[config_.self] = *slot.own_prepare;
  keep(slot, *slot.content);
  for (const TransactionPtr& body : slot.content->bodies) {
    out.persist.emplace_back(BodyRecord{body});
  }
  out.persist.emplace_back(ProposalRecord{*slot.proposal, slot.own_prepare});
  out.send.push_back({std::nullopt, *slot.own_prepare});
}

void Replica::commit(Slot& slot, Output& out) {
  // Its prepare was for another batch, which lost: prepare and commit would contradict each other.
  if (slot.own_prepare && slot.own_prepare->vote.batch != slot.proposal->vote.batch) return;
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
    keep(slot, *slot.content);
    for (const TransactionPtr& body : slot.content->bodies) {
      out.persist.emplace_back(BodyRecord{body});
    }
    out.persist.emplace_back(ProposalRecord{*slot.proposal, std::nullopt});
  }
  vote.replica = config_.self;
  Signed<Signature> signature = voter_.commit(vote, *certificate);
  if (!signature) {
    slot.vote_refused = true;
    return refuse(std::move(signature.error()), out);
  }
  slot.own_commit = Commit{vote, *signature};
  slot.commits[config_.self] = *slot.own_commit;
  slot.prepared = certificate;
  out.persist.emplace_back(CommitRecord{*slot.own_commit, *certificate});
  out.send.push_back({std::nullopt, *slot.own_commit});
}

void Replica::collect_certificate(Slot& slot) {
  if (!slot.certificate) slot.certificate = commit_certificate(slot, size());
}

void Replica::hand_out_committed(Output& out) {
  // What waits for execution stands in the host's memory. The rest stays in its slot, or comes as a
  // block once the others' checkpoints have closed that.
  while (committed_.value - executed_.value < handed_out_max()) {
    const Sequence sequence = next(committed_);
    const auto slot = slots_.find(sequence);
    const auto fetched = fetched_.find(sequence);
    const Content* content = slot != slots_.end() && slot->second.certificate
                                 ? slot->second.find(slot->second.certificate->batch)
                                 : nullptr;
    if (content) {
      const Content copy = *content;
      keep(slot->second, copy);
      hand_out({copy.batch, *slot->second.certificate, copy.bodies}, out);
    } else if (fetched != fetched_.end()) {
      CertifiedBatch block = std::move(fetched->second);
      if (sequence > low_ && sequence <= high_watermark()) {
        // Others may still need our vote on it, in this view or the next.
        Content known{block.certificate.batch, block.batch, block.transactions, {}};
        Slot& open = open_slot(sequence);
        if (open.content && open.content->digest == known.digest) open.content = known;
        open.certificate = block.certificate;
        keep(open, known);
      }
      hand_out(std::move(block), out);
    } else {
      break;
    }
  }
  fetched_.erase(fetched_.begin(), fetched_.upper_bound(committed_));
}

void Replica::hand_out(CertifiedBatch batch, Output& out) {
  committed_ = batch.batch.header.sequence;
  progress_ms_ = now_.monotonic_ms;
  if (const auto slot = slots_.find(committed_); slot != slots_.end()) unname(slot->second);
  // Committed and waiting for execution is not ready, even if the host says so again.
  std::vector<std::uint64_t> ready_ms;
  for (const TxId& id : batch.batch.ids) {
    if (const auto since = requests_.ready_ms(id)) ready_ms.push_back(*since);
    requests_.remove(id);
  }
  requests_.name(batch.batch.ids);
  note_overtaken(ready_ms);
  executing_.emplace(committed_, Executing{batch.batch.ids, ready_ms.size()});
  executing_ready_ += ready_ms.size();
  out.events.push_back(BatchCommitted{batch.certificate.view, committed_});
  out.commit.push_back(std::move(batch));
}

}  // namespace quorate::pbft
