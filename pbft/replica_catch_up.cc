// Receiver-driven retransmission (Castro & Liskov, TOCS '02 §5.2) and blocks from peers.
//
// A replica says what it has; the others resend what it lacks (pbft/retransmission.h). What it
// lacks below their windows it fetches as blocks, each with the certificate that makes the peer's
// word unnecessary.

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "pbft/replica.h"

namespace quorate::pbft {

namespace {
// No commit here for this long while peers report more than we have starts a block fetch.
constexpr std::uint64_t kLagGraceMs = 100;
constexpr std::uint32_t kBackoffDoublingsMax = 5;

// Each stored the bodies with its prepare, or lies.
std::vector<ReplicaId> others_that_prepared(const Slot& slot, ReplicaId self) {
  std::vector<ReplicaId> result;
  if (!slot.proposal) return result;
  for (const auto& [replica, prepare] : slot.prepares) {
    if (replica != self && prepare.vote.batch == slot.proposal->vote.batch) {
      result.push_back(replica);
    }
  }
  return result;
}
}  // namespace

void Replica::on(const PeerConnected& event, Output& out) {
  if (!is_peer(event.peer)) return;
  if (event.peer.value >= size()) observers_.insert(event.peer);
  disconnected_.erase(event.peer);
  sources_.forgive(event.peer);
  out.send.push_back({event.peer, status_report(holdings(), true)});
}

void Replica::on(const PeerDisconnected& event, Output&) {
  observers_.erase(event.peer);
  if (event.peer != config_.self && event.peer.value < size()) disconnected_.insert(event.peer);
}

void Replica::on(const StatusArrived& event, Output& out) {
  if (!is_peer(event.from)) return;
  const StatusReport& report = event.report;
  sources_.claim(event.from, report.executed);
  if (report.epoch != epoch_ || is_observer() || event.from.value >= size()) {
    return answer_outsider(event, out);
  }
  const std::uint64_t now_ms = now_.monotonic_ms;
  favours_.ask_to_fill(event.from, report.fill_to,
                       {low_, high_watermark(), config_.parameters.checkpoint_interval}, now_ms);
  if (event.from == primary() && in_view_ && has_abdicated(report)) suspicion_.abdicated();
  if (!favours_.answer(event.from, now_ms)) return;
  std::ranges::move(resend(holdings(), event.from, report, favours_.answers(event.from)),
                    std::back_inserter(out.send));
  // One that is behind may not know it, and we may be too busy to report unasked.
  if (report.wants_answer || report.executed < executed_ || report.view > view_) {
    out.send.push_back({event.from, status_report(holdings(), false)});
  }
}

// By the word of the primary itself. It opened its view and is in it from then on: one that still
// reports a lower one, or none, after T has lost its votes, and does not know that it leads.
bool Replica::has_abdicated(const StatusReport& report) const {
  if (report.fill_to > low_) return true;
  const bool is_elsewhere = report.view < view_ || !report.in_view;
  return is_elsewhere && now_.monotonic_ms >= view_since_ms_ + suspicion_.timeout_ms();
}

void Replica::on(const AskArrived& event, Output& out) {
  if (!is_peer(event.from)) return;
  std::ranges::move(answer(holdings(), event.from, event.ask), std::back_inserter(out.send));
}

// A new primary asked for a batch that it must propose again.
void Replica::on(const BatchArrived& event, Output& out) {
  const Sequence sequence = event.batch.header.sequence;
  const auto plan = reproposals_.find(sequence);
  const bool is_good =
      plan != reproposals_.end() && is_primary() && in_view_ &&
      ledger::digest_of_batch(event.batch.header) == plan->second.batch &&
      ledger::is_well_formed(event.batch, config_.parameters.batch_transactions_max);
  if (!is_good) {
    out.events.push_back(MessageIgnored{MessageIgnored::Why::kNotAsked, event.from, sequence});
    return;
  }
  Slot& slot = open_slot(sequence);
  if (!slot.content) slot.content = content_of(slot, event.batch);
}

void Replica::on(const BodiesWanted& event, Output& out) {
  if (!is_peer(event.from)) return;
  BodySend bodies = bodies_of_proposals(slots_, event);
  if (!bodies.transactions.empty()) out.send_bodies.push_back(std::move(bodies));
}

// A vote above our window is a hint that we are behind, and no more: anyone can sign a large
// number. So its signer is asked, and only it bears the cost of a lie.
void Replica::ask_how_far(ReplicaId signer, Output& out) {
  if (signer == config_.self) return;
  if (!favours_.ask(signer, now_.monotonic_ms, config_.status_interval_ms_min)) return;
  out.send.push_back({signer, status_report(holdings(), true)});
}

Holdings Replica::holdings() const {
  const bool recovers = voter_.standing() == Standing::kRecovering;
  return {.self = config_.self,
          .replicas = size(),
          .window = window(),
          .epoch = epoch_,
          .view = view_,
          .in_view = in_view_,
          .opened_by = new_view_,
          .slots_view = slots_view_,
          .executed = executed_,
          .committed = committed_,
          .low = low_,
          .fill_to = recovers ? voter_.ceiling().sequence : Sequence{},
          .stable = stable_,
          .checkpoints = checkpoints_,
          .slots = slots_,
          .view_changes = view_changes_,
          .transcripts = transcripts_};
}

// Precondition: there is another replica.
ReplicaId Replica::next_peer(std::uint32_t attempt) const {
  const std::size_t offset = 1 + attempt % others();
  return {static_cast<std::uint16_t>((config_.self.value + offset) % size())};
}

// Every other peer is asked in turn; each full round takes twice as long as the one before.
// Precondition: one was asked.
std::uint64_t Replica::body_retry_ms(const Slot& slot) const {
  const std::uint64_t rounds = (slot.body_attempts - 1) / others();
  return slot.asked_bodies_ms +
         (config_.fetch_timeout_ms << std::min<std::uint64_t>(rounds, kBackoffDoublingsMax));
}

void Replica::fetch_missing_bodies(Output& out) {
  if (others() == 0) return;
  for (auto& [sequence, slot] : slots_) {
    if (!slot.content || slot.content->is_complete() || slot.proposal_lost()) continue;
    const bool is_first = slot.body_attempts == 0;
    if (!is_first && now_.monotonic_ms < body_retry_ms(slot)) continue;
    // The proposer first: it must have them. Then in turn those that prepared the batch; they may
    // all lie, so every third time, and while there is none, everyone in turn.
    BodyFetch fetch{next_peer(slot.body_attempts), {}};
    if (is_first && !is_primary()) {
      fetch.from = primary();
    } else if (const auto prepared = others_that_prepared(slot, config_.self);
               !prepared.empty()) {
      const std::uint32_t thirds = slot.body_attempts / 3;
      fetch.from = slot.body_attempts % 3 == 0
                       ? next_peer(thirds)
                       : prepared[(slot.body_attempts - thirds) % prepared.size()];
    }
    for (const auto& [id, place] : slot.content->missing) fetch.ids.push_back(id);
    slot.asked_bodies_ms = now_.monotonic_ms;
    ++slot.body_attempts;
    out.fetch_bodies.push_back(std::move(fetch));
  }
}

// VIEW-CHANGEs that a NEW-VIEW names, NEW-VIEWs behind P entries, and at a new primary the batches
// that it must propose again.
Ask Replica::missing() const {
  Ask ask = view_changes_.missing();
  if (!is_primary() || !in_view_ || !voter_.may_vote_in(view_)) return ask;
  for (const auto& [sequence, plan] : reproposals_) {
    const auto slot = slots_.find(sequence);
    if (slot != slots_.end() && (slot->second.content || slot->second.find(plan.batch))) continue;
    if (!plan.is_null) ask.batches.push_back({sequence, plan.batch});
  }
  return ask;
}

std::uint64_t Replica::ask_retry_ms() const {
  const std::uint64_t rounds = (ask_attempts_ - 1) / others();
  return asked_ms_ +
         (config_.fetch_timeout_ms << std::min<std::uint64_t>(rounds, kBackoffDoublingsMax));
}

void Replica::ask_for_missing(Output& out) {
  Ask ask = missing();
  const std::size_t count = ask.view_changes.size() + ask.new_views.size() + ask.batches.size();
  const bool has_more = count > missing_count_;
  missing_count_ = count;
  if (has_more) ask_attempts_ = 0;
  if (count == 0 || (ask_attempts_ > 0 && now_.monotonic_ms < ask_retry_ms())) return;
  const bool from_primary = ask_attempts_ == 0 && !is_primary();
  const ReplicaId peer = from_primary ? primary() : next_peer(ask_attempts_);
  asked_ms_ = now_.monotonic_ms;
  ++ask_attempts_;
  ask.view_changes.resize(std::min(ask.view_changes.size(), kAskMax));
  ask.new_views.resize(std::min(ask.new_views.size(), kAskMax));
  ask.batches.resize(std::min(ask.batches.size(), kAskMax));
  out.send.push_back({peer, std::move(ask)});
}

std::uint64_t Replica::blocks_wait_until_ms() const {
  return sources_.is_flowing() ? 0 : progress_ms_ + kLagGraceMs;
}

void Replica::fetch_missing_blocks(Output& out) {
  if (execution_is_behind()) return;
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
  fetched_.try_emplace(sequence, *block);
}

void Replica::on(const BlocksEnded& event, Output&) {
  sources_.answer_ended(event.from, committed_, now_.monotonic_ms);
}

void Replica::report_status(Output& out) {
  if (others() == 0 && observers_.empty()) return report_pace_.rest(now_.monotonic_ms);
  if (!report_pace_.is_due(progress_ms_, now_.monotonic_ms)) return;
  out.send.push_back({std::nullopt, status_report(holdings(), has_pending_work())});
}

}  // namespace quorate::pbft
