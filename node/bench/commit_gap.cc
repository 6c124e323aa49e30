#include "node/bench/commit_gap.h"

#include <algorithm>

namespace quorate::node {

void CommitGap::close_gap(std::uint64_t at_us) {
  if (last_us_ >= window_end_us_ || at_us <= last_us_) return;
  const std::uint64_t length_us = at_us - last_us_;
  if (length_us > longest_.length_us) longest_ = {last_us_, length_us};
}

void CommitGap::on_acknowledgement(std::uint64_t at_us) {
  close_gap(at_us);
  last_us_ = std::max(last_us_, at_us);
}

void CommitGap::end_window(std::uint64_t at_us) { window_end_us_ = at_us; }

void CommitGap::finish(std::uint64_t waited_until_us) { close_gap(waited_until_us); }

}  // namespace quorate::node
