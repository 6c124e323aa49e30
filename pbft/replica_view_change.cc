// From view to view (OSDI '99 §4.4), and when to give up on a primary (pbft/suspicion.h).

#include <algorithm>
#include <utility>

#include "ledger/quorum.h"
#include "pbft/replica.h"

namespace quorate::pbft {

namespace {
constexpr std::size_t kRelayMax = 256;
// Transcripts beyond those that P entries here rely on, for peers that are behind.
constexpr std::size_t kTranscriptsKept = 8;
}  // namespace

void Replica::on(const crypto::Verified<ViewChange>& message, Output& out) {
  if (message->body.epoch != epoch_) return;
  if (message->body.replica == config_.self) return view_changes_.add_forgotten(*message);
  if (auto found = view_changes_.add(*message)) out.evidence.emplace_back(std::move(*found));
}

void Replica::on(const crypto::Verified<NewView>& message, Output& out) {
  if (message->body.epoch != epoch_) return;
  if (message->body.replica == config_.self) return view_changes_.add_forgotten(*message);
  if (auto found = view_changes_.add(*message)) {
    if (message->body.view == view_) suspicion_.equivocated();
    out.evidence.emplace_back(std::move(*found));
  }
}

void Replica::move_between_views(Output& out) {
  store_transcripts_behind(out);
  // A complete NEW-VIEW stands for a quorum that moved: whoever sees it follows.
  const View from = in_view_ ? next(view_) : view_;
  if (const auto transcript = view_changes_.complete_from(from)) enter_view(*transcript, out);
  if (const auto view = view_changes_.view_to_join(view_)) {
    leave_view_for(*view, Suspected::kJoined, out);
  }
  if (in_view_) return;
  // Those who went further have moved too: without them, one that advanced alone would leave the
  // others without a timer.
  if (view_changes_.count_from(view_) >= ledger::quorum(size())) {
    suspicion_.quorum_moves(now_.monotonic_ms);
  }
  if (open_view(out)) return;
  const auto due_ms = suspicion_.new_view_deadline_ms();
  if (due_ms && now_.monotonic_ms >= *due_ms) {
    leave_view_for(next(view_), Suspected::kNoNewView, out);
  }
}

// A replica that recovered may have to go further than it is asked to: it cannot speak of views up
// to its floor, and one that stayed below it would be mute for good.
void Replica::leave_view_for(View at_least, Suspected why, Output& out) {
  if (const auto to = voter_.view_to_move_to(at_least)) leave_view(*to, why, out);
}

// OSDI '99 §4.4: VIEW-CHANGE with the stable checkpoint (C) and what is prepared above it (P).
void Replica::leave_view(View to, Suspected why, Output& out) {
  ViewChange message{{epoch_, to, config_.self, stable_, {}}, {}};
  for (const auto& [sequence, slot] : slots_) {
    if (slot.prepared) message.body.prepared.push_back(*slot.prepared);
  }
  Signed<Signature> signature = voter_.view_change(message.body);
  if (!signature) return refuse(std::move(signature.error()), out);
  message.signature = *signature;
  out.events.push_back(ViewLeft{view_, to, why});
  view_ = to;
  view_since_ms_ = now_.monotonic_ms;
  in_view_ = false;
  suspicion_.leave_view();
  if (early_view_ != to) early_.clear();
  static_cast<void>(view_changes_.add(message));
  out.persist.emplace_back(ViewChangeRecord{message});
  out.send.push_back({std::nullopt, std::move(message)});
  report_pace_.hasten(now_.monotonic_ms);
}

bool Replica::open_view(Output& out) {
  if (!is_primary() || !voter_.may_vote_in(view_)) return false;
  std::vector<ViewChange> view_changes = view_changes_.quorum_for(view_);
  if (view_changes.empty()) return false;
  Transcript transcript{{{epoch_, view_, config_.self, {}}, {}}, std::move(view_changes)};
  NewView& message = transcript.new_view;
  for (const ViewChange& named : transcript.view_changes) {
    message.body.view_changes.push_back({named.body.replica, view_vote(named.body).content});
  }
  Signed<Signature> signature = voter_.new_view(message.body);
  if (!signature) {
    refuse(std::move(signature.error()), out);
    return false;
  }
  message.signature = *signature;
  static_cast<void>(view_changes_.add(message));
  out.send.push_back({std::nullopt, message});
  enter_view(transcript, out);
  return true;
}

void Replica::enter_view(const Transcript& transcript, Output& out) {
  const Digest digest = view_vote(transcript.new_view.body).content;
  if (transcripts_.emplace(digest, transcript).second) {
    out.persist.emplace_back(TranscriptRecord{transcript});
  }
  for (auto& [sequence, slot] : slots_) {
    unname(slot);
    pbft::leave_view(slot);
  }
  const NewViewPlan plan = plan_new_view(transcript.view_changes, config_.replicas.start);
  if (plan.stable) make_stable(*plan.stable, out);
  begin_view(transcript);
  out.events.push_back(ViewEntered{view_, new_view_, plan.low, plan.high});
  suspicion_.enter_view(now_.monotonic_ms);
  requests_.forget_relayed();
  newest_proposed_ms_ = 0;
  store_transcripts_behind(out);
  report_pace_.hasten(now_.monotonic_ms);
  const auto early = std::exchange(early_, {});
  if (early_view_ != view_) return;
  for (const auto& [place, message] : early) {
    std::visit([&](const auto& vote) { on(vote, out); }, message);
  }
}

// The state of a view at its beginning; also after a restart in it.
void Replica::begin_view(const Transcript& transcript) {
  const NewViewPlan plan = plan_new_view(transcript.view_changes, config_.replicas.start);
  view_ = transcript.new_view.body.view;
  view_since_ms_ = now_.monotonic_ms;
  in_view_ = true;
  slots_view_ = view_;
  new_view_ = view_vote(transcript.new_view.body).content;
  plan_high_ = plan.high;
  last_proposed_ = std::max(committed_, plan.high);
  reproposals_.clear();
  for (const Reproposal& slot : plan.slots) {
    if (slot.sequence <= low_) continue;
    reproposals_.emplace(slot.sequence, slot);
    if (!slot.new_view.is_zero() && !transcripts_.contains(slot.new_view)) {
      view_changes_.want(slot.new_view);
    }
  }
  view_changes_.entered(view_);
}

// What a P entry of an earlier view relies on is stored before anyone here prepares it: when more
// than f lie, it names them (DESIGN §4, Accountability).
void Replica::store_transcripts_behind(Output& out) {
  for (const auto& [sequence, plan] : reproposals_) {
    if (!view_changes_.is_wanted(plan.new_view)) continue;
    auto transcript = view_changes_.complete(plan.new_view);
    if (!transcript) continue;
    view_changes_.unwant(plan.new_view);
    out.persist.emplace_back(TranscriptRecord{*transcript});
    transcripts_.emplace(plan.new_view, std::move(*transcript));
  }
  if (transcripts_.size() <= kTranscriptsKept) return;
  std::set<Digest> needed{new_view_};
  for (const auto& [sequence, plan] : reproposals_) needed.insert(plan.new_view);
  for (const auto& [sequence, slot] : slots_) {
    if (slot.prepared) needed.insert(slot.prepared->pre_prepare.new_view);
  }
  std::erase_if(transcripts_, [&](const auto& entry) { return !needed.contains(entry.first); });
}

bool Replica::has_transcript_behind(Sequence sequence) const {
  const auto plan = reproposals_.find(sequence);
  return plan == reproposals_.end() || plan->second.new_view.is_zero() ||
         transcripts_.contains(plan->second.new_view);
}

// Votes of the view that we are about to enter may overtake its NEW-VIEW.
template <class T>
bool Replica::keep_for_later(const crypto::Verified<T>& message, Phase phase) {
  const Vote& vote = message->vote;
  const View upcoming = in_view_ ? next(view_) : view_;
  if (vote.epoch != epoch_ || vote.view != upcoming || vote.view == slots_view_) return false;
  if (vote.sequence <= low_ || vote.sequence.value > high_watermark().value + window()) {
    return false;
  }
  if (early_view_ != upcoming) early_.clear();
  early_view_ = upcoming;
  early_.insert_or_assign({vote.sequence, phase, vote.replica}, message);
  return true;
}
template bool Replica::keep_for_later(const crypto::Verified<PrePrepare>&, Phase);
template bool Replica::keep_for_later(const crypto::Verified<Prepare>&, Phase);
template bool Replica::keep_for_later(const crypto::Verified<Commit>&, Phase);

std::optional<std::uint64_t> Replica::patience_ends_ms() const {
  if (!voter_.may_vote() || others() == 0 || (in_view_ && is_primary())) return std::nullopt;
  return in_view_ ? suspicion_.deadline_ms(situation()) : suspicion_.new_view_deadline_ms();
}

Situation Replica::situation() const {
  Situation result;
  // While committed requests wait for execution here, progress is on its way.
  const bool waits_here = executing_ready_ > 0 || execution_is_behind();
  if (!waits_here) result.oldest_ready_ms = requests_.oldest_ready_ms();
  result.undecided_since_ms = undecided_since_ms_;
  if (committed_ == executed_) result.unchecked_since_ms = unchecked_since_ms_;
  if (fills_up()) result.unfilled_since_ms = boundary_since_ms_;
  result.checkpoint_due_ms =
      config_.parameters.checkpoint_quiet_ms + config_.parameters.time_slack_ms;
  result.is_connected = size() - disconnected_.size() >= ledger::quorum(size());
  return result;
}

void Replica::note_undecided() {
  const auto slot = slots_.find(next(committed_));
  const bool is_undecided = in_view_ && slot != slots_.end() && slot->second.proposal &&
                            !slot->second.certificate;
  if (!is_undecided) {
    undecided_since_ms_.reset();
  } else if (!undecided_since_ms_ || undecided_ != slot->first) {
    undecided_since_ms_ = now_.monotonic_ms;
    undecided_ = slot->first;
  }
}

void Replica::suspect(Output& out) {
  note_undecided();
  suspicion_.observe_backlog(
      requests_.unordered() >= config_.parameters.batch_transactions_max, now_.monotonic_ms);
  if (!in_view_ || is_primary() || others() == 0 || !voter_.may_vote()) return;
  if (const auto why = suspicion_.judge(situation(), now_.monotonic_ms)) {
    leave_view_for(next(view_), *why, out);
    move_between_views(out);  // others may have moved before
  }
}

// A batch was committed in which these became ready here, then.
void Replica::note_overtaken(const std::vector<std::uint64_t>& ready_ms) {
  const auto oldest = requests_.oldest_waiting();
  if (!oldest) return;
  const std::uint64_t limit = oldest->ready_ms + suspicion_.timeout_ms();
  const auto later = std::ranges::count_if(
      ready_ms, [&](std::uint64_t other) { return other >= limit; });
  if (later > 0) suspicion_.overtook(oldest->id, static_cast<std::uint64_t>(later));
}

// OSDI '99 §4.1: backups relay what the primary seems not to have. It has a quarter of T, unless it
// proposes what became ready here later.
std::optional<std::uint64_t> Replica::relay_deadline_ms() const {
  if (is_primary() || is_observer() || !in_view_ || disconnected_.contains(primary())) {
    return std::nullopt;
  }
  const auto ready_ms = requests_.next_for_relay_ms();
  if (!ready_ms) return std::nullopt;
  const std::uint64_t patience_ms = config_.request_timeout_ms / 4;
  const std::uint64_t due_ms = *ready_ms + patience_ms;
  if (newest_proposed_ms_ > *ready_ms + patience_ms / 2) return due_ms;
  return std::max(due_ms, progress_ms_ + patience_ms);
}

void Replica::relay(Output& out) {
  const auto due_ms = relay_deadline_ms();
  if (!due_ms || now_.monotonic_ms < *due_ms) return;
  const std::uint64_t ready_by_ms = now_.monotonic_ms - config_.request_timeout_ms / 4;
  std::vector<TransactionPtr> bodies = requests_.take_for_relay(ready_by_ms, kRelayMax);
  if (!bodies.empty()) out.send_bodies.push_back({primary(), std::move(bodies)});
}

}  // namespace quorate::pbft
