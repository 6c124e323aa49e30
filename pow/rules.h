#pragma once

// The rules for headers, as functions of (header, where its parent stands, parameters).
//
// `ChainPoint` is all that the past says about a next header. It is small and is carried from
// header to header, so judging one costs the same at any height and reads no other header.
// Everything that judges headers in Quorate passes through `check_header`: the block tree, and
// `quorate pow check-headers`. Pure functions, thread-safe.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "ledger/types.h"
#include "pow/params.h"

namespace quorate::pow {

using ledger::Height;

inline constexpr std::size_t kMedianTimes = 11;

// The times of the last headers, for their median.
struct RecentTimes {
  std::array<std::uint32_t, kMedianTimes> times{};  // a ring; the newest stands before `next`
  std::uint8_t count = 0;                           // of them known
  std::uint8_t next = 0;

  void add(std::uint32_t time);
  // The middle one; of an even number, the later of the two in the middle, as Bitcoin Core takes
  // it. Precondition: count > 0 (checked).
  [[nodiscard]] std::uint32_t median() const;
};

// How the current retarget period began.
struct PeriodStart {
  std::uint32_t time = 0;
  Bits bits;
};

struct ChainPoint {
  Height height;
  Digest hash;
  std::uint32_t time = 0;
  Bits bits;
  std::optional<PeriodStart> period_start;  // nullopt: lies before what we were shown
  RecentTimes recent;
  U256 work;  // of this header and all before it that we know

  // Whether the median of a next header's past is known: eleven times, or all there are.
  [[nodiscard]] bool knows_median() const {
    return recent.count == kMedianTimes || recent.count == height.value + 1;
  }
};

// Where a chain begins that is taken as given: block 0, or the first header of a file.
// `period_start` is ignored where `height` begins a period, since then `header` itself is it.
[[nodiscard]] ChainPoint first_point(const Header& header, Height height,
                                     std::optional<PeriodStart> period_start,
                                     const Params& params);
// Where the chain stands after `header`. Precondition: check_header accepted it.
[[nodiscard]] ChainPoint next_point(const ChainPoint& parent, const Header& header,
                                    const Digest& hash, const Params& params);

[[nodiscard]] bool begins_period(Height height, const Params& params);

// New target after a period. The span is last minus first of the *same* period, so it covers
// interval - 1 block intervals (Bitcoin's, since 2009), held within [T/4, 4T]; the product is
// computed in full, held at the limit, and rounded through the compact form.
[[nodiscard]] Bits retarget(Bits last_bits, std::int64_t span_seconds, const Params& params);

// The bits that a header with `time` must have after `parent`. nullopt: a retarget is due and how
// its period began is not known.
[[nodiscard]] std::optional<Bits> required_bits(const ChainPoint& parent, std::uint32_t time,
                                                const Params& params);

// The form of a header and its proof of work, without its past: what can be said of an orphan.
// kTarget*, kHashAboveTarget.
[[nodiscard]] std::optional<Reject> check_alone(const Header& header, const Digest& hash,
                                                const Params& params);

// Judges a header whose parent is `parent`. `hash` is its hash; `now_seconds` is what the caller
// takes for the time. nullopt: accepted. The first that applies, in this order: kParentUnknown,
// kTarget*, kBoundaryMissing, kBitsNotRequired, kTimeTooOld (not judged while the median is not
// known), kTimeTooNew, kHashAboveTarget. What a header *says* is judged before its hash, so that
// every changed field is refused for what is wrong with it.
[[nodiscard]] std::optional<Reject> check_header(const Header& header, const Digest& hash,
                                                 const ChainPoint& parent, const Params& params,
                                                 std::uint64_t now_seconds);

// The refusal for people: found, expected and what to do next. `height` is where the header was
// taken to stand; `parent` where one was given.
[[nodiscard]] Error describe(Reject reject, const Header& header, Height height,
                             const ChainPoint* parent, const Params& params,
                             std::uint64_t now_seconds);

}  // namespace quorate::pow
