#pragma once

// How badly a peer of a proof-of-work chain behaves, and from when on nobody listens to it.
//
// Points are for what a peer's words cost or forge. They fade by one a second, so that what happens
// to honest peers now and then never adds up, and what a flood does always does. A peer with
// kScoreMax points is refused for kRefusedMs. Pure; time is told.

#include <cstdint>
#include <string>

#include "pow/reject.h"

namespace quorate::node {

inline constexpr std::uint32_t kScoreMax = 100;
inline constexpr std::uint64_t kRefusedMs = 600'000;
inline constexpr std::uint32_t kForgery = kScoreMax;  // what no honest node can say

// Of a refusal that a peer caused.
[[nodiscard]] std::uint32_t points_of(pow::Reject why);

class PeerScore {
 public:
  // True: with this the peer is refused from now on; `reason` is kept for people.
  bool add(std::uint32_t points, std::string reason, std::uint64_t now_ms);
  [[nodiscard]] bool is_refused(std::uint64_t now_ms) const { return now_ms < refused_until_ms_; }
  [[nodiscard]] std::uint32_t points(std::uint64_t now_ms) const;
  // Of the last refusal; empty: never.
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  std::uint32_t points_ = 0;
  std::uint64_t since_ms_ = 0;  // when points_ was right
  std::uint64_t refused_until_ms_ = 0;
  std::string reason_;
};

}  // namespace quorate::node
