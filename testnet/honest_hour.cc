#include "testnet/honest_hour.h"

#include <fmt/format.h>

namespace quorate::testnet {
namespace {

constexpr std::uint64_t kSecondUs = 1'000'000;
constexpr std::uint64_t kOpenSecondsMax = 60;  // after the load, until all has ended
constexpr std::uint64_t kClockStream = 7;
constexpr std::uint64_t kClockMsMax = 200;

SimOptions world_of(const HonestOptions& options) {
  SimOptions world;
  world.replicas = options.replicas;
  world.seed = options.seed;
  world.quality.delay_us_max = 20'000;
  world.quality.slow_permille = 5;
  world.quality.slow_us_max = 100'000;
  world.quality.loss_permille = 1;
  world.quality.repeat_permille = 5;
  return world;
}

WorkloadOptions load_of() {
  WorkloadOptions load;
  load.pause_us_max = 300'000;
  load.gap_permille = 200;
  load.rival_permille = 100;
  load.expiring_permille = 100;
  return load;
}

void skew_clocks(Simulator& simulator) {
  Prng dice = simulator.dice(kClockStream);
  for (const auto& host : simulator.hosts()) {
    host->clock_offset_ms = static_cast<std::int64_t>(dice.between(0, 2 * kClockMsMax)) -
                            static_cast<std::int64_t>(kClockMsMax);
  }
}

}  // namespace

HonestReport run_honest(const HonestOptions& options) {
  HonestReport report;
  Simulator simulator(world_of(options));
  simulator.trace().on_event = [&](const TraceEvent& event) {
    if (event.kind != TraceEvent::Kind::kLeave || report.left++ > 0) return;
    report.first = fmt::format("replica {} moved to view {} after {} ms: {}",
                               event.replica->value, event.number, event.time_us / 1000,
                               event.text);
  };
  skew_clocks(simulator);
  Workload workload(simulator, load_of());
  simulator.start_all();
  workload.start();
  simulator.run_for(options.seconds * kSecondUs);
  workload.stop();
  const bool is_live = workload.run_until_all_end(kOpenSecondsMax * kSecondUs);
  report.run = make_report(simulator, workload, is_live);
  report.settled = workload.settled();
  report.expired = workload.expired();
  return report;
}

}  // namespace quorate::testnet
