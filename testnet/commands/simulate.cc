// quorate simulate: replicas in virtual time, one history a seed.

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <memory>

#include "node/files.h"
#include "testnet/commands/registry.h"
#include "testnet/commands/simulate_attack.h"
#include "testnet/commands/simulate_blame.h"
#include "testnet/commands/simulate_honest.h"
#include "testnet/commands/simulate_replay.h"
#include "testnet/commands/simulate_report.h"
#include "testnet/commands/simulate_shrink.h"
#include "testnet/commands/simulate_twins.h"
#include "testnet/sim_ledgers.h"
#include "testnet/commands/trace_file.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

constexpr std::size_t kScenarioBytesMax = 1 << 20;
constexpr std::uint64_t kProgressLineMs = 10'000;  // where each is a line of its own

tl::unexpected<Error> wrong(std::string_view code, std::string found, std::string next) {
  return fail(ErrorKind::kUsage, code, std::move(found), std::move(next));
}

Result<SeedRange> parse_range(const std::string& text) {
  SeedRange range;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  const bool has_dots = first.ec == std::errc{} && end - first.ptr > 2 &&
                        std::string_view(first.ptr, 2) == "..";
  if (has_dots) {
    const auto last = std::from_chars(first.ptr + 2, end, range.last);
    if (last.ec == std::errc{} && last.ptr == end && range.first <= range.last) return range;
  }
  return wrong("simulate-seeds", fmt::format("Found --seeds {}", text),
               "Expected two numbers, the smaller first: --seeds 1..1000");
}

// By name, or a file.
Result<Scenario> find_scenario(const std::string& name) {
  for (const auto& [shipped, text] : shipped_scenarios()) {
    if (shipped == name) return parse_scenario(name, text);
  }
  const std::filesystem::path file(name);
  if (!std::filesystem::exists(file)) {
    return fail(ErrorKind::kNotFound, "scenario-not-found",
                fmt::format("There is no scenario and no file {}", name),
                "`quorate simulate --list` names those that are built in.");
  }
  QUORATE_ASSIGN(const std::string text, node::read_file(file, kScenarioBytesMax));
  return parse_scenario(file.stem().string(), text);
}

// Leaves the ledgers behind, if that is wanted, and says in `left` how it went.
std::function<void(Simulator&)> leaver(const SimulateOptions& options, Status& left) {
  if (!options.ledgers) return nullptr;
  return [&](Simulator& simulator) { left = write_ledgers(*options.ledgers, simulator); };
}

Result<ExitCode> simulate_one(const SimulateOptions& options, RunOptions run, Console& console) {
  TraceFile trace;
  QUORATE_TRY(trace.open(options.trace));
  run.on_event = trace.listener();
  Status left;
  run.at_end = leaver(options, left);
  const RunReport report = run_random(run);
  QUORATE_TRY(trace.close(heading(options, run.replicas + run.spares, report)));
  QUORATE_TRY(left);
  print_report(options, report, console);
  console.json(report_to_json(options, options.seed, report));
  return exit_code(report.verdict);
}

Result<ExitCode> simulate_scenario(const SimulateOptions& options, const RunOptions& run,
                                   Console& console) {
  QUORATE_ASSIGN(const Scenario scenario, find_scenario(options.scenario));
  TraceFile trace;
  QUORATE_TRY(trace.open(options.trace));
  ScenarioOptions how;
  how.seed = options.seed;
  if (options.replicas) how.replicas = *options.replicas;
  how.byzantine = run.byzantine;
  how.on_event = trace.listener();
  Status left;
  how.at_end = leaver(options, left);
  const std::clock_t begin = std::clock();
  QUORATE_ASSIGN(ScenarioReport report, run_scenario(scenario, how));
  const auto took_ms = static_cast<std::uint64_t>((std::clock() - begin) * 1000 / CLOCKS_PER_SEC);
  if (report.unmet && report.run.verdict == Verdict::kSound) report.run.verdict = Verdict::kStuck;
  QUORATE_TRY(trace.close(heading(options, report.seats, report.run)));
  QUORATE_TRY(left);
  if (!scenario.sentence.empty()) console.line(scenario.sentence);
  for (const std::string& line : report.story) console.line("  " + line);
  print_report(options, report.run, console);
  if (report.unmet) console.line("  " + *report.unmet);
  if (took_ms > 0) {
    console.remark(fmt::format("{} virtual seconds a CPU-second",
                               report.run.virtual_us / 1000 / took_ms));
  }
  json::object result = report_to_json(options, options.seed, report.run);
  if (report.unmet) result["unmet"] = *report.unmet;
  QUORATE_TRY(write_evidence(fmt::format("{}-{}", scenario.name, options.seed), report, result,
                             console));
  console.json(result);
  if (report.run.verdict == Verdict::kSound) console.line("agreement held");
  return exit_code(report.run.verdict);
}

