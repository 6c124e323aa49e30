#pragma once

// The longest time without any acknowledgement: what a fail-over costs, as its clients see it.
//
// A gap begins at the start or at an acknowledgement, within the measured window; it ends at the
// next acknowledgement, also if that comes after the window, so that an outage at the end of a run
// counts in full. Times are microseconds since the start. Not thread-safe.

#include <cstdint>

namespace quorate::node {

class CommitGap {
 public:
  struct Gap {
    std::uint64_t start_us = 0;
    std::uint64_t length_us = 0;
  };

  // Times in the order of the calls; an earlier one counts as the last.
  void on_acknowledgement(std::uint64_t at_us);
  // The window is over: gaps that begin later do not count.
  void end_window(std::uint64_t at_us);
  // No acknowledgement comes any more. One was waited for until then, or until the window's end if
  // that is when the last waiting ended.
  void finish(std::uint64_t waited_until_us);

  [[nodiscard]] const Gap& longest() const { return longest_; }

 private:
  void close_gap(std::uint64_t at_us);

  std::uint64_t last_us_ = 0;
  std::uint64_t window_end_us_ = UINT64_MAX;
  Gap longest_;
};

}  // namespace quorate::node
