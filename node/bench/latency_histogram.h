#pragma once

// Latencies as counts in buckets, after HdrHistogram: bounded memory whatever is recorded, and a
// percentile that is wrong by less than 1 %.
//
// Below 256 us each microsecond has a bucket; above, each power of two is cut into 128 equal ones,
// so a bucket is narrower than 1/128 of what it holds. Latencies beyond 2^40 us (12 days) count as
// that. Not thread-safe.

#include <cstdint>
#include <vector>

namespace quorate::node {

class LatencyHistogram {
 public:
  LatencyHistogram();

  void record(std::uint64_t latency_us);
  void clear();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max_us() const { return max_us_; }  // exact
  // The smallest latency that so many of 10,000 do not exceed (nearest rank), rounded up to the end
  // of its bucket: 9990 is the 99.9th percentile. 0 if nothing was recorded.
  [[nodiscard]] std::uint64_t percentile_us(std::uint32_t of_ten_thousand) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_us_ = 0;
};

}  // namespace quorate::node
