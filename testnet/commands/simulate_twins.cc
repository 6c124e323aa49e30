#include "testnet/commands/simulate_twins.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "ledger/quorum.h"
#include "testnet/commands/simulate_report.h"
#include "testnet/commands/trace_file.h"
#include "testnet/twins_search.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

constexpr std::uint64_t kReplicasMin = 4;
constexpr std::uint64_t kLimitMax = 10'000'000;
constexpr std::size_t kFailuresShown = 5;
constexpr std::uint64_t kBarWidth = 30;
constexpr std::uint64_t kProgressLineMs = 10'000;  // where each is a line of its own
constexpr std::uint64_t kHourMs = 3'600'000;

// What was typed.
struct TwinsOptions {
  std::uint64_t replicas = 4;
  std::uint64_t twins = 1;
  std::uint64_t rounds = 4;
  std::uint64_t limit = 40'000;
  std::uint64_t seed = 1;
  std::optional<std::string> scenario;
  std::optional<std::string> trace;
  bool stand_in = false;

  [[nodiscard]] TwinsSize size() const { return {replicas, twins}; }
  [[nodiscard]] SimSignatures signatures() const {
    return stand_in ? SimSignatures::kStandIn : SimSignatures::kEd25519;
  }
};

Status judge(const TwinsOptions& options) {
  const auto refuse = [](std::string_view code, std::string found, std::string expected) {
    return fail(ErrorKind::kUsage, code, std::move(found), std::move(expected));
  };
  const bool is_countable = options.replicas >= kReplicasMin && options.twins >= 1 &&
                            options.twins < options.replicas &&
                            options.replicas <= kTwinsInstancesMax &&
                            options.replicas + options.twins <= kTwinsInstancesMax;
  if (!is_countable) {
    return refuse("twins-size", fmt::format("Found --replicas {} --twins {}", options.replicas,
                                            options.twins),
                  fmt::format("Expected at least {} replicas, of which 1 or more but not all run "
                              "twice, and at most {} instances together.",
                              kReplicasMin, kTwinsInstancesMax));
  }
  if (options.rounds < 1 || options.rounds > kTwinsRoundsMax) {
    return refuse("twins-rounds", fmt::format("Found --rounds {}", options.rounds),
                  fmt::format("Expected 1 to {}", kTwinsRoundsMax));
  }
  if (options.limit < 1 || options.limit > kLimitMax) {
    return refuse("twins-limit", fmt::format("Found --limit {}", options.limit),
                  fmt::format("Expected 1 to {}", kLimitMax));
  }
  if (options.trace && !options.scenario) {
    return refuse("twins-trace", "Found --trace without --scenario",
                  "Expected one run: --scenario and what a failure printed.");
  }
  return {};
}

std::string replay(const TwinsOptions& options, const TwinsScenario& scenario) {
  return fmt::format("quorate simulate twins --replicas {} --twins {} --scenario \"{}\"{}",
                     options.replicas, options.twins, twins_text(options.size(), scenario),
                     options.stand_in ? " --stand-in" : "");
}

json::object report_to_json(const TwinsOptions& options, const TwinsScenario& scenario,
                            const TwinsReport& report) {
  return {{"scenario", twins_text(options.size(), scenario)},
          {"violations", violations_to_json(report.violations)},
          {"stuck", report.stuck},
          {"digest", fmt::format("{:016x}", report.trace)},
          {"history", fmt::format("{:016x}", report.history)},
          {"view", report.view.value},
          {"commits", report.commits},
          {"evidence", report.evidence},
          {"events", report.events},
          {"virtual_ms", report.virtual_us / 1000},
          {"replay", replay(options, scenario)}};
}

void print_failure(const TwinsOptions& options, const TwinsScenario& scenario,
                   const TwinsReport& report, Console& console) {
  for (const Violation& found : report.violations) {
    console.line(fmt::format("  {}: {} (seen at replica {}, {} ms)", found.invariant, found.text,
                             found.replica.value, found.time_ms));
  }
  if (!report.stuck.empty()) console.line("  no progress: " + report.stuck);
  console.line("  again: " + replay(options, scenario));
}

ExitCode exit_code_of(bool is_unsafe, bool is_stuck) {
  if (is_unsafe) return ExitCode::kUnsafe;
  return is_stuck ? ExitCode::kStuck : ExitCode::kSuccess;
}