ExitCode simulate_many(const SimulateOptions& options, const RunOptions& run,
                       const SeedRange& range, Console& console) {
  const std::uint64_t count = range.last - range.first + 1;
  std::uint64_t say_at_ms = 0;
  const Totals totals =
      search_seeds(run, range, [&](const Totals& so_far, std::uint64_t took_ms) {
        if (!console.is_on_terminal() && took_ms < say_at_ms) return;
        say_at_ms = took_ms + kProgressLineMs;
        console.progress(progress_text(so_far, count, took_ms));
      });
  return print_totals(options, totals, console);
}

Result<ExitCode> simulate_blames(const SimulateOptions& options, Console& console) {
  if (options.replicas || options.byzantine || options.lies || options.trace || options.ledgers ||
      options.stand_in || options.shrink) {
    return wrong("simulate-blame", "Found more than --seed or --seeds with blame",
                 "Expected --seed or --seeds alone: everything else is drawn.");
  }
  SeedRange range{options.seed, options.seed};
  if (options.seeds) {
    QUORATE_ASSIGN(range, parse_range(*options.seeds));
  }
  return simulate_blame(range.first, range.last, console);
}

// The scenario, or a random run as one.
Result<ExitCode> simulate_shrunk(const SimulateOptions& options, const RunOptions& run,
                                 Console& console) {
  const bool is_random = options.scenario == kRandomScenario;
  if (options.seeds || options.trace || options.ledgers || options.quiet > 0 ||
      (options.stand_in && !is_random)) {
    return wrong("simulate-shrink", "Found --shrink with other options than who lies",
                 "Expected --shrink FILE with one --seed that fails; the picture comes with it.");
  }
  if (is_random) {
    return simulate_shrink(options, scenario_text_of_run(run, run_random(run)), console);
  }
  QUORATE_ASSIGN(const Scenario scenario, find_scenario(options.scenario));
  ScenarioOptions how;
  if (options.replicas) how.replicas = *options.replicas;
  how.byzantine = run.byzantine;
  return simulate_shrink(options, scenario_text(scenario, how), console);
}

ExitCode list_all(Console& console) {
  json::object scenarios;
  const auto add = [&](std::string_view name, std::string_view sentence) {
    console.line(fmt::format("  {:<23} {}", name, sentence));
    scenarios[name] = sentence;
  };
  console.line("scenarios");
  add(kRandomScenario, "faults of all kinds, then everything must end");
  add(kHonestScenario, "no faults, uneven load, and no change of view");
  add(kBlameScenario, "more than f lie, agreement breaks, and the guilty are named");
  for (const auto& [name, text] : shipped_scenarios()) {
    const auto scenario = parse_scenario(std::string(name), text);
    add(name, scenario ? scenario->sentence : scenario.error().message);
  }
  json::object lies;
  console.line("behaviours");
  for (const BehaviourInfo& info : behaviours()) {
    console.line(fmt::format("  {:<23} {}", info.name, info.sentence));
    lies[info.name] = info.sentence;
  }
  console.json(json::object{{"scenarios", scenarios}, {"behaviours", lies}});
  return ExitCode::kSuccess;
}

// Names, with commas between them.
Result<std::set<Behaviour>> parse_lies(const std::string& text) {
  std::set<Behaviour> lies;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto behaviour = find_behaviour(std::string_view(text).substr(begin, end - begin));
    if (!behaviour) {
      return wrong("simulate-lies", fmt::format("Found --lies {}", text),
                   "Expected behaviours that --list names: --lies equivocate,double-vote");
    }
    lies.insert(*behaviour);
    begin = end + 1;
  }
  return lies;
}

Result<RunOptions> run_options(const SimulateOptions& options) {
  RunOptions run;
  run.replicas = options.replicas.value_or(run.replicas);
  run.seed = options.seed;
  run.seconds = options.seconds;
  if (options.stand_in) run.signatures = SimSignatures::kStandIn;
  if (run.replicas < 1 || run.replicas > kSimulatedReplicasMax) {
    return wrong("simulate-replicas", fmt::format("Found --replicas {}", run.replicas),
                 fmt::format("Expected 1 to {}", kSimulatedReplicasMax));
  }
  run.spares = options.spares;
  if (run.spares > pbft::kObserversMax || (run.spares > 0 && options.scenario != kRandomScenario)) {
    return wrong("simulate-spares",
                 fmt::format("Found --spares {} with {}", run.spares, options.scenario),
                 fmt::format("Expected 0 to {}, with random runs; a scenario says `spares` itself.",
                             pbft::kObserversMax));
  }
  run.quiet_seconds = options.quiet;
  if ((options.lies || options.quiet > 0) && options.scenario != kRandomScenario) {
    return wrong("simulate-lies", fmt::format("Found --lies or --quiet with {}", options.scenario),
                 "Expected them with random runs; a scenario says `liar` and `settle` itself.");
  }
  if (options.lies && !options.byzantine) {
    return wrong("simulate-lies", "Found --lies without --byzantine",
                 "Expected to be told who lies: --byzantine 0 --lies equivocate");
  }
  if (options.lies) {
    QUORATE_ASSIGN(run.lies, parse_lies(*options.lies));
  }
  if (!options.byzantine) return run;
  const auto liars = parse_numbers(*options.byzantine);
  for (const std::uint64_t id : liars.value_or(std::vector<std::uint64_t>{})) {
    if (id < run.replicas) run.byzantine.insert({static_cast<std::uint16_t>(id)});
  }
  if (liars && run.byzantine.size() == liars->size()) return run;
  return wrong("simulate-byzantine", fmt::format("Found --byzantine {}", *options.byzantine),
               fmt::format("Expected replicas from 0 to {}, each once: --byzantine 0,1",
                           run.replicas - 1));
}

