#include "node/bench/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace quorate::node {
namespace {

constexpr std::uint64_t kExactBits = 8;
constexpr std::uint64_t kExact = 1ULL << kExactBits;  // below, a bucket a microsecond
constexpr std::uint64_t kPerOctave = kExact / 2;      // above, buckets a power of two
constexpr std::uint64_t kBitsMax = 40;
constexpr std::size_t kBuckets = kExact + (kBitsMax - kExactBits) * kPerOctave;
constexpr std::uint64_t kTenThousand = 10'000;

std::size_t bucket_of(std::uint64_t value) {
  if (value < kExact) return value;
  const std::uint64_t shift = std::bit_width(value) - kExactBits;
  return kExact + (shift - 1) * kPerOctave + ((value >> shift) - kPerOctave);
}

// The largest value that the bucket holds.
std::uint64_t end_of(std::size_t bucket) {
  if (bucket < kExact) return bucket;
  const std::uint64_t shift = (bucket - kExact) / kPerOctave + 1;
  const std::uint64_t place = (bucket - kExact) % kPerOctave + kPerOctave;
  return ((place + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

void LatencyHistogram::record(std::uint64_t latency_us) {
  const std::uint64_t value = std::min<std::uint64_t>(latency_us, (1ULL << kBitsMax) - 1);
  ++buckets_[bucket_of(value)];
  ++count_;
  max_us_ = std::max(max_us_, value);
}

void LatencyHistogram::clear() {
  std::fill(buckets_.begin(), buckets_.end(), 0);
  count_ = 0;
  max_us_ = 0;
}

std::uint64_t LatencyHistogram::percentile_us(std::uint32_t of_ten_thousand) const {
  const std::uint64_t rank =
      std::max<std::uint64_t>((count_ * of_ten_thousand + kTenThousand - 1) / kTenThousand, 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(end_of(i), max_us_);
  }
  return max_us_;
}

}  // namespace quorate::node
