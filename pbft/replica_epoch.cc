// Where an epoch ends, and what is said to those who are not in it (DESIGN §4, Membership).
//
// A change of membership that was executed at s takes effect after the boundary s + L. Whoever has
// not executed s, nor seen a stable checkpoint that covers it, has a window that ends below the
// boundary anyway; so no correct replica votes above it, and every place up to it is filled by the
// old set. What the boundary's checkpoint certifies is where the new set begins.

#include <algorithm>
#include <utility>

#include "pbft/replica.h"

namespace quorate::pbft {

void Replica::learn_boundary(Sequence boundary, Output& out) {
  if (boundary_) return;
  set_boundary(boundary);
  out.events.push_back(BoundaryKnown{boundary});
  report_pace_.hasten(now_.monotonic_ms);
}

void Replica::set_boundary(Sequence boundary) {
  boundary_ = boundary;
  boundary_since_ms_ = now_.monotonic_ms;
  voter_.set_boundary(boundary);
  sources_.set_end(boundary);
}

bool Replica::fills_up() const { return boundary_ && committed_ < *boundary_; }

void Replica::end_epoch(Output& out) {
  if (has_ended_ || has_diverged_ || !boundary_ || !stable_) return;
  if (stable_->note.sequence < *boundary_ || executed_ < *boundary_) return;
  has_ended_ = true;
  out.epoch_ended = stable_;
}

// A report from another epoch, or between a member and one that is none: no vote of either means
// anything to the other. What ended the sender's epoch, or the stable checkpoint if it is in ours,
// and how far we are; the blocks between it can ask for.
void Replica::answer_outsider(const StatusArrived& event, Output& out) {
  const StatusReport& report = event.report;
  const bool is_left_behind = report.epoch < epoch_ || report.executed < executed_;
  if (!is_left_behind && !report.wants_answer) return;
  if (!favours_.answer(event.from, now_.monotonic_ms)) return;
  if (report.epoch == epoch_) {
    if (stable_ && report.stable < low_) out.send.push_back({event.from, *stable_});
  } else if (const auto last = past_.find(report.epoch); last != past_.end()) {
    if (report.stable < last->second.note.sequence) out.send.push_back({event.from, last->second});
  }
  out.send.push_back({event.from, status_report(holdings(), false)});
}

}  // namespace quorate::pbft
