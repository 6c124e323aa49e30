#include "testnet/seed_search.h"

#include <algorithm>
#include <mutex>

#include "testnet/all_cores.h"

namespace quorate::testnet {

void Totals::add(std::uint64_t seed, const RunReport& report) {
  ++runs;
  with_view_change += report.counts.views > 0 ? 1 : 0;
  with_checkpoint += report.counts.checkpoints > 0 ? 1 : 0;
  with_recovery += report.counts.recoveries > 0 ? 1 : 0;
  with_evidence += report.counts.evidence > 0 ? 1 : 0;
  epochs += report.counts.epochs;
  commits += report.counts.commits;
  commits_min = std::min(commits_min, report.counts.commits);
  faults += report.faults;
  faults_min = std::min(faults_min, report.faults);
  virtual_us += report.virtual_us;
  digest += report.digest * (2 * seed + 1);
  if (report.verdict != Verdict::kSound) failures.emplace_back(seed, report);
}

Totals search_seeds(const RunOptions& options, const SeedRange& range,
                    const std::function<void(const Totals&, std::uint64_t took_ms)>& progress) {
  Totals totals;
  std::mutex mutex;
  const auto run = [&](std::uint64_t number) {
    RunOptions mine = options;
    mine.seed = range.first + number;
    const RunReport report = run_random(mine);
    const std::lock_guard lock(mutex);
    totals.add(mine.seed, report);
  };
  on_all_cores(
      range.last - range.first + 1, [&run] { return run; },
      [&](std::uint64_t took_ms) {
        const std::lock_guard lock(mutex);
        progress(totals, took_ms);
      });
  std::ranges::sort(totals.failures, {}, [](const auto& failure) { return failure.first; });
  return totals;
}

}  // namespace quorate::testnet
