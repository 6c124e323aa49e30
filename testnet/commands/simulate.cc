// quorate simulate: replicas in virtual time, one history a seed.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "testnet/commands/registry.h"
#include "testnet/commands/simulate_honest.h"
#include "testnet/random_run.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

constexpr std::uint64_t kReplicasMax = 400;
constexpr std::uint64_t kProgressMs = 200;
constexpr std::size_t kFailuresShown = 5;

struct Options {
  std::string scenario = "random";
  std::uint64_t replicas = 4;
  std::uint64_t seed = 1;
  std::optional<std::string> seeds;
  std::uint64_t seconds = 60;
  bool list = false;
};

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

Error wrong(std::string_view code, std::string found, std::string next) {
  return Error{ErrorKind::kUsage, code, std::move(found), std::move(next)};
}

Result<Range> parse_range(const std::string& text) {
  Range range;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  const bool has_dots = first.ec == std::errc{} && end - first.ptr > 2 &&
                        std::string_view(first.ptr, 2) == "..";
  if (has_dots) {
    const auto last = std::from_chars(first.ptr + 2, end, range.last);
    if (last.ec == std::errc{} && last.ptr == end && range.first <= range.last) return range;
  }
  return tl::unexpected(wrong("simulate-seeds", fmt::format("Found --seeds {}", text),
                              "Expected two numbers, the smaller first: --seeds 1..1000"));
}

// What runs on all cores have in common.
struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t with_view_change = 0;
  std::uint64_t with_checkpoint = 0;
  std::uint64_t with_recovery = 0;
  std::uint64_t with_evidence = 0;
  std::uint64_t commits = 0;
  std::uint64_t commits_min = ~std::uint64_t{0};
  std::uint64_t faults = 0;
  std::uint64_t virtual_us = 0;
  std::uint64_t digest = 0;  // of all digests, in any order
  std::vector<std::pair<std::uint64_t, RunReport>> failures;

  void add(std::uint64_t seed, const RunReport& report) {
    ++runs;
    with_view_change += report.counts.views > 0 ? 1 : 0;
    with_checkpoint += report.counts.checkpoints > 0 ? 1 : 0;
    with_recovery += report.counts.recoveries > 0 ? 1 : 0;
    with_evidence += report.counts.evidence > 0 ? 1 : 0;
    commits += report.counts.commits;
    commits_min = std::min(commits_min, report.counts.commits);
    faults += report.faults;
    virtual_us += report.virtual_us;
    digest += report.digest * (2 * seed + 1);
    if (report.verdict != Verdict::kSound) failures.emplace_back(seed, report);
  }
};

RunOptions run_options(const Options& options, std::uint64_t seed) {
  RunOptions run;
  run.replicas = options.replicas;
  run.seed = seed;
  run.seconds = options.seconds;
  return run;
}

Totals run_all(const Options& options, const Range& range, Console& console) {
  Totals totals;
  std::mutex mutex;
  std::atomic<std::uint64_t> next = range.first;
  std::atomic<unsigned> working = 0;
  const std::uint64_t count = range.last - range.first + 1;
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed <= range.last; seed = next++) {
      const RunReport report = run_random(run_options(options, seed));
      const std::lock_guard lock(mutex);
      totals.add(seed, report);
    }
    --working;
  };
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  working = static_cast<unsigned>(
      std::min<std::uint64_t>(count, std::max(1U, std::thread::hardware_concurrency())));
  for (unsigned i = working; i > 0; --i) threads.emplace_back(work);
  while (working > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kProgressMs));
    const std::lock_guard lock(mutex);
    const auto took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::steady_clock::now() - begin).count();
    const std::uint64_t filled = totals.runs * 30 / count;
    console.progress(fmt::format(
        "[{:<30}] {} of {} seeds, {} failed, {} virtual seconds a second",
        std::string(filled, '#'), totals.runs, count, totals.failures.size(),
        totals.virtual_us / 1000 / static_cast<std::uint64_t>(std::max<std::int64_t>(took_ms, 1))));
  }
  for (std::thread& thread : threads) thread.join();
  std::ranges::sort(totals.failures, {}, [](const auto& failure) { return failure.first; });
  return totals;
}

