#pragma once

// Many scenarios of Twins on all cores: each is one thread's, and what they have in common is
// counted. Totals do not depend on how many threads there were.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "testnet/twins_run.h"

namespace quorate::testnet {

struct TwinsTotals {
  std::uint64_t runs = 0;
  std::uint64_t commits = 0;
  std::uint64_t events = 0;
  std::uint64_t virtual_us = 0;
  std::uint64_t with_evidence = 0;
  std::uint64_t unsafe = 0;                         // an invariant broke
  std::uint64_t stuck = 0;                          // none, and not everything ended
  std::map<std::string, std::uint64_t> invariants;  // how many runs broke each first
  std::map<std::uint64_t, std::uint64_t> views;     // runs by the highest view entered
  std::uint64_t distinct = 0;                       // histories; known at the end
  std::uint64_t digest = 0;                         // of all traces, in any order
  // Those with the lowest numbers, in order.
  std::vector<std::pair<std::uint64_t, TwinsReport>> failures;

  void add(std::uint64_t number, const TwinsReport& report);
};
inline constexpr std::size_t kTwinsFailuresMax = 20;

// `progress` is called now and then, by this thread, with how long it took so far.
[[nodiscard]] TwinsTotals search_twins(
    const TwinsPlanOptions& options, SimSignatures signatures,
    const std::function<void(const TwinsTotals&, std::uint64_t took_ms)>& progress);

}  // namespace quorate::testnet
