#include "testnet/twins_search.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace quorate::testnet {

namespace {

constexpr std::uint64_t kProgressMs = 200;

std::uint64_t to_ms(std::chrono::steady_clock::duration took) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
}

}  // namespace

void TwinsTotals::add(std::uint64_t number, const TwinsReport& report) {
  ++runs;
  commits += report.commits;
  events += report.events;
  virtual_us += report.virtual_us;
  with_evidence += report.evidence > 0 ? 1 : 0;
  ++views[report.view.value];
  digest += report.trace * (2 * number + 1);
  if (!report.violations.empty()) {
    ++unsafe;
    ++invariants[std::string(report.violations[0].invariant)];
  } else if (!report.stuck.empty()) {
    ++stuck;
  } else {
    return;
  }
  const auto place = std::ranges::lower_bound(failures, number, {},
                                              [](const auto& failure) { return failure.first; });
  failures.emplace(place, number, report);
  if (failures.size() > kTwinsFailuresMax) failures.pop_back();
}

TwinsTotals search_twins(
    const TwinsPlanOptions& options, SimSignatures signatures,
    const std::function<void(const TwinsTotals&, std::uint64_t took_ms)>& progress) {
  const TwinsPlan plan(options);
  TwinsTotals totals;
  std::vector<std::uint64_t> histories;
  std::mutex mutex;
  std::atomic<std::uint64_t> next = 0;
  std::atomic<unsigned> working = static_cast<unsigned>(std::min<std::uint64_t>(
      std::max<std::uint64_t>(1, plan.size()), std::max(1U, std::thread::hardware_concurrency())));
  const auto work = [&] {
    const TwinsWorld world(options.size, signatures);
    for (std::uint64_t number = next++; number < plan.size(); number = next++) {
      const TwinsReport report = run_twins(world, plan.scenario(number));
      const std::lock_guard lock(mutex);
      totals.add(number, report);
      histories.push_back(report.history);
    }
    --working;
  };
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (unsigned i = working; i > 0; --i) threads.emplace_back(work);
  while (working > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kProgressMs));
    const std::lock_guard lock(mutex);
    progress(totals, to_ms(std::chrono::steady_clock::now() - begin));
  }
  for (std::thread& thread : threads) thread.join();
  std::ranges::sort(histories);
  const auto end = std::unique(histories.begin(), histories.end());
  totals.distinct = static_cast<std::uint64_t>(end - histories.begin());
  return totals;
}

}  // namespace quorate::testnet
