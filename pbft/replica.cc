// The door, bookkeeping and deadlines. The rest of the replica stands in replica_*.cc, a file a
// part of the protocol.

#include "pbft/replica.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "crypto/check.h"
#include "ledger/quorum.h"

namespace quorate::pbft {

Replica::Replica(ReplicaConfig config, Voter& voter, ReplicaStart start)
    : config_(std::move(config)),
      voter_(voter),
      epoch_(config_.replicas.epoch),
      view_changes_(config_.self, config_.replicas.size()),
      suspicion_(config_.request_timeout_ms, config_.request_timeout_ms_max),
      checkpoints_(config_.replicas.size(), window_of(config_.parameters)),
      report_pace_(config_.status_interval_ms_min, config_.status_interval_ms_max),
      sources_(config_.self, config_.replicas.size(), config_.fetch_timeout_ms,
               config_.fetch_blocks_max) {
  QUORATE_CHECK(size() > 0 && config_.self.value < size() + kObserversMax,
                "a replica is a member of its epoch, or one of its observers");
  restore(std::move(start));
}

Output Replica::step(const Input& input) {
  now_.monotonic_ms = std::max(now_.monotonic_ms, input.now.monotonic_ms);
  now_.wall = input.now.wall;
  // It just started, or nobody called at the deadline: this process stood still. What it missed
  // says nothing about the primary.
  if (deadline_ms_ == 0 || now_.monotonic_ms > deadline_ms_ + config_.request_timeout_ms / 4) {
    suspicion_.woke_up(now_.monotonic_ms);
  }
  Output out;
  if (std::exchange(recovery_ended_, false)) end_recovery(out);
  if (const auto last = std::exchange(last_checkpoint_, std::nullopt)) {
    vote_for_checkpoint(*last, out);
  }
  std::visit([&](const auto& event) { on(event, out); }, input.event);
  after_input(out);
  return out;
}

void Replica::after_input(Output& out) {
  move_between_views(out);
  suspect(out);
  for (auto& [sequence, slot] : slots_) advance(sequence, slot, out);
  hand_out_committed(out);
  while (propose(out)) hand_out_committed(out);  // n = 1 commits what it proposes
  sources_.judge(committed_, now_.monotonic_ms);
  fetch_missing_bodies(out);
  fetch_missing_blocks(out);
  ask_for_missing(out);
  relay(out);
  report_status(out);
  end_epoch(out);
  set_deadline(out);
}

void Replica::on(const TransactionReady& event, Output&) {
  if (!has_own_work()) report_pace_.hasten(now_.monotonic_ms);
  requests_.add(event.transaction, now_.monotonic_ms);
  place_body(event.transaction);
}

void Replica::on(const TransactionGone& event, Output&) { requests_.remove(event.id); }

void Replica::on(const BatchExecuted& event, Output& out) {
  QUORATE_CHECK(event.sequence.value == executed_.value + 1 && event.sequence <= committed_,
                "the host executes what was committed, in order");
  // What is ready may stand in a batch that was not fetched for that reason.
  if (execution_is_behind()) suspicion_.woke_up(now_.monotonic_ms);
  executed_ = event.sequence;
  if (event.boundary) learn_boundary(*event.boundary, out);
  effective_time_ = event.effective_time;
  for (const TxId& id : event.settled) requests_.remove(id);
  const auto executing = executing_.find(executed_);
  if (executing != executing_.end()) {
    requests_.unname(executing->second.ids);
    executing_ready_ -= executing->second.were_ready;
    if (executing->second.were_ready > 0) {
      suspicion_.progressed(executing->second.were_ready, now_.monotonic_ms);
    }
    executing_.erase(executing);
  }
  if (event.checkpoint) {
    checkpoint_ = executed_;
    checkpoint_time_ = effective_time_;
    unchecked_since_ms_.reset();
    vote_for_checkpoint(*event.checkpoint, out);
  } else if (!unchecked_since_ms_) {
    unchecked_since_ms_ = now_.monotonic_ms;
  }
}

Slot& Replica::open_slot(Sequence sequence) {
  const auto [it, is_new] = slots_.try_emplace(sequence);
  if (is_new) report_pace_.hasten(now_.monotonic_ms);
  // What an earlier view left behind begins anew, unless this view must propose it again.
  if (is_new || (it->second.is_blank() && !is_reproposed(sequence))) {
    it->second.opened_ms = now_.monotonic_ms;
  }
  return it->second;
}

void Replica::ignore(MessageIgnored::Why why, const Vote& vote, Output& out) const {
  out.events.push_back(MessageIgnored{why, vote.replica, vote.sequence});
}

// Of the last view that was entered. Who has left it votes in it no more (OSDI '99 §4.4), but what
// others say there is still evidence, and a quorum of commits still decides.
bool Replica::is_within_window(const Vote& vote, Output& out) {
  using Why = MessageIgnored::Why;
  if (vote.epoch != epoch_) return ignore(Why::kOtherEpoch, vote, out), false;
  if (vote.view != slots_view_) return ignore(Why::kOtherView, vote, out), false;
  if (vote.new_view != new_view_) return ignore(Why::kOtherNewView, vote, out), false;
  if (vote.sequence <= low_watermark()) return ignore(Why::kBelowWatermark, vote, out), false;
  if (vote.sequence > high_watermark()) {
    ask_how_far(vote.replica, out);
    return ignore(Why::kAboveWatermark, vote, out), false;
  }
  return true;
}

bool Replica::has_own_work() const {
  return requests_.size() > 0 || !in_view_ ||
         (!slots_.empty() && slots_.rbegin()->first > committed_);
}

bool Replica::has_pending_work() const {
  return has_own_work() || sources_.any_ahead_of(committed_) || checkpoint_ > low_ ||
         voter_.standing() == Standing::kRecovering || (boundary_ && low_ < *boundary_);
}

void Replica::set_deadline(Output& out) {
  std::uint64_t deadline = report_pace_.next_ms();
  const auto consider = [&](std::optional<std::uint64_t> time_ms) {
    if (time_ms) deadline = std::min(deadline, *time_ms);
  };
  if (!execution_is_behind()) {
    consider(sources_.deadline_ms(committed_, blocks_wait_until_ms()));
  }
  for (const auto& [sequence, slot] : slots_) {
    if (slot.content && !slot.content->is_complete() && !slot.proposal_lost() &&
        slot.body_attempts > 0) {
      consider(body_retry_ms(slot));
    }
    if (slot.proposal && !slot.certificate && !is_timely(slot)) {
      const std::uint64_t ahead = slot.proposal->batch.header.time.value - now_.wall.value -
                                  config_.parameters.time_slack_ms;
      if (ahead < std::numeric_limits<std::uint64_t>::max() - now_.monotonic_ms) {
        consider(now_.monotonic_ms + ahead);
      }
    }
  }
  if (missing_count_ > 0) consider(ask_retry_ms());
  consider(patience_ends_ms());
  consider(checkpoint_deadline_ms());
  consider(relay_deadline_ms());
  deadline_ms_ = std::max(deadline, now_.monotonic_ms + 1);
  out.deadline_ms = deadline_ms_;
}

void Replica::refuse(VoteRefused refused, Output& out) {
  out.events.push_back(VoteWasRefused{std::move(refused)});
}

void Replica::accuse(Slot& slot, std::optional<Contradiction> found, Output& out) {
  if (!found || !slot.convicted.emplace(found->first.replica, found->phase).second) return;
  if (in_view_ && found->first.replica == primary() && found->first.view == view_) {
    suspicion_.equivocated();
  }
  out.evidence.emplace_back(std::move(*found));
}

}  // namespace quorate::pbft
