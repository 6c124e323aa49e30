#include "pbft/suspicion.h"

#include <algorithm>

namespace quorate::pbft {
namespace {

constexpr std::uint32_t kDoublingsMax = 8;
// Gossip reaches replicas in different orders; that many overtake nobody by chance.
constexpr std::uint64_t kOvertakenMax = 32;
constexpr std::uint32_t kLateProposalsMax = 4;
constexpr std::size_t kRecentViewsMax = 4;
constexpr std::uint64_t kPaceTimeouts = 4;

}  // namespace

std::string_view suspicion_text(Suspected why) {
  switch (why) {
    case Suspected::kSilence: return "ready work and no progress";
    case Suspected::kCensorship: return "a ready transaction is passed over";
    case Suspected::kNoCheckpoint: return "executed batches stay without checkpoint";
    case Suspected::kLateProposals: return "its proposals lag behind the clock";
    case Suspected::kEquivocation: return "it equivocated";
    case Suspected::kCrawl: return "it is much slower than recent primaries";
    case Suspected::kNoNewView: return "no NEW-VIEW came";
    case Suspected::kJoined: return "f + 1 replicas moved on";
    case Suspected::kRecovering: return "it lost its votes and does not lead";
    case Suspected::kUndecided: return "what it proposed does not commit";
    case Suspected::kNotFilled: return "it does not fill up to the end of the epoch";
  }
  return "unknown";
}

void Pace::observe(bool has_full_batch, std::uint64_t now_ms) {
  if (!has_full_batch) {
    since_ms_.reset();
    return;
  }
  if (!since_ms_) {
    since_ms_ = now_ms;
    count_ = 0;
    return;
  }
  if (now_ms - *since_ms_ < window_ms_) return;
  const std::uint64_t per_s = count_ * 1000 / (now_ms - *since_ms_);
  best_per_s_ = std::max(best_per_s_, per_s);
  const std::uint64_t expected = recent_.empty() ? 0 : *std::ranges::max_element(recent_);
  slow_windows_ = per_s < expected / 2 ? slow_windows_ + 1 : 0;
  since_ms_ = now_ms;
  count_ = 0;
}

void Pace::enter_view() {
  if (best_per_s_ > 0) {
    recent_.push_back(best_per_s_);
    if (recent_.size() > kRecentViewsMax) recent_.pop_front();
  }
  best_per_s_ = 0;
  slow_windows_ = 0;
  since_ms_.reset();
}

Suspicion::Suspicion(std::uint64_t timeout_ms_min, std::uint64_t timeout_ms_max)
    : timeout_ms_min_(timeout_ms_min),
      timeout_ms_max_(timeout_ms_max),
      pace_(kPaceTimeouts * timeout_ms_min) {}

std::uint64_t Suspicion::timeout_ms() const {
  const std::uint64_t cap = std::max(timeout_ms_max_, 4 * new_view_cost_ms_);
  return std::min(timeout_ms_min_ << std::min(failed_views_, kDoublingsMax), cap);
}

void Suspicion::progressed(std::uint64_t transactions, std::uint64_t now_ms) {
  since_ms_ = std::max(since_ms_, now_ms);
  has_progress_ = true;
  failed_views_ = 0;
  pace_.executed(transactions);
}

void Suspicion::overtook(const TxId& oldest, std::uint64_t count) {
  if (overtaken_ != oldest) overtaken_by_ = 0;
  overtaken_ = oldest;
  overtaken_by_ += count;
}

void Suspicion::fresh_proposal(bool is_late, std::uint64_t now_ms) {
  if (!is_late) {
    late_proposals_ = 0;
    return;
  }
  if (late_proposals_++ == 0) late_since_ms_ = now_ms;
  late_until_ms_ = now_ms;
}

void Suspicion::leave_view() {
  if (!has_progress_) ++failed_views_;
  clear();
}

void Suspicion::clear() {
  has_progress_ = false;
  moving_since_ms_.reset();
  overtaken_.reset();
  overtaken_by_ = 0;
  late_proposals_ = 0;
  equivocated_ = false;
  abdicated_ = false;
}

void Suspicion::enter_view(std::uint64_t now_ms) {
  // The cost of the step from one view to the next, not of waiting for others to take it.
  if (moving_since_ms_) new_view_cost_ms_ = now_ms - *moving_since_ms_;
  clear();
  since_ms_ = now_ms;
  pace_.enter_view();
}

void Suspicion::quorum_moves(std::uint64_t now_ms) {
  if (!moving_since_ms_) moving_since_ms_ = now_ms;
}

std::optional<std::uint64_t> Suspicion::silence_ends_ms(const Situation& situation) const {
  if (!situation.oldest_ready_ms) return std::nullopt;
  return std::max(*situation.oldest_ready_ms, since_ms_) + timeout_ms();
}

std::optional<std::uint64_t> Suspicion::undecided_ends_ms(const Situation& situation) const {
  if (!situation.undecided_since_ms) return std::nullopt;
  return std::max(*situation.undecided_since_ms, since_ms_) + timeout_ms();
}

std::optional<std::uint64_t> Suspicion::checkpoint_ends_ms(const Situation& situation) const {
  if (!situation.unchecked_since_ms) return std::nullopt;
  return std::max(*situation.unchecked_since_ms, since_ms_) + situation.checkpoint_due_ms +
         timeout_ms();
}

std::optional<std::uint64_t> Suspicion::unfilled_ends_ms(const Situation& situation) const {
  if (!situation.unfilled_since_ms) return std::nullopt;
  return std::max(*situation.unfilled_since_ms, since_ms_) + situation.checkpoint_due_ms +
         timeout_ms();
}

std::optional<Suspected> Suspicion::judge(const Situation& situation, std::uint64_t now_ms) const {
  if (equivocated_) return Suspected::kEquivocation;
  if (abdicated_) return Suspected::kRecovering;
  if (!situation.is_connected) return std::nullopt;
  if (const auto end = silence_ends_ms(situation); end && now_ms >= *end) {
    return Suspected::kSilence;
  }
  if (const auto end = undecided_ends_ms(situation); end && now_ms >= *end) {
    return Suspected::kUndecided;
  }
  if (overtaken_by_ >= kOvertakenMax) return Suspected::kCensorship;
  if (const auto end = checkpoint_ends_ms(situation); end && now_ms >= *end) {
    return Suspected::kNoCheckpoint;
  }
  if (const auto end = unfilled_ends_ms(situation); end && now_ms >= *end) {
    return Suspected::kNotFilled;
  }
  if (late_proposals_ >= kLateProposalsMax && late_until_ms_ - late_since_ms_ > timeout_ms()) {
    return Suspected::kLateProposals;
  }
  if (pace_.crawls()) return Suspected::kCrawl;
  return std::nullopt;
}

std::optional<std::uint64_t> Suspicion::deadline_ms(const Situation& situation) const {
  if (!situation.is_connected) return std::nullopt;
  std::optional<std::uint64_t> earliest;
  for (const auto& end : {silence_ends_ms(situation), undecided_ends_ms(situation),
                          checkpoint_ends_ms(situation), unfilled_ends_ms(situation)}) {
    if (end) earliest = std::min(earliest.value_or(*end), *end);
  }
  return earliest;
}

std::optional<std::uint64_t> Suspicion::new_view_deadline_ms() const {
  if (!moving_since_ms_) return std::nullopt;
  return *moving_since_ms_ + timeout_ms();
}

}  // namespace quorate::pbft
