#include "testnet/twins_search.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include "testnet/all_cores.h"

namespace quorate::testnet {

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
  const auto make_worker = [&]() -> std::function<void(std::uint64_t)> {
    auto world = std::make_shared<const TwinsWorld>(options.size, signatures);
    return [&, world](std::uint64_t number) {
      const TwinsReport report = run_twins(*world, plan.scenario(number));
      const std::lock_guard lock(mutex);
      totals.add(number, report);
      histories.push_back(report.history);
    };
  };
  on_all_cores(plan.size(), make_worker, [&](std::uint64_t took_ms) {
    const std::lock_guard lock(mutex);
    progress(totals, took_ms);
  });
  std::ranges::sort(histories);
  const auto end = std::unique(histories.begin(), histories.end());
  totals.distinct = static_cast<std::uint64_t>(end - histories.begin());
  return totals;
}

}  // namespace quorate::testnet