std::string replay(const Options& options, std::uint64_t seed) {
  return fmt::format("quorate simulate {} --replicas {} --seed {} --seconds {}", options.scenario,
                     options.replicas, seed, options.seconds);
}

json::object to_json(const Options& options, std::uint64_t seed, const RunReport& report) {
  json::array violations;
  for (const Violation& found : report.violations) {
    violations.push_back(json::object{{"invariant", found.invariant},
                                      {"replica", found.replica.value},
                                      {"time_ms", found.time_ms},
                                      {"text", found.text}});
  }
  return {{"scenario", options.scenario},
          {"replicas", options.replicas},
          {"seed", seed},
          {"verdict", verdict_text(report.verdict)},
          {"violations", std::move(violations)},
          {"stuck", report.stuck},
          {"digest", fmt::format("{:016x}", report.digest)},
          {"events", report.events},
          {"packets", report.packets},
          {"virtual_ms", report.virtual_us / 1000},
          {"faults", report.faults},
          {"submitted", report.submitted},
          {"commits", report.counts.commits},
          {"views", report.counts.views},
          {"checkpoints", report.counts.checkpoints},
          {"recoveries", report.counts.recoveries},
          {"evidence", report.counts.evidence},
          {"replay", replay(options, seed)}};
}

void print_failure(const Options& options, std::uint64_t seed, const RunReport& report,
                   Console& console) {
  for (const Violation& found : report.violations) {
    console.line(fmt::format("  {} at replica {}, {} ms: {}", found.invariant, found.replica.value,
                             found.time_ms, found.text));
  }
  if (!report.stuck.empty()) console.line("  " + report.stuck);
  console.line("  again: " + replay(options, seed));
}

ExitCode exit_code(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSound:
      return ExitCode::kSuccess;
    case Verdict::kUnsafe:
      return ExitCode::kUnsafe;
    case Verdict::kStuck:
      return ExitCode::kStuck;
  }
  return ExitCode::kInternal;
}

ExitCode simulate_one(const Options& options, Console& console) {
  const RunReport report = run_random(run_options(options, options.seed));
  const Checkers::Counters& counts = report.counts;
  console.line(fmt::format("seed {}: {} after {}.{:03} virtual seconds, {} events", options.seed,
                           verdict_text(report.verdict), report.virtual_us / 1'000'000,
                           report.virtual_us / 1000 % 1000, report.events));
  console.line(fmt::format(
      "{} faults; {} sequences committed, {} checkpoints, {} views entered, {} recoveries, {} "
      "pieces of evidence", report.faults, counts.commits, counts.checkpoints, counts.views,
      counts.recoveries, counts.evidence));
  console.line(fmt::format("trace {:016x}", report.digest));
  if (report.verdict != Verdict::kSound) print_failure(options, options.seed, report, console);
  console.json(to_json(options, options.seed, report));
  return exit_code(report.verdict);
}

std::string percent(std::uint64_t part, std::uint64_t all) {
  return fmt::format("{}.{} %", part * 100 / all, part * 1000 / all % 10);
}

