#include "node/pow_scores.h"

#include <algorithm>
#include <utility>

namespace quorate::node {

std::uint32_t points_of(pow::Reject why) {
  switch (why) {
    // Our own wish.
    case pow::Reject::kMarkedByHand:
    case pow::Reject::kBlockUnknown:
    case pow::Reject::kGenesisStands:
      return 0;
    // Happens to honest peers as well: one of the two lags, clocks differ, we marked a block.
    case pow::Reject::kParentUnknown:
    case pow::Reject::kTimeTooNew:
    case pow::Reject::kParentInvalid:
      return 1;
    // Costs memory or work.
    case pow::Reject::kTooLittleWork:
    case pow::Reject::kRefusedByState:
      return 20;
    default:
      return kForgery;
  }
}

bool PeerScore::add(std::uint32_t points, std::string reason, std::uint64_t now_ms) {
  if (points == 0 || is_refused(now_ms)) return false;
  points_ = this->points(now_ms) + points;
  since_ms_ = now_ms;
  if (points_ < kScoreMax) return false;
  points_ = 0;
  refused_until_ms_ = now_ms + kRefusedMs;
  reason_ = std::move(reason);
  return true;
}

std::uint32_t PeerScore::points(std::uint64_t now_ms) const {
  const std::uint64_t faded = (std::max(now_ms, since_ms_) - since_ms_) / 1000;
  return faded >= points_ ? 0 : points_ - static_cast<std::uint32_t>(faded);
}

}  // namespace quorate::node
