#include "testnet/random_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ledger/quorum.h"
#include "testnet/behaviours_sim.h"

namespace quorate::testnet {

namespace {

constexpr std::uint64_t kSecondUs = 1'000'000;
constexpr std::uint64_t kDrawStream = 4;
constexpr std::uint64_t kLiarDrawStream = 6;
constexpr std::uint64_t kCommitsMin = 50;
constexpr std::uint64_t kPacketsPerReport = 4;
constexpr std::uint32_t kMembershipWeight = 6;

// Small windows reach their ends, large ones never do: both happen.
ledger::Parameters draw_parameters(Prng& dice) {
  ledger::Parameters parameters;
  parameters.window_batches = 1U << dice.between(0, 3);
  const std::uint64_t half_window = 2ULL * parameters.window_batches;
  parameters.checkpoint_interval = static_cast<std::uint32_t>(dice.between(1, half_window));
  parameters.checkpoint_quiet_ms = dice.between(100, 3'000);
  parameters.batch_transactions_max = 1U << dice.between(0, 10);
  return parameters;
}

WorkloadOptions draw_workload(Prng& dice) {
  WorkloadOptions options;
  options.pause_us_max = dice.between(options.pause_us_min, 2'000'000);
  options.idle_us_max = dice.between(0, 20'000'000);
  return options;
}

std::string describe_stuck(Simulator& simulator, Workload& workload) {
  std::string text = fmt::format("{} of {} transactions have no fate; highest executed {}",
                                 workload.open(), workload.submitted(),
                                 simulator.checkers().highest_executed().value);
  for (const auto& host : simulator.hosts()) {
    if (!host->is_up()) {
      text += fmt::format("; {}: down", host->self().value);
      continue;
    }
    const pbft::Replica& replica = host->replica();
    text += fmt::format("; {}: epoch {} view {}{}, low {}, committed {}, executed {}, ready {}{}",
                        host->self().value, replica.epoch().value, replica.view().value,
                        replica.in_view() ? "" : " (between)", replica.low_watermark().value,
                        replica.committed().value, replica.executed().value,
                        replica.ready_transactions(), host->is_recovering() ? ", recovering" : "");
  }
  return text;
}

// Why a replica is not at rest; empty: it is. One may wait between views: it lost patience alone.
std::string unrest_of(const SimHost& host, ledger::Sequence last) {
  if (!host.is_up()) return "down";
  if (host.is_recovering() && host.is_member()) return "still recovering";
  const pbft::Replica& replica = host.replica();
  if (replica.executed() != last) return fmt::format("executed {}", replica.executed().value);
  if (replica.low_watermark() != last) {
    return fmt::format("stable at {} only", replica.low_watermark().value);
  }
  return "";
}

// Nobody submits anything. What is wrong then; empty: nothing.
std::string watch_quiet(Simulator& simulator, std::uint64_t seconds) {
  (void)simulator.run_for(seconds / 2 * kSecondUs);
  const std::uint64_t before = simulator.network().packets();
  (void)simulator.run_for(seconds / 2 * kSecondUs);
  const std::uint64_t packets = simulator.network().packets() - before;
  const std::uint64_t links = simulator.hosts().size() * (simulator.hosts().size() - 1);
  const std::uint64_t idle_ms = pbft::ReplicaConfig{}.status_interval_ms_max;
  const std::uint64_t reports = seconds / 2 * 1'000 / idle_ms + 2;
  if (packets > kPacketsPerReport * links * reports) {
    return fmt::format("{} packets while nothing happened", packets);
  }
  const ledger::Sequence last = simulator.checkers().highest_executed();
  std::string text;
  for (const auto& host : simulator.hosts()) {
    if (simulator.checkers().is_liar(host->self())) continue;
    const std::string unrest = unrest_of(*host, last);
    if (unrest.empty()) continue;
    text += fmt::format("{}replica {}: {}", text.empty() ? "" : "; ", host->self().value, unrest);
  }
  if (text.empty()) return "";
  return fmt::format("{} s after the last of {} batches: {}", seconds, last.value, text);
}

}  // namespace

std::string_view verdict_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSound:
      return "sound";
    case Verdict::kUnsafe:
      return "an invariant broke";
    case Verdict::kStuck:
      return "no progress";
  }
  return "";
}

