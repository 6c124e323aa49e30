#pragma once

// Many seeds on all cores: each run is one thread's, and what they have in common is counted.

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "testnet/random_run.h"

namespace quorate::testnet {

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t with_view_change = 0;
  std::uint64_t with_checkpoint = 0;
  std::uint64_t with_recovery = 0;
  std::uint64_t with_evidence = 0;
  std::uint64_t epochs = 0;  // that ended
  std::uint64_t commits = 0;
  std::uint64_t commits_min = ~std::uint64_t{0};
  std::uint64_t faults = 0;
  std::uint64_t faults_min = ~std::uint64_t{0};
  std::uint64_t virtual_us = 0;
  std::uint64_t digest = 0;  // of all digests, in any order
  std::vector<std::pair<std::uint64_t, RunReport>> failures;

  void add(std::uint64_t seed, const RunReport& report);
};

// `progress` is called now and then, by this thread, with how long it took so far.
[[nodiscard]] Totals search_seeds(
    const RunOptions& options, const SeedRange& range,
    const std::function<void(const Totals&, std::uint64_t took_ms)>& progress);

}  // namespace quorate::testnet
