#include "testnet/commands/simulate_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "crypto/bcs.h"
#include "node/files.h"

namespace quorate::testnet {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

namespace {

constexpr std::size_t kFailuresShown = 5;
constexpr std::uint64_t kBarWidth = 30;

std::string replay(const SimulateOptions& options, std::uint64_t seed) {
  std::string text = fmt::format("quorate simulate {}", options.scenario);
  if (options.replicas) text += fmt::format(" --replicas {}", *options.replicas);
  if (options.spares > 0) text += fmt::format(" --spares {}", options.spares);
  if (options.byzantine) text += " --byzantine " + *options.byzantine;
  if (options.lies) text += " --lies " + *options.lies;
  text += fmt::format(" --seed {}", seed);
  if (options.stand_in) text += " --stand-in";
  if (options.scenario == kRandomScenario) text += fmt::format(" --seconds {}", options.seconds);
  if (options.quiet > 0) text += fmt::format(" --quiet {}", options.quiet);
  return text;
}

std::string names_of(const std::set<Behaviour>& does) {
  std::string text;
  for (const BehaviourInfo& info : behaviours()) {
    if (does.contains(info.behaviour)) text += " " + std::string(info.name);
  }
  return text;
}

std::string liars_text(const Liars& liars) {
  std::string text;
  for (const auto& [id, does] : liars) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : "; ", id.value, names_of(does));
  }
  return text;
}

std::string headline(const RunReport& report) {
  if (report.verdict == Verdict::kUnsafe && report.violations[0].invariant == "agreement") {
    return "agreement broken: " + report.violations[0].text;
  }
  return std::string(verdict_text(report.verdict));
}

void print_failure(const SimulateOptions& options, std::uint64_t seed, const RunReport& report,
                   Console& console) {
  print_trouble(report, console);
  console.line("  again: " + replay(options, seed));
}

std::string percent(std::uint64_t part, std::uint64_t all) {
  return fmt::format("{}.{} %", part * 100 / all, part * 1000 / all % 10);
}

}  // namespace

Picture::Heading heading(const SimulateOptions& options, std::size_t replicas,
                         const RunReport& report) {
  Picture::Heading result;
  result.title = fmt::format("{}, seed {}", options.scenario, options.seed);
  result.verdict = headline(report);
  result.is_sound = report.verdict == Verdict::kSound;
  result.replay = replay(options, options.seed);
  result.replicas = replicas;
  for (const auto& [id, does] : report.liars) result.liars[id] = names_of(does).substr(1);
  return result;
}

void print_trouble(const RunReport& report, Console& console) {
  for (const Violation& found : report.violations) {
    console.line(fmt::format("  {} at replica {}, {} ms: {}", found.invariant, found.replica.value,
                             found.time_ms, found.text));
  }
  if (!report.stuck.empty()) console.line("  " + report.stuck);
}

ExitCode exit_code(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSound: return ExitCode::kSuccess;
    case Verdict::kUnsafe: return ExitCode::kUnsafe;
    case Verdict::kStuck: return ExitCode::kStuck;
  }
  return ExitCode::kInternal;
}

json::array violations_to_json(const std::vector<Violation>& violations) {
  json::array result;
  for (const Violation& found : violations) {
    result.push_back(json::object{{"invariant", found.invariant},
                                  {"replica", found.replica.value},
                                  {"time_ms", found.time_ms},
                                  {"text", found.text}});
  }
  return result;
}

json::object report_to_json(const SimulateOptions& options, std::uint64_t seed,
                            const RunReport& report) {
  return {{"scenario", options.scenario},
          {"seed", seed},
          {"verdict", verdict_text(report.verdict)},
          {"violations", violations_to_json(report.violations)},
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
          {"epochs", report.counts.epochs},
          {"liars", liars_text(report.liars)},
          {"replay", replay(options, seed)}};
}

