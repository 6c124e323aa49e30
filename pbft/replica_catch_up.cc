// Receiver-driven retransmission (Castro & Liskov, TOCS '02 §5.2) and blocks from peers.
//
// A replica says what it has; the others resend their own votes that it lacks. What it lacks below their
// windows it fetches as blocks, each with the certificate that makes the peer's word unnecessary.

#include <algorithm>
#include <utility>

#include "pbft/replica.h"

namespace quorate::pbft {

namespace {
// A peer's requests for our report are answered at most this often.
constexpr std::uint64_t kAnswerIntervalMs = 50;
// Silence for this long while peers report more than we have starts a block fetch.
constexpr std::uint64_t kLagGraceMs = 100;
constexpr std::uint32_t kBackoffDoublingsMax = 5;
}  // namespace

void Replica::on(const PeerConnected& event, Output& out) {
  out.send.push_back({event.peer, status_report(true)});
}

void Replica::on(const StatusArrived& event, Output& out) {
  if (event.from == config_.self || event.from.value >= size()) return;
  Peer& peer = peers_[event.from];
  peer.executed = event.report.executed;
  if (peer.answered_ms != 0 && now_.monotonic_ms - peer.answered_ms < kAnswerIntervalMs) return;
  peer.answered_ms = now_.monotonic_ms;
  if (event.report.epoch == epoch_ && event.report.view == view_) {
    resend_to(event.from, event.report, out);
  }
  if (event.report.wants_answer) out.send.push_back({event.from, status_report(false)});
}

StatusReport Replica::status_report(bool wants_answer) const {
  StatusReport report{epoch_, view_, executed_, {}, wants_answer};
  for (const auto& [sequence, slot] : slots_) {
    const std::uint64_t place = sequence.value - executed_.value - 1;
    if (place >= window()) break;
    report.slots.resize(place + 1);
    std::uint8_t bits = 0;
    if (slot.proposal) bits |= kSlotHasProposal;
    if (slot.announced_prepared || slot.certificate) bits |= kSlotPrepared;
    if (slot.certificate && slot.has_all_bodies()) bits |= kSlotCommitted;
    report.slots[place] = bits;
  }
  return report;
}

void Replica::resend_to(ReplicaId peer, const StatusReport& report, Output& out) {
  for (auto it = slots_.upper_bound(report.executed); it != slots_.end(); ++it) {
    const std::uint64_t place = it->first.value - report.executed.value - 1;
    if (place >= window()) break;
    const std::uint8_t has = place < report.slots.size() ? report.slots[place] : 0;
    if (has & kSlotCommitted) continue;
    const Slot& slot = it->second;
    if (!(has & kSlotHasProposal) && slot.proposal) out.send.push_back({peer, *slot.proposal});
    if (!(has & kSlotPrepared) && slot.own_prepare) out.send.push_back({peer, *slot.own_prepare});
    if (slot.own_commit) out.send.push_back({peer, *slot.own_commit});
  }
}

ReplicaId Replica::next_peer(std::uint32_t attempt) const {
  const std::size_t offset = 1 + attempt % (size() - 1);
  return {static_cast<std::uint16_t>((config_.self.value + offset) % size())};
}

void Replica::fetch_missing_bodies(Output& out) {
  if (size() == 1) return;
  for (auto& [sequence, slot] : slots_) {
    if (slot.missing.empty() || sequence <= committed_) continue;
    const bool is_first = slot.body_attempts == 0;
    if (!is_first && now_.monotonic_ms < slot.asked_bodies_ms + config_.fetch_timeout_ms) continue;
    // The proposer first: it must have them. Then everyone in turn.
    const ReplicaId from = is_first ? primary() : next_peer(slot.body_attempts);
    slot.asked_bodies_ms = now_.monotonic_ms;
    ++slot.body_attempts;
    out.fetch_bodies.push_back(
        {from == config_.self ? next_peer(slot.body_attempts) : from,
         {slot.missing.begin(), slot.missing.end()}});
  }
}

std::uint64_t Replica::block_fetch_retry_ms() const {
  return block_fetch_ms_ +
         (config_.fetch_timeout_ms << std::min(block_attempts_, kBackoffDoublingsMax));
}

void Replica::fetch_missing_blocks(Output& out) {
  if (block_fetch_ms_ != 0 && committed_ >= block_fetch_last_) {  // all of it came
    block_fetch_ms_ = 0;
    block_attempts_ = 0;
  }
  if (block_fetch_ms_ != 0 && now_.monotonic_ms < block_fetch_retry_ms()) return;
  // Execution is behind already: more blocks would only wait in memory.
  if (committed_.value - executed_.value >= window()) return;

  std::vector<std::pair<ReplicaId, Sequence>> ahead;
  for (const auto& [id, peer] : peers_) {
    if (peer.executed > committed_) ahead.emplace_back(id, peer.executed);
  }
  if (ahead.empty()) {
    block_fetch_ms_ = 0;
    block_fetch_last_ = {};
    return;
  }
  const bool is_fetching = block_fetch_last_.value != 0;
  if (!is_fetching && now_.monotonic_ms < progress_ms_ + kLagGraceMs) return;
  if (block_fetch_ms_ != 0) ++block_attempts_;
  const auto& [from, target] = ahead[block_attempts_ % ahead.size()];
  const std::uint64_t count =
      std::min<std::uint64_t>(target.value - committed_.value, config_.fetch_blocks_max);
  block_fetch_ms_ = std::max<std::uint64_t>(now_.monotonic_ms, 1);
  block_fetch_last_ = {committed_.value + count};
  out.fetch_blocks.push_back({from, next(committed_), static_cast<std::uint32_t>(count)});
  out.events.push_back(CatchingUp{next(committed_), target, from});
}

void Replica::on(const crypto::Verified<CertifiedBatch>& block, Output&) {
  const Sequence sequence = block->certificate.sequence;
  if (block->certificate.epoch != epoch_ || sequence <= committed_) return;
  if (sequence.value - committed_.value > config_.fetch_blocks_max) return;
  fetched_.try_emplace(sequence, *block);
  if (block_fetch_ms_ != 0) block_fetch_ms_ = std::max<std::uint64_t>(now_.monotonic_ms, 1);
}

void Replica::on(const BlocksEnded& event, Output&) {
  if (block_fetch_ms_ == 0 || committed_ >= block_fetch_last_) return;
  // A full answer is followed by the next request at once; an empty one by the next peer, in time.
  if (event.count > 0) block_fetch_ms_ = 0;
}

void Replica::report_status(Output& out) {
  if (size() == 1) {
    next_status_ms_ = now_.monotonic_ms + config_.status_interval_ms_max;
    return;
  }
  if (progress_ms_ > last_status_ms_ || next_status_ms_ == 0) {
    // Something moved since the last report: no need to ask before it stops moving.
    status_interval_ms_ = config_.status_interval_ms_min;
    next_status_ms_ = std::max(progress_ms_, now_.monotonic_ms) + status_interval_ms_;
    last_status_ms_ = std::max(progress_ms_, now_.monotonic_ms);
    return;
  }
  if (now_.monotonic_ms < next_status_ms_) return;
  out.send.push_back({std::nullopt, status_report(has_pending_work())});
  last_status_ms_ = now_.monotonic_ms;
  status_interval_ms_ = std::min(status_interval_ms_ * 2, config_.status_interval_ms_max);
  next_status_ms_ = now_.monotonic_ms + status_interval_ms_;
}

}  // namespace quorate::pbft
