// The door, bookkeeping and deadlines. The three phases stand in replica_normal.cc, retransmission
// and catching up in replica_catch_up.cc.

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
      sources_(config_.self, size(), config_.fetch_timeout_ms, config_.fetch_blocks_max),
      status_interval_ms_(config_.status_interval_ms_min) {
  QUORATE_CHECK(config_.self.value < size(), "a replica must be a member of its own epoch");
  restore(std::move(start));
}

void Replica::restore(ReplicaStart start) {
  executed_ = start.executed;
  committed_ = start.executed;
  last_proposed_ = start.executed;
  effective_time_ = start.effective_time;
  voter_.forget_up_to(executed_);
  for (ProposalRecord& record : start.votes.proposals) {
    const Vote vote = record.pre_prepare.vote;
    if (vote.sequence <= executed_) continue;
    if (vote.replica == config_.self) voter_.remember_pre_prepare(vote);
    if (record.prepare) voter_.remember_prepare(record.prepare->vote);
    if (vote.epoch != epoch_ || vote.view != view_) continue;
    Slot& slot = slots_[vote.sequence];
    for (const TxId& id : record.pre_prepare.batch.ids) {
      const auto body = start.bodies.find(id);
      slot.bodies.push_back(body == start.bodies.end() ? nullptr : body->second);
      if (!slot.bodies.back()) slot.missing.emplace(id, slot.bodies.size() - 1);
    }
    requests_.name(record.pre_prepare.batch.ids);
    if (record.prepare) {
      slot.own_prepare = record.prepare;
      slot.prepares[config_.self] = *record.prepare;
    }
    if (vote.replica == config_.self) last_proposed_ = std::max(last_proposed_, vote.sequence);
    slot.proposal = std::move(record.pre_prepare);
  }
  for (CommitRecord& record : start.votes.commits) {
    const Vote vote = record.commit.vote;
    if (vote.sequence <= executed_) continue;
    voter_.remember_commit(vote);
    if (vote.epoch != epoch_ || vote.view != view_) continue;
    Slot& slot = slots_[vote.sequence];
    slot.own_commit = record.commit;
    slot.commits[config_.self] = record.commit;
    slot.announced_prepared = true;
    for (const Endorsement& endorsement : record.prepared.prepares) {
      Vote prepare = vote;
      prepare.replica = endorsement.replica;
      slot.prepares.try_emplace(endorsement.replica, Prepare{prepare, endorsement.signature,
                                                             record.prepared.signature});
    }
  }
}

Output Replica::step(const Input& input) {
  now_.monotonic_ms = std::max(now_.monotonic_ms, input.now.monotonic_ms);
  now_.wall = input.now.wall;
  Output out;
  std::visit([&](const auto& event) { on(event, out); }, input.event);
  after_input(out);
  return out;
}

void Replica::after_input(Output& out) {
  for (auto& [sequence, slot] : slots_) advance(sequence, slot, out);
  hand_out_committed(out);
  while (propose(out)) hand_out_committed(out);  // n = 1 commits what it proposes
  sources_.judge(committed_, now_.monotonic_ms);
  fetch_missing_bodies(out);
  fetch_missing_blocks(out);
  report_status(out);
  set_deadline(out);
}

void Replica::on(const TransactionReady& event, Output&) {
  if (!has_own_work()) hasten_status();
  requests_.add(event.transaction, now_.monotonic_ms);
  place_body(event.transaction);
}

void Replica::on(const TransactionGone& event, Output&) { requests_.remove(event.id); }

void Replica::on(const BatchExecuted& event, Output&) {
  QUORATE_CHECK(event.sequence.value == executed_.value + 1 && event.sequence <= committed_,
                "the host executes what was committed, in order");
  executed_ = event.sequence;
  effective_time_ = event.effective_time;
  for (const TxId& id : event.settled) requests_.remove(id);
  close_slots_up_to(executed_);
  voter_.forget_up_to(executed_);
}

Slot& Replica::open_slot(Sequence sequence) {
  const auto [it, is_new] = slots_.try_emplace(sequence);
  if (is_new) hasten_status();
  return it->second;
}

void Replica::close_slots_up_to(Sequence sequence) {
  while (!slots_.empty() && slots_.begin()->first <= sequence) {
    const Slot& slot = slots_.begin()->second;
    if (slot.proposal) requests_.unname(slot.proposal->batch.ids);
    slots_.erase(slots_.begin());
  }
  while (!executing_.empty() && executing_.begin()->first <= sequence) {
    requests_.unname(executing_.begin()->second);
    executing_.erase(executing_.begin());
  }
}

bool Replica::is_current(const Vote& vote, Output& out) {
  using Why = MessageIgnored::Why;
  const auto ignore = [&](Why why) {
    out.events.push_back(MessageIgnored{why, vote.replica, vote.sequence});
    return false;
  };
  if (vote.epoch != epoch_) return ignore(Why::kOtherEpoch);
  if (vote.view != view_) return ignore(Why::kOtherView);
  if (vote.new_view != new_view_) return ignore(Why::kOtherNewView);
  if (vote.sequence <= low_watermark()) return ignore(Why::kBelowWatermark);
  if (vote.sequence > high_watermark()) {
    ask_how_far(vote.replica, out);
    return ignore(Why::kAboveWatermark);
  }
  return true;
}

bool Replica::has_own_work() const {
  return requests_.size() > 0 || (!slots_.empty() && slots_.rbegin()->first > committed_);
}

bool Replica::has_pending_work() const {
  return has_own_work() || sources_.any_ahead_of(committed_);
}

void Replica::set_deadline(Output& out) {
  std::uint64_t deadline = next_status_ms_;
  if (committed_.value - executed_.value < window()) {  // else execution comes first
    if (const auto blocks = sources_.deadline_ms(committed_, blocks_wait_until_ms())) {
      deadline = std::min(deadline, *blocks);
    }
  }
  for (const auto& [sequence, slot] : slots_) {
    if (sequence <= committed_ || !slot.proposal || slot.proposal_lost()) continue;
    if (!slot.missing.empty() && slot.body_attempts > 0) {
      deadline = std::min(deadline, body_retry_ms(slot));
    }
    if (!slot.certificate && !is_timely(slot)) {
      const std::uint64_t ahead = slot.proposal->batch.header.time.value - now_.wall.value -
                                  config_.parameters.time_slack_ms;
      if (ahead < std::numeric_limits<std::uint64_t>::max() - now_.monotonic_ms) {
        deadline = std::min(deadline, now_.monotonic_ms + ahead);
      }
    }
  }
  out.deadline_ms = std::max(deadline, now_.monotonic_ms + 1);
}

void Replica::refuse(VoteRefused refused, Output& out) {
  out.events.push_back(VoteWasRefused{std::move(refused)});
}

void Replica::accuse(Slot& slot, std::optional<Contradiction> found, Output& out) {
  if (!found || !slot.convicted.emplace(found->first.replica, found->purpose).second) return;
  out.evidence.push_back(std::move(*found));
}

}  // namespace quorate::pbft
