#include "pbft/waiting.h"

#include <algorithm>

#include "ledger/quorum.h"

namespace quorate::pbft {
namespace {

// 0 stands for "never" in the core's own times.
std::optional<std::uint64_t> age_ms(std::uint64_t since_ms, std::uint64_t now_ms) {
  if (since_ms == 0) return std::nullopt;
  return now_ms > since_ms ? now_ms - since_ms : 0;
}

std::uint64_t left_ms(std::uint64_t until_ms, std::uint64_t now_ms) {
  return until_ms > now_ms ? until_ms - now_ms : 0;
}

template <class Predicate>
std::vector<ReplicaId> replicas_where(std::size_t replicas, const Predicate& predicate) {
  std::vector<ReplicaId> result;
  for (std::size_t i = 0; i < replicas; ++i) {
    const ReplicaId id{static_cast<std::uint16_t>(i)};
    if (predicate(id)) result.push_back(id);
  }
  return result;
}

// Whether this replica's vote is here and counts.
template <class VoteMessage>
bool has_vote(const std::map<ReplicaId, VoteMessage>& votes, ReplicaId id, const Slot& slot) {
  const auto found = votes.find(id);
  if (found == votes.end()) return false;
  return !slot.proposal || found->second.vote.batch == slot.proposal->vote.batch;
}

std::uint64_t early_ms(const Replica& replica, const PrePrepare& proposal) {
  const std::uint64_t latest =
      replica.now().wall.value + replica.config().parameters.time_slack_ms;
  return left_ms(proposal.batch.header.time.value, latest);
}

WaitingSlot waiting_slot(const Replica& replica, Sequence sequence, const Slot& slot,
                         std::uint64_t now_ms) {
  const std::size_t replicas = replica.config().replicas.size();
  WaitingSlot result;
  result.sequence = sequence;
  result.open_ms = age_ms(slot.opened_ms, now_ms);
  result.has_proposal = slot.proposal.has_value();
  result.is_outvoted = slot.proposal_lost();
  result.is_committed = slot.certificate.has_value();
  result.is_refused = slot.vote_refused;
  if (slot.content) {
    result.transactions = slot.content->batch.ids.size();
    result.bodies_missing = slot.content->missing.size();
  }
  if (slot.proposal && !slot.own_prepare && !replica.is_primary()) {
    result.early_ms = early_ms(replica, *slot.proposal);
  }
  const ReplicaId primary = replica.primary();
  result.prepares_missing = replicas_where(replicas, [&](ReplicaId id) {
    return id != primary && !has_vote(slot.prepares, id, slot);
  });
  result.commits_missing = replicas_where(
      replicas, [&](ReplicaId id) { return !has_vote(slot.commits, id, slot); });
  result.prepares = replicas - 1 - result.prepares_missing.size();
  result.commits = replicas - result.commits_missing.size();
  return result;
}

// The last sequence that is under way: something came for it, or its view must propose it again.
Sequence last_under_way(const Replica& replica) {
  Sequence last = replica.reproposed_up_to();
  for (const auto& [sequence, slot] : replica.slots()) {
    if (!slot.is_blank()) last = std::max(last, sequence);
  }
  return last;
}

// Each sequence from the first that is not committed; also one for which nothing came, if a later
// one is under way. What a stable checkpoint covers is not voted on any more.
std::vector<WaitingSlot> waiting_slots(const Replica& replica, std::uint64_t now_ms) {
  std::vector<WaitingSlot> result;
  const auto& slots = replica.slots();
  const Sequence last = last_under_way(replica);
  for (Sequence sequence = next(std::max(replica.committed(), replica.low_watermark()));
       sequence <= last && result.size() < kWaitingSlotsMax; sequence = next(sequence)) {
    const auto slot = slots.find(sequence);
    result.push_back(
        waiting_slot(replica, sequence, slot == slots.end() ? Slot{} : slot->second, now_ms));
  }
  return result;
}

void describe_checkpoint(const Replica& replica, std::uint64_t now_ms, Waiting& result) {
  const Situation situation = replica.situation();
  if (situation.unchecked_since_ms) {
    result.unchecked_ms = age_ms(*situation.unchecked_since_ms, now_ms);
  }
  result.unchecked_ms_max = situation.checkpoint_due_ms + replica.timeout_ms();
  const Sequence sequence = replica.checkpoint();
  if (sequence <= replica.low_watermark()) return;
  result.checkpoint = sequence;
  const Checkpoints& votes = replica.checkpoints();
  const CheckpointVote* own = votes.find(result.self, sequence);
  const auto differs = [&](ReplicaId id) {
    const CheckpointVote* vote = votes.find(id, sequence);
    return vote && own && vote->note != own->note;
  };
  result.checkpoint_missing = replicas_where(
      result.replicas, [&](ReplicaId id) { return votes.find(id, sequence) == nullptr; });
  result.checkpoint_differs = replicas_where(result.replicas, differs);
}

void describe_requests(const Replica& replica, std::uint64_t now_ms, Waiting& result) {
  result.ready = replica.ready_transactions();
  result.unordered = replica.unordered_transactions();
  if (const auto oldest = replica.requests().oldest_waiting()) {
    result.oldest_unordered_ms = age_ms(oldest->ready_ms, now_ms);
  }
}

}  // namespace

Waiting waiting_of(const Replica& replica, std::uint64_t now_ms) {
  Waiting result;
  result.self = replica.config().self;
  result.replicas = replica.config().replicas.size();
  result.quorum = ledger::quorum(result.replicas);
  result.epoch = replica.epoch();
  result.view = replica.view();
  result.in_view = replica.in_view();
  result.view_age_ms = age_ms(replica.view_since_ms(), now_ms);
  result.primary = replica.primary();
  result.standing = replica.voter().standing();
  if (result.standing == Standing::kRecovering) result.ceiling = replica.voter().ceiling().sequence;

  result.executed = replica.executed();
  result.committed = replica.committed();
  result.stable = replica.low_watermark();
  result.high_watermark = replica.high_watermark();
  for (std::size_t i = 0; i < result.replicas; ++i) {
    result.furthest = std::max(
        result.furthest, replica.sources().highest_claim({static_cast<std::uint16_t>(i)}));
  }
  result.committed_age_ms = age_ms(replica.committed_ms(), now_ms);

  describe_requests(replica, now_ms, result);
  result.slots = waiting_slots(replica, now_ms);
  if (!result.in_view) {
    result.view_changes_missing = replicas_where(result.replicas, [&](ReplicaId id) {
      return !replica.view_changes().has(result.view, id);
    });
  }
  const Ask ask = replica.missing();
  result.transcripts_missing = ask.view_changes.size() + ask.new_views.size();
  describe_checkpoint(replica, now_ms, result);

  result.timeout_ms = replica.timeout_ms();
  if (const auto end = replica.patience_ends_ms()) {
    result.patience_left_ms = left_ms(*end, now_ms);
  }
  result.next_report_ms = left_ms(replica.next_report_ms(), now_ms);
  return result;
}

}  // namespace quorate::pbft
