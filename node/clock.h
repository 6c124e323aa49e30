#pragma once

// The host's two clocks, in the shapes that the cores want.

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

[[nodiscard]] inline ledger::TimeMs wall_time() {
  return {static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                         std::chrono::system_clock::now().time_since_epoch())
                                         .count())};
}

[[nodiscard]] inline pbft::Now host_now() { return {monotonic_ms(), wall_time()}; }

}  // namespace quorate::node