Result<ExitCode> run_one(const TwinsOptions& options, Console& console) {
  QUORATE_ASSIGN(const TwinsScenario scenario, parse_twins(options.size(), *options.scenario));
  TraceFile trace;
  QUORATE_TRY(trace.open(options.trace));
  const TwinsWorld world(options.size(), options.signatures());
  const TwinsReport report = run_twins(world, scenario, trace.listener());
  const bool is_sound = report.violations.empty() && report.stuck.empty();
  Picture::Heading heading;
  heading.title = "twins, " + twins_text(options.size(), scenario);
  heading.verdict = report.violations.empty() ? (is_sound ? "sound" : "no progress")
                                              : report.violations[0].text;
  heading.is_sound = is_sound;
  heading.replay = replay(options, scenario);
  heading.replicas = options.replicas;
  for (std::size_t i = 0; i < options.twins; ++i) {
    heading.liars[{static_cast<std::uint16_t>(i)}] = "runs twice with one key";
  }
  QUORATE_TRY(trace.close(heading));
  console.line(fmt::format("{} rounds: {}; view {}, {} sequences committed, {} pieces of "
                           "evidence, {} events in {}.{:03} virtual seconds", scenario.size(),
                           is_sound ? "sound" : "it failed", report.view.value, report.commits,
                           report.evidence, report.events, report.virtual_us / 1'000'000,
                           report.virtual_us / 1000 % 1000));
  console.line(fmt::format("trace {:016x}, history {:016x}", report.trace, report.history));
  if (!is_sound) print_failure(options, scenario, report, console);
  console.json(report_to_json(options, scenario, report));
  return exit_code_of(!report.violations.empty(), !report.stuck.empty());
}

std::string progress_text(const TwinsTotals& so_far, std::uint64_t count, std::uint64_t took_ms) {
  const std::uint64_t rate = so_far.runs * kHourMs / std::max<std::uint64_t>(took_ms, 1);
  const std::uint64_t left_s =
      rate == 0 ? 0 : (count - so_far.runs) * (kHourMs / 1000) / rate;
  return fmt::format("[{:<{}}] {} of {} scenarios, {} broke an invariant, {} stuck; {} an hour, {} "
                     "s left", std::string(so_far.runs * kBarWidth / count, '#'), kBarWidth,
                     so_far.runs, count, so_far.unsafe, so_far.stuck, rate, left_s);
}

void print_totals(const TwinsOptions& options, const TwinsPlan& plan, const TwinsTotals& totals,
                  std::uint64_t took_ms, Console& console) {
  const std::uint64_t tolerated = ledger::faults_tolerated(options.replicas);
  console.line(fmt::format("{} replicas, of which {} run{} twice; {} are tolerated; {} different "
                           "rounds", options.replicas, options.twins,
                           options.twins == 1 ? "s" : "", tolerated, plan.rounds()));
  console.line(fmt::format("{} scenarios: all {} of up to {} rounds, and {} of {} rounds by seed "
                           "{}", totals.runs, plan.exhaustive(), plan.exhaustive_rounds(),
                           plan.size() - plan.exhaustive(), options.rounds, options.seed));
  console.line(fmt::format("{} distinct histories, {} sequences committed, evidence in {} runs",
                           totals.distinct, totals.commits, totals.with_evidence));
  std::string views;
  for (const auto& [view, runs] : totals.views) {
    views += fmt::format("{}view {}: {}", views.empty() ? "" : ", ", view, runs);
  }
  console.line("highest view entered  " + views);
  console.line(fmt::format("{} broke an invariant, {} did not end", totals.unsafe, totals.stuck));
  for (const auto& [invariant, runs] : totals.invariants) {
    console.line(fmt::format("  {}: {}", invariant, runs));
  }
  console.line(fmt::format("{} scenarios an hour with {}; {} virtual seconds",
                           totals.runs * kHourMs / std::max<std::uint64_t>(took_ms, 1),
                           options.stand_in ? "the stand-in for signatures" : "Ed25519",
                           totals.virtual_us / 1'000'000));
  console.line(fmt::format("traces {:016x}", totals.digest));
}

