#pragma once

// When to give up on a primary: the timers and the rules, apart from the protocol.
//
// Timers follow ready work. *Ready* is a transaction that passes admission in this node's last
// executed state; *progress* is the execution of one. A primary is suspected when ready work exists
// and no progress comes for T; when the batch in turn is proposed and finds no quorum for T, be it
// a null batch that a recovering replica asked for; when a ready transaction is overtaken by many
// that became ready T later (censorship); when executed batches stay without checkpoint past their
// time; when the places before the end of an epoch are not filled in that time; when its fresh
// proposals lag behind this clock; when it is proved to equivocate; and when
// it crawls, compared with what recent views reached (Clement et al., Aardvark, NSDI '09 §4.3).
//
// T doubles with each view that brings no progress, comes back with progress, and is capped:
// doubling without a cap strands networks for hours. Deterministic, integers only; not thread-safe.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "pbft/message.h"

namespace quorate::pbft {

enum class Suspected : std::uint8_t {
  kSilence, kCensorship, kNoCheckpoint, kLateProposals, kEquivocation, kCrawl, kNoNewView, kJoined,
  kRecovering, kUndecided, kNotFilled
};
[[nodiscard]] std::string_view suspicion_text(Suspected why);

// How fast transactions are executed while a full batch of them waits.
class Pace {
 public:
  explicit Pace(std::uint64_t window_ms) : window_ms_(window_ms) {}

  void executed(std::uint64_t transactions) { count_ += transactions; }
  // Call after every input: whether a full batch of ready work waits.
  void observe(bool has_full_batch, std::uint64_t now_ms);
  void enter_view();
  // Two windows in a row at less than half of what recent views reached.
  [[nodiscard]] bool crawls() const { return slow_windows_ >= 2; }

 private:
  std::uint64_t window_ms_;
  std::optional<std::uint64_t> since_ms_;  // the window that is open
  std::uint64_t count_ = 0;
  std::uint64_t best_per_s_ = 0;           // of this view
  std::deque<std::uint64_t> recent_;       // best rates of the last views that had a full window
  std::uint32_t slow_windows_ = 0;
};

// What the replica knows at an input.
struct Situation {
  std::optional<std::uint64_t> oldest_ready_ms;  // nullopt: no ready work, or execution is behind
  std::optional<std::uint64_t> unchecked_since_ms;  // executed batches without checkpoint
  std::optional<std::uint64_t> undecided_since_ms;  // the next sequence is proposed, not committed
  std::uint64_t checkpoint_due_ms = 0;           // how long those may stay so, without T
  std::optional<std::uint64_t> unfilled_since_ms;  // the epoch's end is known and not committed
  bool is_connected = true;  // enough peers for a quorum: else another primary would not help
};

class Suspicion {
 public:
  // In milliseconds: T at its smallest, and its cap.
  Suspicion(std::uint64_t timeout_ms_min, std::uint64_t timeout_ms_max);

  [[nodiscard]] std::uint64_t timeout_ms() const;

  // The replica did not run for a while (it was stopped, or its machine was), or its execution was
  // far behind: what it missed says nothing about the primary.
  void woke_up(std::uint64_t now_ms) { since_ms_ = std::max(since_ms_, now_ms); }
  void progressed(std::uint64_t transactions, std::uint64_t now_ms);
  // `count` transactions that became ready T after `oldest`, which waits, were committed.
  void overtook(const TxId& oldest, std::uint64_t count);
  void fresh_proposal(bool is_late, std::uint64_t now_ms);
  void equivocated() { equivocated_ = true; }
  // It says itself that it recovers and signs nothing, or that it is not in the view that it leads.
  void abdicated() { abdicated_ = true; }
  void observe_backlog(bool has_full_batch, std::uint64_t now_ms) {
    pace_.observe(has_full_batch, now_ms);
  }

  // The view is left without (more) progress, or for a NEW-VIEW that did not come.
  void leave_view();
  void enter_view(std::uint64_t now_ms);
  // A quorum moves to the view: now its primary's time runs.
  void quorum_moves(std::uint64_t now_ms);

  // In a view. nullopt: nothing to say against the primary.
  [[nodiscard]] std::optional<Suspected> judge(const Situation& situation,
                                               std::uint64_t now_ms) const;
  // When `judge` may say something else, without another input.
  [[nodiscard]] std::optional<std::uint64_t> deadline_ms(const Situation& situation) const;
  // Between views: when the next one is due; nullopt: a quorum has not moved yet.
  [[nodiscard]] std::optional<std::uint64_t> new_view_deadline_ms() const;

 private:
  void clear();
  [[nodiscard]] std::optional<std::uint64_t> silence_ends_ms(const Situation& situation) const;
  [[nodiscard]] std::optional<std::uint64_t> undecided_ends_ms(const Situation& situation) const;
  [[nodiscard]] std::optional<std::uint64_t> checkpoint_ends_ms(const Situation& situation) const;
  [[nodiscard]] std::optional<std::uint64_t> unfilled_ends_ms(const Situation& situation) const;

  std::uint64_t timeout_ms_min_;
  std::uint64_t timeout_ms_max_;
  std::uint32_t failed_views_ = 0;
  bool has_progress_ = true;               // in this view; view 0 of a start counts as good
  std::uint64_t since_ms_ = 0;             // nothing before this counts against the primary
  std::uint64_t new_view_cost_ms_ = 0;     // the longest of late
  std::optional<std::uint64_t> moving_since_ms_;
  std::optional<TxId> overtaken_;
  std::uint64_t overtaken_by_ = 0;
  std::uint32_t late_proposals_ = 0;       // in a row
  std::uint64_t late_since_ms_ = 0;
  std::uint64_t late_until_ms_ = 0;
  bool equivocated_ = false;
  bool abdicated_ = false;
  Pace pace_;
};

}  // namespace quorate::pbft
