// Receiver-driven retransmission (Castro & Liskov, TOCS '02 §5.2) and blocks from peers.
//
// A replica says what it has; the others resend their own votes that it lacks. What it lacks below
// their windows it fetches as blocks, each with the certificate that makes the peer's word
// unnecessary.

#include <algorithm>
#include <utility>

#include "pbft/replica.h"

namespace quorate::pbft {

namespace {
// A peer's reports are answered at most this often.
constexpr std::uint64_t kAnswerIntervalMs = 50;
// No commit here for this long while peers report more than we have starts a block fetch.
constexpr std::uint64_t kLagGraceMs = 100;
constexpr std::uint32_t kBackoffDoublingsMax = 5;
}  // namespace

void Replica::on(const PeerConnected& event, Output& out) {
  sources_.forgive(event.peer);
  out.send.push_back({event.peer, status_report(true)});
}

void Replica::on(const StatusArrived& event, Output& out) {
  if (event.from == config_.self || event.from.value >= size()) return;
  const StatusReport& report = event.report;
  sources_.claim(event.from, report.executed);
  Peer& peer = peers_[event.from];
  if (peer.answered_ms != 0 && now_.monotonic_ms - peer.answered_ms < kAnswerIntervalMs) return;
  peer.answered_ms = now_.monotonic_ms;
  ++peer.answers;
  if (report.epoch == epoch_ && report.view == view_) resend_to(event.from, report, out);
  // One that is behind may not know it, and we may be too busy to report unasked.
  if (report.wants_answer || report.executed < executed_) {
    out.send.push_back({event.from, status_report(false)});
  }
}

// A vote above our window is a hint that we are behind, and no more: anyone can sign a large
// number. So its signer is asked, and only it bears the cost of a lie.
void Replica::ask_how_far(ReplicaId signer, Output& out) {
  if (signer == config_.self) return;
  Peer& peer = peers_[signer];
  if (peer.asked_ms != 0 && now_.monotonic_ms - peer.asked_ms < config_.status_interval_ms_min) {
    return;
  }
  peer.asked_ms = now_.monotonic_ms;
  out.send.push_back({signer, status_report(true)});
}

StatusReport Replica::status_report(bool wants_answer) const {
  StatusReport report{epoch_, view_, executed_, {}, wants_answer};
  report.slots.assign(std::min(committed_.value - executed_.value, window()),
                      kSlotHasProposal | kSlotPrepared | kSlotCommitted);
  for (auto it = slots_.upper_bound(committed_); it != slots_.end(); ++it) {
    const Slot& slot = it->second;
    const std::uint64_t place = it->first.value - executed_.value - 1;
    if (place >= window()) break;
    report.slots.resize(place + 1);
    std::uint8_t bits = 0;
    if (slot.proposal && !slot.proposal_lost()) bits |= kSlotHasProposal;
    if (slot.announced_prepared || slot.certificate) bits |= kSlotPrepared;
    if (slot.certificate && slot.has_all_bodies() && !slot.proposal_lost()) bits |= kSlotCommitted;
    report.slots[place] = bits;
  }
  return report;
}

void Replica::resend_to(ReplicaId peer, const StatusReport& report, Output& out) {
  // Votes are each sender's own. A proposal, which can be large, is resent by the primary and, in a
  // large network, by a few others that take turns.
  const std::size_t turns = std::max<std::size_t>(1, size() / 4);
  const bool resends_proposals =
      is_primary() || (config_.self.value + peers_[peer].answers) % turns == 0;
  for (auto it = slots_.upper_bound(report.executed); it != slots_.end(); ++it) {
    const std::uint64_t place = it->first.value - report.executed.value - 1;
    if (place >= window()) break;
    const std::uint8_t has = place < report.slots.size() ? report.slots[place] : 0;
    if (has & kSlotCommitted) continue;
    const Slot& slot = it->second;
    if (!(has & kSlotHasProposal) && slot.proposal && resends_proposals) {
      out.send.push_back({peer, *slot.proposal});
    }
    if (!(has & kSlotPrepared) && slot.own_prepare) out.send.push_back({peer, *slot.own_prepare});
    if (slot.own_commit) out.send.push_back({peer, *slot.own_commit});
  }
}

// Precondition: there is another replica.
ReplicaId Replica::next_peer(std::uint32_t attempt) const {
  const std::size_t offset = 1 + attempt % (size() - 1);
  return {static_cast<std::uint16_t>((config_.self.value + offset) % size())};
}

// Every other peer is asked in turn; each full round takes twice as long as the one before.
// Precondition: one was asked.
std::uint64_t Replica::body_retry_ms(const Slot& slot) const {
  const std::uint64_t rounds = (slot.body_attempts - 1) / (size() - 1);
  return slot.asked_bodies_ms +
         (config_.fetch_timeout_ms << std::min<std::uint64_t>(rounds, kBackoffDoublingsMax));
}

void Replica::fetch_missing_bodies(Output& out) {
  if (size() == 1) return;
  for (auto& [sequence, slot] : slots_) {
    if (slot.missing.empty() || sequence <= committed_ || slot.proposal_lost()) continue;
    const bool is_first = slot.body_attempts == 0;
    if (!is_first && now_.monotonic_ms < body_retry_ms(slot)) continue;
    // The proposer first: it must have them. Then everyone in turn.
    const bool from_primary = is_first && !is_primary();
    BodyFetch fetch{from_primary ? primary() : next_peer(slot.body_attempts), {}};
    for (const auto& [id, place] : slot.missing) fetch.ids.push_back(id);
    slot.asked_bodies_ms = now_.monotonic_ms;
    ++slot.body_attempts;
    out.fetch_bodies.push_back(std::move(fetch));
  }
}

std::uint64_t Replica::blocks_wait_until_ms() const {
  return sources_.is_flowing() ? 0 : progress_ms_ + kLagGraceMs;
}

void Replica::fetch_missing_blocks(Output& out) {
  // Execution is behind already: more blocks would only wait in memory.
  if (committed_.value - executed_.value >= window()) return;
  if (now_.monotonic_ms < blocks_wait_until_ms()) return;
  const auto fetch = sources_.ask(committed_, now_.monotonic_ms);
  if (!fetch) return;
  out.fetch_blocks.push_back(*fetch);
  out.events.push_back(CatchingUp{fetch->first, sources_.highest_claim(fetch->from), fetch->from});
}

void Replica::on(const crypto::Verified<CertifiedBatch>& block, Output&) {
  const Sequence sequence = block->certificate.sequence;
  if (block->certificate.epoch != epoch_ || sequence <= committed_) return;
  if (sequence.value - committed_.value > config_.fetch_blocks_max) return;
  // Unasked blocks must not pile up before execution either.
  if (sequence.value - executed_.value > window() + config_.fetch_blocks_max) return;
  fetched_.try_emplace(sequence, *block);
}

void Replica::on(const BlocksEnded& event, Output&) {
  sources_.answer_ended(event.from, committed_, now_.monotonic_ms);
}

void Replica::hasten_status() {
  if (status_interval_ms_ == config_.status_interval_ms_min) return;
  status_interval_ms_ = config_.status_interval_ms_min;
  next_status_ms_ = std::min(next_status_ms_, now_.monotonic_ms + status_interval_ms_);
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