ExitCode simulate_many(const Options& options, const Range& range, Console& console) {
  const Totals totals = run_all(options, range, console);
  console.line(fmt::format("{} seeds, {} failed; {} virtual seconds, {} faults and {} commits a "
                           "run ({} at least)",
                           totals.runs, totals.failures.size(), totals.virtual_us / 1'000'000,
                           totals.faults / totals.runs, totals.commits / totals.runs,
                           totals.commits_min));
  console.line(fmt::format("with a view change {}, a checkpoint {}, a recovery {}, evidence {}",
                           percent(totals.with_view_change, totals.runs),
                           percent(totals.with_checkpoint, totals.runs),
                           percent(totals.with_recovery, totals.runs),
                           percent(totals.with_evidence, totals.runs)));
  console.line(fmt::format("traces {:016x}", totals.digest));
  json::array failures;
  ExitCode code = ExitCode::kSuccess;
  for (std::size_t i = 0; i < totals.failures.size(); ++i) {
    const auto& [seed, report] = totals.failures[i];
    if (code != ExitCode::kUnsafe) code = exit_code(report.verdict);
    failures.push_back(to_json(options, seed, report));
    if (i >= kFailuresShown) continue;
    console.line(fmt::format("seed {}: {}", seed, verdict_text(report.verdict)));
    print_failure(options, seed, report, console);
  }
  console.json(json::object{{"seeds", totals.runs},
                            {"failures", std::move(failures)},
                            {"virtual_ms", totals.virtual_us / 1000},
                            {"commits", totals.commits},
                            {"commits_min", totals.commits_min},
                            {"faults", totals.faults},
                            {"with_view_change", totals.with_view_change},
                            {"with_checkpoint", totals.with_checkpoint},
                            {"with_recovery", totals.with_recovery},
                            {"with_evidence", totals.with_evidence},
                            {"digest", fmt::format("{:016x}", totals.digest)}});
  return code;
}

Result<ExitCode> simulate(const Options& options, Console& console) {
  if (options.list) {
    console.line("random  faults of all kinds for so many seconds, then everything must end");
    console.line("honest  no faults, uneven load for so many seconds, and no change of view");
    console.json(json::array{"random", "honest"});
    return ExitCode::kSuccess;
  }
  const bool is_honest = options.scenario == "honest" && !options.seeds;
  if (options.scenario != "random" && !is_honest) {
    return fail(ErrorKind::kUsage, "simulate-scenario",
                fmt::format("Found scenario {}", options.scenario),
                "Expected one that `quorate simulate --list` names.");
  }
  if (options.replicas < 1 || options.replicas > kReplicasMax) {
    return tl::unexpected(wrong("simulate-replicas",
                                fmt::format("Found --replicas {}", options.replicas),
                                fmt::format("Expected 1 to {}", kReplicasMax)));
  }
  if (is_honest) {
    return simulate_honest({options.replicas, options.seed, options.seconds}, console);
  }
  if (!options.seeds) return simulate_one(options, console);
  QUORATE_ASSIGN(const Range range, parse_range(*options.seeds));
  return simulate_many(options, range, console);
}

}  // namespace

void add_simulate_command(node::CommandLine& line) {
  auto options = std::make_shared<Options>();
  node::Command command;
  command.path = "simulate";
  command.sentence = "Run replicas in virtual time, with faults drawn from a seed";
  command.details =
      "One thread runs the replica core that the node runs, with a modelled network, disks and "
      "clocks. One seed is one history on every machine and build: compare the printed trace. "
      "Invariants are checked after every event. Exit code 13: one broke; 14: all was healed, and "
      "not everything ended.";
  command.example = "quorate simulate --seed 7\nquorate simulate --replicas 7 --seeds 1..1000";
  command.parameters = {
      {.name = "SCENARIO", .help = "What happens (random)", .target = &options->scenario,
       .required = false},
      {.name = "--replicas", .value = "N", .help = "How many (4)", .target = &options->replicas},
      {.name = "--seed", .value = "S", .help = "The history (1)", .target = &options->seed},
      {.name = "--seeds", .value = "A..B", .help = "All of these, on all cores",
       .target = &options->seeds},
      {.name = "--seconds", .value = "T", .help = "Virtual time with faults (60)",
       .target = &options->seconds},
      {.name = "--list", .help = "What scenarios there are", .target = &options->list}};
  command.run = [options](Console& console) { return simulate(*options, console); };
  line.add(std::move(command));
}

}  // namespace quorate::testnet
