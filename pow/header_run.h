#pragma once

// HeaderRun: a run of consecutive headers, judged one by one; `quorate pow check-headers`.
//
// A run begins at block 0, or at any height with a first header that is taken as given (its form
// and its own proof of work are judged; its place cannot be). Not thread-safe. Memory: one
// ChainPoint, and 32 bytes a retarget.

#include <cstdint>
#include <optional>
#include <vector>

#include "pow/rules.h"

namespace quorate::pow {

struct Retarget {
  Height height;  // of the first header with the new bits
  Bits before;
  Bits after;
  std::int64_t span_seconds = 0;  // measured, before the clamp
};

class HeaderRun {
 public:
  // `boundary` is the header that began the period of `first`, needed once the run reaches the next
  // retarget; not asked for, and not read, where `first` begins a period itself. At height 0 the
  // first header must be the parameters' genesis, if they name one.
  // Errors: kGenesisWrong, kBoundaryWrong (not easier than its limit and with its own work done;
  // where bits cannot change within a period, the same as the first header's; at height 0 a
  // boundary is no good), kTarget*, kHashAboveTarget.
  [[nodiscard]] static Result<HeaderRun> start(Params params, Height height, const Header& first,
                                               const std::optional<Header>& boundary);

  // The next header. After an error the run stands where it stood.
  [[nodiscard]] Status append(const Header& header, std::uint64_t now_seconds);

  [[nodiscard]] const ChainPoint& tip() const { return tip_; }
  [[nodiscard]] Height first_height() const { return first_height_; }
  [[nodiscard]] const std::vector<Retarget>& retargets() const { return retargets_; }
  // Headers whose time was not held against a median, because too few before them are known.
  [[nodiscard]] std::uint64_t medians_unknown() const { return medians_unknown_; }

 private:
  HeaderRun(Params params, Height height, ChainPoint tip);

  Params params_;
  Height first_height_;
  ChainPoint tip_;
  std::vector<Retarget> retargets_;
  std::uint64_t medians_unknown_ = 0;
};

}  // namespace quorate::pow
