#include "pow/rules.h"

#include <algorithm>

#include "crypto/check.h"

namespace quorate::pow {
namespace {

Height height_after(const ChainPoint& parent) { return ledger::Height{parent.height.value + 1}; }

bool is_late(const ChainPoint& parent, std::uint32_t time, const Params& params) {
  return time > std::uint64_t{parent.time} + 2 * std::uint64_t{params.spacing_seconds};
}

}  // namespace

void RecentTimes::add(std::uint32_t time) {
  times[next] = time;
  next = static_cast<std::uint8_t>((next + 1) % kMedianTimes);
  if (count < kMedianTimes) ++count;
}

std::uint32_t RecentTimes::median() const {
  QUORATE_CHECK(count > 0, "no median of nothing");
  // While the ring is not full, its times stand in the first `count` places.
  std::array<std::uint32_t, kMedianTimes> sorted = times;
  const auto middle = sorted.begin() + count / 2;
  std::nth_element(sorted.begin(), middle, sorted.begin() + count);
  return *middle;
}

bool begins_period(Height height, const Params& params) {
  return height.value % params.interval == 0;
}

ChainPoint first_point(const Header& header, Height height,
                       std::optional<PeriodStart> period_start, const Params& params) {
  ChainPoint point;
  point.height = height;
  point.hash = hash_of(header);
  point.time = header.time;
  point.bits = header.bits;
  point.period_start =
      begins_period(height, params) ? PeriodStart{header.time, header.bits} : period_start;
  point.recent.add(header.time);
  point.work = work_of_bits(header.bits, params.limit);
  return point;
}

ChainPoint next_point(const ChainPoint& parent, const Header& header, const Digest& hash,
                      const Params& params) {
  ChainPoint point = parent;
  point.height = height_after(parent);
  point.hash = hash;
  point.time = header.time;
  point.bits = header.bits;
  if (begins_period(point.height, params)) point.period_start = {header.time, header.bits};
  point.recent.add(header.time);
  point.work = sum(parent.work, work_of_bits(header.bits, params.limit));
  return point;
}

Bits retarget(Bits last_bits, std::int64_t span_seconds, const Params& params) {
  const auto wanted = static_cast<std::int64_t>(params.timespan_seconds());
  const std::int64_t held = std::clamp(span_seconds, wanted / 4, wanted * 4);
  const auto last = decode_target(last_bits, params.limit);
  if (!last) return params.limit_bits;
  const U256 target = scaled(*last, static_cast<std::uint64_t>(held),
                             static_cast<std::uint64_t>(wanted));
  return encode_target(std::min(target, params.limit));
}

std::optional<Bits> required_bits(const ChainPoint& parent, std::uint32_t time,
                                  const Params& params) {
  if (begins_period(height_after(parent), params)) {
    if (!params.retargets) return parent.bits;
    if (!parent.period_start) return std::nullopt;
    return retarget(parent.bits,
                    std::int64_t{parent.time} - std::int64_t{parent.period_start->time}, params);
  }
  if (!params.allows_late_minimum) return parent.bits;
  if (is_late(parent, time, params)) return params.limit_bits;
  // Bitcoin Core walks back to the last header of the period whose target is not the limit. All
  // such headers of a period have the bits of its first, so that one answers for the walk.
  if (parent.period_start) return parent.period_start->bits;
  if (parent.bits != params.limit_bits) return parent.bits;
  return std::nullopt;
}

std::optional<Reject> check_alone(const Header& header, const Digest& hash, const Params& params) {
  const auto target = decode_target(header.bits, params.limit);
  if (!target) return target.error();
  if (number_of(hash) > *target) return Reject::kHashAboveTarget;
  return std::nullopt;
}

std::optional<Reject> check_header(const Header& header, const Digest& hash,
                                   const ChainPoint& parent, const Params& params,
                                   std::uint64_t now_seconds) {
  if (header.previous != parent.hash) return Reject::kParentUnknown;
  const auto target = decode_target(header.bits, params.limit);
  if (!target) return target.error();
  const auto required = required_bits(parent, header.time, params);
  if (!required) return Reject::kBoundaryMissing;
  if (header.bits != *required) return Reject::kBitsNotRequired;
  if (parent.knows_median() && header.time <= parent.recent.median()) return Reject::kTimeTooOld;
  if (header.time > now_seconds + params.future_seconds_max) return Reject::kTimeTooNew;
  if (number_of(hash) > *target) return Reject::kHashAboveTarget;
  return std::nullopt;
}

}  // namespace quorate::pow
