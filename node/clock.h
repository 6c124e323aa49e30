#pragma once

// The host's two clocks, in the shapes that the cores want.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "pbft/step.h"

namespace quorate::node {

// Never goes back. Never 0, which the cores use for "not yet".
[[nodiscard]] inline std::uint64_t monotonic_ms() {
  return 1 + static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                            std::chrono::steady_clock::now().time_since_epoch())
                                            .count());
}

// How far this process's wall clock is ahead of the machine's: 0 but in a testnet where somebody
// wants it wrong (node/injected_faults.h).
inline std::atomic<std::int64_t> wall_skew_ms = 0;

[[nodiscard]] inline ledger::TimeMs wall_time() {
  const std::int64_t shown = std::chrono::duration_cast<std::chrono::milliseconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count() +
                             wall_skew_ms.load(std::memory_order_relaxed);
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(shown, 0))};
}

[[nodiscard]] inline pbft::Now host_now() { return {monotonic_ms(), wall_time()}; }

}  // namespace quorate::node