void print_report(const SimulateOptions& options, const RunReport& report, Console& console) {
  const Checkers::Counters& counts = report.counts;
  if (!report.liars.empty()) console.line("liars  " + liars_text(report.liars));
  console.line(fmt::format("seed {}: {} after {}.{:03} virtual seconds, {} events", options.seed,
                           headline(report), report.virtual_us / 1'000'000,
                           report.virtual_us / 1000 % 1000, report.events));
  console.line(fmt::format(
      "{} faults; {} sequences committed, {} checkpoints, {} views entered, {} recoveries, {} "
      "pieces of evidence{}", report.faults, counts.commits, counts.checkpoints, counts.views,
      counts.recoveries, counts.evidence,
      counts.epochs > 0 ? fmt::format(", {} epochs ended", counts.epochs) : ""));
  console.line(fmt::format("trace {:016x}", report.digest));
  if (report.verdict != Verdict::kSound) print_failure(options, options.seed, report, console);
}

ExitCode print_totals(const SimulateOptions& options, const Totals& totals, Console& console) {
  console.line(fmt::format("{} seeds, {} failed; {} virtual seconds; a run has {} faults (at least "
                           "{}) and {} commits (at least {})",
                           totals.runs, totals.failures.size(), totals.virtual_us / 1'000'000,
                           totals.faults / totals.runs, totals.faults_min,
                           totals.commits / totals.runs, totals.commits_min));
  console.line(fmt::format("with a view change {}, a checkpoint {}, a recovery {}, evidence {}",
                           percent(totals.with_view_change, totals.runs),
                           percent(totals.with_checkpoint, totals.runs),
                           percent(totals.with_recovery, totals.runs),
                           percent(totals.with_evidence, totals.runs)));
  if (options.spares > 0) console.line(fmt::format("{} epochs ended", totals.epochs));
  console.line(fmt::format("traces {:016x}", totals.digest));
  json::array failures;
  ExitCode code = ExitCode::kSuccess;
  for (std::size_t i = 0; i < totals.failures.size(); ++i) {
    const auto& [seed, report] = totals.failures[i];
    if (code != ExitCode::kUnsafe) code = exit_code(report.verdict);
    failures.push_back(report_to_json(options, seed, report));
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
                            {"faults_min", totals.faults_min},
                            {"with_view_change", totals.with_view_change},
                            {"with_checkpoint", totals.with_checkpoint},
                            {"with_recovery", totals.with_recovery},
                            {"with_evidence", totals.with_evidence},
                            {"epochs", totals.epochs},
                            {"digest", fmt::format("{:016x}", totals.digest)}});
  return code;
}

std::string progress_text(const Totals& so_far, std::uint64_t count, std::uint64_t took_ms) {
  return fmt::format("[{:<{}}] {} of {} seeds, {} failed, {} virtual seconds a second",
                     std::string(so_far.runs * kBarWidth / count, '#'), kBarWidth, so_far.runs,
                     count, so_far.failures.size(),
                     so_far.virtual_us / 1000 / std::max<std::uint64_t>(took_ms, 1));
}

Status write_evidence(const std::string& stem, const ScenarioReport& report, json::object& result,
                      Console& console) {
  if (report.run.accusations.empty()) return {};
  const ledger::EvidenceFile file{ledger::kEvidenceFormat, ledger::chain_id_of(report.genesis),
                                  report.run.accusations[0].evidence};
  const Bytes bytes = crypto::encode(file);
  const std::string evidence = stem + ".evidence";
  const std::string genesis = stem + ".genesis.json";
  QUORATE_TRY(node::replace_file(evidence, as_text(bytes)));
  QUORATE_TRY(node::replace_file(genesis, ledger::genesis_to_json(report.genesis)));
  console.line(fmt::format("evidence: {}, in {}", ledger::evidence_sentence(file.evidence),
                           evidence));
  console.line(fmt::format("  verify: quorate evidence verify {} --genesis {}", evidence, genesis));
  result["evidence_file"] = evidence;
  result["genesis_file"] = genesis;
  return {};
}

}  // namespace quorate::testnet
