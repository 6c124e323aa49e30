#include "pbft/favours.h"

#include <algorithm>

namespace quorate::pbft {

bool Favours::answer(ReplicaId peer, std::uint64_t now_ms) {
  Peer& known = peers_[peer];
  if (known.answered_ms != 0 && now_ms - known.answered_ms < kAnswerPauseMs) return false;
  known.answered_ms = now_ms;
  ++known.answers;
  return true;
}

std::uint32_t Favours::answers(ReplicaId peer) const {
  const auto known = peers_.find(peer);
  return known == peers_.end() ? 0 : known->second.answers;
}

bool Favours::ask(ReplicaId peer, std::uint64_t now_ms, std::uint64_t pause_ms) {
  Peer& known = peers_[peer];
  if (known.asked_ms != 0 && now_ms - known.asked_ms < pause_ms) return false;
  known.asked_ms = now_ms;
  return true;
}

void Favours::ask_to_fill(ReplicaId peer, Sequence fill_to, const FillLimits& limits,
                          std::uint64_t now_ms) {
  Peer& known = peers_[peer];
  if (fill_to <= limits.low) {
    known.fill_to = {};
    return;
  }
  if (known.fill_to.value > 0 && fill_to <= known.fill_to) return;
  if (known.fill_granted_ms != 0 && now_ms - known.fill_granted_ms < kFillPauseMs) return;
  const std::uint64_t beyond = fill_to.value % limits.interval;
  const std::uint64_t rounded =
      beyond == 0 ? fill_to.value : fill_to.value - beyond + limits.interval;
  if (rounded < fill_to.value) return;  // no number that high
  known.fill_to = std::min(Sequence{rounded}, limits.high);
  if (known.fill_to.value == rounded) known.fill_granted_ms = now_ms;
}

Sequence Favours::fill_to() const {
  Sequence highest;
  for (const auto& [id, peer] : peers_) highest = std::max(highest, peer.fill_to);
  return highest;
}

void ReportPace::hasten(std::uint64_t now_ms) {
  if (pause_ms_ == pause_ms_min_) return;
  pause_ms_ = pause_ms_min_;
  next_ms_ = std::min(next_ms_, now_ms + pause_ms_);
}

bool ReportPace::is_due(std::uint64_t progress_ms, std::uint64_t now_ms) {
  if (progress_ms > last_ms_ || next_ms_ == 0) {
    // Something moved since the last report: no need to ask before it stops moving.
    pause_ms_ = pause_ms_min_;
    last_ms_ = std::max(progress_ms, now_ms);
    next_ms_ = last_ms_ + pause_ms_;
    return false;
  }
  if (now_ms < next_ms_) return false;
  last_ms_ = now_ms;
  pause_ms_ = std::min(pause_ms_ * 2, pause_ms_max_);
  next_ms_ = now_ms + pause_ms_;
  return true;
}

}  // namespace quorate::pbft