Result<ExitCode> simulate(const SimulateOptions& options, Console& console) {
  if (options.list) return list_all(console);
  QUORATE_ASSIGN(const RunOptions run, run_options(options));
  if (options.scenario == kBlameScenario) return simulate_blames(options, console);
  if (options.scenario != kRandomScenario && options.seeds) {
    return wrong("simulate-seeds", fmt::format("Found --seeds with {}", options.scenario),
                 "Expected --seed: only random runs are searched.");
  }
  if (options.stand_in && options.scenario != kRandomScenario) {
    return wrong("simulate-stand-in", fmt::format("Found --stand-in with {}", options.scenario),
                 "Expected it with random runs; a scenario says `signatures stand-in` itself.");
  }
  if (options.scenario == kHonestScenario) {
    if (options.byzantine || options.trace || options.ledgers || options.shrink) {
      return wrong("simulate-honest", "Found more than --replicas, --seed and --seconds",
                   "Expected --replicas, --seed and --seconds alone: nobody lies in it, and it is "
                   "too long to write down.");
    }
    return simulate_honest({run.replicas, options.seed, options.seconds}, console);
  }
  if (options.shrink) return simulate_shrunk(options, run, console);
  if (options.scenario != kRandomScenario) return simulate_scenario(options, run, console);
  if (!options.seeds) return simulate_one(options, run, console);
  if (options.trace || options.ledgers) {
    return wrong("simulate-one", "Found --trace or --ledgers with --seeds",
                 "Expected --seed: one run.");
  }
  QUORATE_ASSIGN(const SeedRange range, parse_range(*options.seeds));
  return simulate_many(options, run, range, console);
}

}  // namespace

void add_simulate_command(node::CommandLine& line) {
  auto options = std::make_shared<SimulateOptions>();
  node::Command command;
  command.path = "simulate";
  command.sentence = "Run replicas in virtual time, with faults drawn from a seed";
  command.details =
      "One thread runs the replica core that the node runs, with a modelled network, disks and "
      "clocks. One seed is one history on every machine and build: compare the printed trace. "
      "Invariants are checked after every event. Exit code 13: one broke; 14: all was healed, and "
      "not everything ended.";
  command.example = "  quorate simulate equivocating-primary --seed 7 --trace run.html\n"
                    "  quorate simulate --replicas 7 --seeds 1..1000";
  command.parameters = {
      {.name = "SCENARIO", .help = "One that --list names, or a file (random)",
       .target = &options->scenario, .required = false},
      {.name = "--replicas", .value = "N", .help = "How many (4)", .target = &options->replicas},
      {.name = "--spares", .value = "N",
       .help = "Seats beside them: who may vote changes during the run (0)",
       .target = &options->spares},
      {.name = "--byzantine", .value = "I,I", .help = "These lie; more than f break agreement",
       .target = &options->byzantine},
      {.name = "--lies", .value = "NAME,NAME",
       .help = "What they do, of the behaviours that --list names (drawn from the seed)",
       .target = &options->lies},
      {.name = "--seed", .value = "S", .help = "The history (1)", .target = &options->seed},
      {.name = "--seeds", .value = "A..B", .help = "All of these, on all cores",
       .target = &options->seeds},
      {.name = "--seconds", .value = "T", .help = "Virtual time with faults (60)",
       .target = &options->seconds},
      {.name = "--quiet", .value = "T",
       .help = "Virtual time without clients at the end: then all must be alike and at rest (0)",
       .target = &options->quiet},
      {.name = "--trace", .value = "FILE",
       .help = "Every event, in this file: FILE.html is a picture for a browser, FILE.shiviz a "
               "causal log for ShiViz, else a line each",
       .target = &options->trace},
      {.name = "--ledgers", .value = "DIR", .help = "Leave each replica's ledger in a new folder",
       .target = &options->ledgers},
      {.name = "--shrink", .value = "FILE",
       .help = "Of a seed that fails: the smallest scenario that still does, with its picture",
       .target = &options->shrink},
      {.name = "--stand-in", .help = "Digests in the place of signatures: faster, other traces",
       .target = &options->stand_in},
      {.name = "--list", .help = "What scenarios there are", .target = &options->list}};
  command.run = [options](Console& console) { return simulate(*options, console); };
  line.add(std::move(command));
  add_attack_command(line);
  add_twins_command(line);
  add_replay_command(line);
}

}  // namespace quorate::testnet
