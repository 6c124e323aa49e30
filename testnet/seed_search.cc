#include "testnet/seed_search.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace quorate::testnet {

namespace {
constexpr std::uint64_t kProgressMs = 200;
}  // namespace

void Totals::add(std::uint64_t seed, const RunReport& report) {
  ++runs;
  with_view_change += report.counts.views > 0 ? 1 : 0;
  with_checkpoint += report.counts.checkpoints > 0 ? 1 : 0;
  with_recovery += report.counts.recoveries > 0 ? 1 : 0;
  with_evidence += report.counts.evidence > 0 ? 1 : 0;
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
  std::atomic<std::uint64_t> next = range.first;
  const std::uint64_t count = range.last - range.first + 1;
  std::atomic<unsigned> working = static_cast<unsigned>(
      std::min<std::uint64_t>(count, std::max(1U, std::thread::hardware_concurrency())));
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed <= range.last; seed = next++) {
      RunOptions mine = options;
      mine.seed = seed;
      const RunReport report = run_random(mine);
      const std::lock_guard lock(mutex);
      totals.add(seed, report);
    }
    --working;
  };
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (unsigned i = working; i > 0; --i) threads.emplace_back(work);
  while (working > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kProgressMs));
    const std::lock_guard lock(mutex);
    const auto took = std::chrono::steady_clock::now() - begin;
    progress(totals, static_cast<std::uint64_t>(
                         std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  }
  for (std::thread& thread : threads) thread.join();
  std::ranges::sort(totals.failures, {}, [](const auto& failure) { return failure.first; });
  return totals;
}

}  // namespace quorate::testnet
