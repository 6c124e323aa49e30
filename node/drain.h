#pragma once

// How many transactions may wait here: what drains in half of T (DESIGN §4, Timers), so that a
// backlog never condemns an honest primary. Only what clients bring is held back; what peers bring
// was admitted by their node.
//
// The rate is measured where blocks are executed, in windows of half of T during which something
// always waited; the best of the last few counts, so that a view change in between does not shut
// the door. A window in which the pool ran empty shows no more than that the network can do at
// least so much. Thread-safe.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "crypto/result.h"

namespace quorate::node {

class Drain {
 public:
  // `patience_ms`: half of T. `first`: so many may wait until something was measured.
  Drain(std::uint64_t patience_ms, std::size_t first) : patience_ms_(patience_ms), first_(first) {}

  // A block ended the wait of `settled` transactions; so many still wait. Monotonic time.
  void on_executed(std::size_t settled, std::size_t waiting, std::uint64_t now_ms);

  [[nodiscard]] std::size_t limit() const;
  // Error: "busy" (kUnavailable), with how long to wait.
  [[nodiscard]] Status check_room(std::size_t waiting) const;

 private:
  void end_window(std::uint64_t now_ms);
  [[nodiscard]] std::uint64_t best_per_s() const;  // 0: nothing measured
  [[nodiscard]] std::size_t limit_of(std::uint64_t per_s) const;

  std::uint64_t patience_ms_;
  std::size_t first_;
  mutable std::mutex mutex_;
  std::uint64_t since_ms_ = 0;  // the window's begin; 0: none
  std::uint64_t count_ = 0;
  bool ran_empty_ = false;
  std::deque<std::uint64_t> recent_;  // transactions a second
};

}  // namespace quorate::node