ExitCode run_many(const TwinsOptions& options, Console& console) {
  const TwinsPlanOptions how{options.size(), options.rounds, options.limit, options.seed};
  const TwinsPlan plan(how);
  std::uint64_t say_at_ms = 0;
  std::uint64_t took_ms = 0;
  const TwinsTotals totals = search_twins(
      how, options.signatures(), [&](const TwinsTotals& so_far, std::uint64_t so_long_ms) {
        took_ms = so_long_ms;
        if (!console.is_on_terminal() && took_ms < say_at_ms) return;
        say_at_ms = took_ms + kProgressLineMs;
        console.progress(progress_text(so_far, plan.size(), took_ms));
      });
  print_totals(options, plan, totals, took_ms, console);
  json::array failures;
  for (std::size_t i = 0; i < totals.failures.size(); ++i) {
    const auto& [number, report] = totals.failures[i];
    const TwinsScenario scenario = plan.scenario(number);
    failures.push_back(report_to_json(options, scenario, report));
    if (i >= kFailuresShown) continue;
    console.line(fmt::format("scenario {}: {}", number, twins_text(options.size(), scenario)));
    print_failure(options, scenario, report, console);
  }
  json::object views;
  for (const auto& [view, runs] : totals.views) views[std::to_string(view)] = runs;
  json::object invariants;
  for (const auto& [invariant, runs] : totals.invariants) invariants[invariant] = runs;
  console.json(json::object{{"replicas", options.replicas},
                            {"twins", options.twins},
                            {"tolerated", ledger::faults_tolerated(options.replicas)},
                            {"rounds", options.rounds},
                            {"signatures", options.stand_in ? "stand-in" : "ed25519"},
                            {"scenarios", totals.runs},
                            {"exhaustive", plan.exhaustive()},
                            {"exhaustive_rounds", plan.exhaustive_rounds()},
                            {"distinct_histories", totals.distinct},
                            {"views", std::move(views)},
                            {"commits", totals.commits},
                            {"with_evidence", totals.with_evidence},
                            {"unsafe", totals.unsafe},
                            {"stuck", totals.stuck},
                            {"invariants", std::move(invariants)},
                            {"failures", std::move(failures)},
                            {"virtual_ms", totals.virtual_us / 1000},
                            {"took_ms", took_ms},
                            {"digest", fmt::format("{:016x}", totals.digest)}});
  return exit_code_of(totals.unsafe > 0, totals.stuck > 0);
}

Result<ExitCode> simulate_twins(const TwinsOptions& options, Console& console) {
  QUORATE_TRY(judge(options));
  if (options.scenario) return run_one(options, console);
  return run_many(options, console);
}

}  // namespace

void add_twins_command(node::CommandLine& line) {
  auto options = std::make_shared<TwinsOptions>();
  node::Command command;
  command.path = "simulate twins";
  command.sentence = "Honest code that runs twice with one key, in every partition there is";
  command.details =
      "Twins (Bano et al., OPODIS '21): the first replicas run twice, and neither of the two knows "
      "of the other. A scenario says round by round who can talk to whom, who is primary, and "
      "whether proposals, prepares or commits are the last that pass; then all is healed, and "
      "everything must end. All scenarios of one round are run, then all of two, and so on as far "
      "as the limit goes; the rest is drawn from the seed. Up to f twins break nothing; more do. "
      "Exit code 13: an invariant broke; 14: not everything ended.";
  command.example = "  quorate simulate twins --limit 10000 --stand-in\n"
                    "  quorate simulate twins --twins 2 --rounds 1";
  command.parameters = {
      {.name = "--replicas", .value = "N", .help = "How many (4)", .target = &options->replicas},
      {.name = "--twins", .value = "K", .help = "So many of them run twice (1)",
       .target = &options->twins},
      {.name = "--rounds", .value = "R", .help = "A scenario has at most so many (4)",
       .target = &options->rounds},
      {.name = "--limit", .value = "N", .help = "At most so many scenarios (40000)",
       .target = &options->limit},
      {.name = "--seed", .value = "S", .help = "What the rest is drawn from (1)",
       .target = &options->seed},
      {.name = "--scenario", .value = "ROUNDS", .help = "This one alone, as a failure prints it",
       .target = &options->scenario},
      {.name = "--trace", .value = "FILE", .help = "Of one scenario: as in `quorate simulate`",
       .target = &options->trace},
      {.name = "--stand-in", .help = "Digests in the place of signatures: faster, other traces",
       .target = &options->stand_in}};
  command.run = [options](Console& console) { return simulate_twins(*options, console); };
  line.add(std::move(command));
}

}  // namespace quorate::testnet