DrawnWorld draw_world(std::uint64_t seed) {
  Prng dice = Prng(seed).fork(kDrawStream);
  const ledger::Parameters parameters = draw_parameters(dice);
  const WorkloadOptions workload = draw_workload(dice);
  return {parameters, workload, dice};
}

bool drain(Simulator& simulator, Workload& workload) {
  bool is_live = workload.run_while_any_settles(kPauseSecondsMax * kSecondUs);
  for (std::size_t i = 0; is_live && simulator.checkers().counters().commits < kCommitsMin; ++i) {
    (void)workload.submit(i % simulator.world().clients(), i % simulator.world().size());
    is_live = workload.run_while_any_settles(kPauseSecondsMax * kSecondUs);
  }
  return is_live;
}

RunReport make_report(Simulator& simulator, Workload& workload, bool is_live) {
  RunReport report;
  report.violations = simulator.checkers().violations();
  if (!report.violations.empty()) {
    report.verdict = Verdict::kUnsafe;
  } else if (!is_live) {
    report.verdict = Verdict::kStuck;
    report.stuck = describe_stuck(simulator, workload);
  }
  report.digest = simulator.trace().digest();
  report.events = simulator.trace().events();
  report.packets = simulator.network().packets();
  report.virtual_us = simulator.agenda().now_us();
  report.submitted = workload.submitted();
  report.counts = simulator.checkers().counters();
  report.accusations = simulator.accusations();
  return report;
}

RunReport run_random(const RunOptions& options) {
  DrawnWorld drawn = draw_world(options.seed);
  SimOptions world;
  world.replicas = options.replicas;
  world.spares = options.spares;
  world.seed = options.seed;
  world.parameters = drawn.parameters;
  world.liars = options.byzantine;
  world.signatures = options.signatures;
  Simulator simulator(world);
  simulator.trace().on_event = options.on_event;
  for (const auto& host : simulator.hosts()) host->bug = options.bug;
  Workload workload(simulator, drawn.workload);
  // Liars count among the faulty, and too many of them need no other faults.
  const std::size_t tolerated = ledger::faults_tolerated(options.replicas);
  const std::size_t lying = std::min(options.byzantine.size(), tolerated);
  NemesisOptions faults = draw_nemesis(drawn.dice, tolerated - lying);
  if (options.spares > 0) faults.membership = kMembershipWeight;
  Nemesis nemesis(simulator, faults);
  Prng liar_dice = Prng(options.seed).fork(kLiarDrawStream);
  Liars liars = draw_liars(options.byzantine, options.replicas, liar_dice);
  if (!options.lies.empty()) {
    for (auto& [id, behaviours] : liars) behaviours = options.lies;
  }
  const Cabal cabal(simulator, liars);
  simulator.start_all();
  workload.start();
  nemesis.start();
  simulator.run_for(options.seconds * kSecondUs);
  workload.stop();
  std::vector<FaultWords> happened = nemesis.done();
  nemesis.heal();
  const bool is_live = drain(simulator, workload);
  const bool looks = is_live && simulator.checkers().violations().empty() &&
                     options.quiet_seconds > 0;
  const std::string unrest = looks ? watch_quiet(simulator, options.quiet_seconds) : "";
  RunReport report = make_report(simulator, workload, is_live);
  if (report.verdict == Verdict::kSound && !unrest.empty()) {
    report.verdict = Verdict::kStuck;
    report.stuck = unrest;
  }
  report.faults = nemesis.faults();
  report.liars = liars;
  report.happened = std::move(happened);
  if (options.at_end) options.at_end(simulator);
  return report;
}

}  // namespace quorate::testnet
