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
// A peer that recovers again and again is helped this often.
constexpr std::uint64_t kFillIntervalMs = 10'000;
}  // namespace

void Replica::on(const PeerConnected& event, Output& out) {
  disconnected_.erase(event.peer);
  sources_.forgive(event.peer);
  out.send.push_back({event.peer, status_report(true)});
}

void Replica::on(const PeerDisconnected& event, Output&) {
  if (event.peer != config_.self && event.peer.value < size()) disconnected_.insert(event.peer);
}

void Replica::on(const StatusArrived& event, Output& out) {
  if (event.from == config_.self || event.from.value >= size()) return;
  const StatusReport& report = event.report;
  if (report.epoch != epoch_) return;
  sources_.claim(event.from, report.executed);
  Peer& peer = peers_[event.from];
  grant_filling(peer, report.fill_to);
  if (event.from == primary() && in_view_ && report.fill_to > low_) suspicion_.abdicated();
  if (peer.answered_ms != 0 && now_.monotonic_ms - peer.answered_ms < kAnswerIntervalMs) return;
  peer.answered_ms = now_.monotonic_ms;
  ++peer.answers;
  resend_checkpoint(event.from, report, out);
  resend_view(event.from, report, out);
  if (report.view == slots_view_ && report.in_view) resend_votes(event.from, report, out);
  // One that is behind may not know it, and we may be too busy to report unasked.
  if (report.wants_answer || report.executed < executed_ || report.view > view_) {
    out.send.push_back({event.from, status_report(false)});
  }
}

// What a recovering replica asks for is filled up to our window as it is now, once in a while: who
// asks for ever must not fill the ledger with nothing.
void Replica::grant_filling(Peer& peer, Sequence fill_to) {
  if (fill_to <= low_) {
    peer.fill_to = {};
    return;
  }
  if (peer.fill_to.value > 0 && fill_to <= peer.fill_to) return;
  if (peer.fill_granted_ms != 0 && now_.monotonic_ms - peer.fill_granted_ms < kFillIntervalMs) {
    return;
  }
  const std::uint64_t interval = config_.parameters.checkpoint_interval;
  const std::uint64_t beyond = fill_to.value % interval;
  const std::uint64_t rounded = beyond == 0 ? fill_to.value : fill_to.value - beyond + interval;
  if (rounded < fill_to.value) return;  // no number that high
  peer.fill_to = std::min(Sequence{rounded}, high_watermark());
  if (peer.fill_to.value == rounded) peer.fill_granted_ms = now_.monotonic_ms;
}

void Replica::resend_checkpoint(ReplicaId peer, const StatusReport& report, Output& out) {
  if (stable_ && report.stable < low_) out.send.push_back({peer, *stable_});
  const CheckpointVote* own = checkpoints_.latest(config_.self);
  if (own && own->note.sequence > report.stable) out.send.push_back({peer, *own});
}

// STATUS-PENDING (TOCS '02 §5.2): the NEW-VIEW that the peer lacks, else our VIEW-CHANGE.
void Replica::resend_view(ReplicaId peer, const StatusReport& report, Output& out) {
  if (report.view > view_ || (report.view == view_ && report.in_view)) return;
  if (in_view_) {
    if (const NewView* message = view_changes_.new_view(new_view_)) {
      out.send.push_back({peer, *message});
    }
    return;
  }
  const std::size_t place = config_.self.value / 8;
  const bool has_ours = report.view == view_ && place < report.view_changes.size() &&
                        (report.view_changes[place] >> (config_.self.value % 8) & 1) != 0;
  const ViewChange* own = view_changes_.own();
  if (own && own->body.view == view_ && !has_ours) out.send.push_back({peer, *own});
}

void Replica::on(const AskArrived& event, Output& out) {
  if (event.from == config_.self || event.from.value >= size()) return;
  const Ask& ask = event.ask;
  for (const Digest& digest : ask.view_changes) {
    if (const ViewChange* message = known_view_change(digest)) {
      out.send.push_back({event.from, *message});
    }
  }
  for (const Digest& digest : ask.new_views) {
    if (const NewView* message = view_changes_.new_view(digest)) {
      out.send.push_back({event.from, *message});
    } else if (const auto stored = transcripts_.find(digest); stored != transcripts_.end()) {
      out.send.push_back({event.from, stored->second.new_view});
    }
  }
  for (const BatchName& name : ask.batches) {
    const auto slot = slots_.find(name.sequence);
    const Content* content = slot == slots_.end() ? nullptr : slot->second.find(name.batch);
    if (content) out.send.push_back({event.from, BatchAnswer{content->batch}});
  }
}

const ViewChange* Replica::known_view_change(const Digest& content) const {
  if (const ViewChange* message = view_changes_.view_change(content)) return message;
  for (const auto& [digest, transcript] : transcripts_) {
    const auto& names = transcript.new_view.body.view_changes;
    const auto name = std::ranges::find(names, content, &ViewChangeName::content);
    if (name != names.end()) {
      return &transcript.view_changes[static_cast<std::size_t>(name - names.begin())];
    }
  }
  return nullptr;
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
  if (event.from == config_.self || event.from.value >= size()) return;
  const std::set<TxId> wanted(event.ids.begin(), event.ids.end());
  std::map<TxId, TransactionPtr> found;
  const auto look_in = [&](const Content& content) {
    for (std::size_t i = 0; i < content.batch.ids.size(); ++i) {
      if (content.bodies[i] && wanted.contains(content.batch.ids[i])) {
        found.emplace(content.batch.ids[i], content.bodies[i]);
      }
    }
  };
  for (const auto& [sequence, slot] : slots_) {
    if (slot.content) look_in(*slot.content);
    for (const Content& content : slot.kept) look_in(content);
  }
  if (found.empty()) return;
  BodySend answer{event.from, {}};
  for (auto& [id, body] : found) answer.transactions.push_back(std::move(body));
  out.send_bodies.push_back(std::move(answer));
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
  StatusReport report;
  report.epoch = epoch_;
  report.view = view_;
  report.in_view = in_view_;
  report.executed = executed_;
  report.stable = low_;
  report.wants_answer = wants_answer;
  if (voter_.standing() == Standing::kRecovering) report.fill_to = voter_.ceiling().sequence;
  if (!in_view_) {
    report.view_changes.assign((size() + 7) / 8, 0);
    for (std::size_t i = 0; i < size(); ++i) {
      if (!view_changes_.has(view_, {static_cast<std::uint16_t>(i)})) continue;
      report.view_changes[i / 8] |= static_cast<std::uint8_t>(1u << (i % 8));
    }
  }
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
    if (slot.certificate && slot.find(slot.certificate->batch)) bits |= kSlotCommitted;
    report.slots[place] = bits;
  }
  return report;
}

void Replica::resend_votes(ReplicaId peer, const StatusReport& report, Output& out) {
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
    if (!slot.content || slot.content->is_complete() || slot.proposal_lost()) continue;
    const bool is_first = slot.body_attempts == 0;
    if (!is_first && now_.monotonic_ms < body_retry_ms(slot)) continue;
    // The proposer first: it must have them. Then everyone in turn.
    const bool from_primary = is_first && !is_primary();
    BodyFetch fetch{from_primary ? primary() : next_peer(slot.body_attempts), {}};
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
  const std::uint64_t rounds = (ask_attempts_ - 1) / (size() - 1);
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
