#pragma once

// The schedule of an open loop: when each transaction is due, whatever became of those before it.

#include <cstdint>

namespace quorate::node {

inline constexpr std::uint64_t kMicrosecondsPerSecond = 1'000'000;

// When arrival `number` (from 0) of `rate_per_s` is due, in microseconds since the start.
// Preconditions: rate_per_s > 0, number < 2^44.
[[nodiscard]] constexpr std::uint64_t arrival_us(std::uint64_t number, std::uint64_t rate_per_s) {
  return number * kMicrosecondsPerSecond / rate_per_s;
}

// How many of them a run of this length has.
[[nodiscard]] constexpr std::uint64_t arrivals_in_ms(std::uint64_t duration_ms,
                                                     std::uint64_t rate_per_s) {
  return (duration_ms * rate_per_s + 999) / 1000;
}

}  // namespace quorate::node
