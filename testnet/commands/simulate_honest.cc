#include "testnet/commands/simulate_honest.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "testnet/commands/simulate_report.h"

namespace quorate::testnet {

namespace json = boost::json;
using node::ExitCode;

ExitCode simulate_honest(const HonestOptions& options, node::Console& console) {
  const HonestReport report = run_honest(options);
  const Checkers::Counters& counts = report.run.counts;
  console.line(fmt::format("{} virtual seconds: {} of {} transactions happened or can never "
                           "happen, {} expired; {} sequences, {} checkpoints",
                           report.run.virtual_us / 1'000'000, report.settled,
                           report.run.submitted, report.expired, counts.commits,
                           counts.checkpoints));
  console.line(report.left == 0
                   ? "no view change"
                   : fmt::format("{} moves to another view; {}", report.left, report.first));
  print_trouble(report.run, console);
  console.line(fmt::format("trace {:016x}", report.run.digest));
  console.json(json::object{{"scenario", kHonestScenario},
                            {"replicas", options.replicas},
                            {"seed", options.seed},
                            {"verdict", verdict_text(report.run.verdict)},
                            {"moves", report.left},
                            {"first_move", report.first},
                            {"virtual_ms", report.run.virtual_us / 1000},
                            {"submitted", report.run.submitted},
                            {"settled", report.settled},
                            {"expired", report.expired},
                            {"commits", counts.commits},
                            {"checkpoints", counts.checkpoints},
                            {"digest", fmt::format("{:016x}", report.run.digest)}});
  if (report.run.verdict == Verdict::kUnsafe) return ExitCode::kUnsafe;
  return report.is_quiet() ? ExitCode::kSuccess : ExitCode::kStuck;
}

}  // namespace quorate::testnet
