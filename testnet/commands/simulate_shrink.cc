#include "testnet/commands/simulate_shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <filesystem>

#include "node/files.h"
#include "testnet/commands/trace_file.h"

namespace quorate::testnet {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

Result<ExitCode> simulate_shrink(const SimulateOptions& options, const std::string& text,
                                 Console& console) {
  const auto on_progress = [&](std::uint64_t lines, std::uint64_t runs) {
    if (console.is_on_terminal()) console.progress(fmt::format("{} lines, {} runs", lines, runs));
  };
  QUORATE_ASSIGN(const Shrunk shrunk, shrink(text, options.seed, on_progress));
  const std::filesystem::path file(*options.shrink);
  const std::string head = fmt::format("# Shrunk from {} with seed {}: {}.\n", options.scenario,
                                       options.seed, shrunk.failure);
  QUORATE_TRY(node::replace_file(file, head + shrunk.text));

  // Once more, for its picture and for what it says.
  const std::string picture = std::filesystem::path(file).replace_extension(".html").string();
  TraceFile trace;
  QUORATE_TRY(trace.open(picture));
  ScenarioOptions how;
  how.seed = options.seed;
  how.on_event = trace.listener();
  QUORATE_ASSIGN(const Scenario scenario, parse_scenario(file.stem().string(), shrunk.text));
  QUORATE_ASSIGN(ScenarioReport report, run_scenario(scenario, how));
  if (report.unmet && report.run.verdict == Verdict::kSound) report.run.verdict = Verdict::kStuck;
  SimulateOptions shown;
  shown.scenario = file.string();
  shown.seed = options.seed;
  QUORATE_TRY(trace.close(heading(shown, report.seats, report.run)));

  const auto before = std::ranges::count(text, '\n');
  console.line(fmt::format("{} of {} lines are left after {} runs{}, in {}:", shrunk.lines, before,
                           shrunk.runs, shrunk.is_done ? "" : " (the limit; more may go)",
                           file.string()));
  for (std::size_t begin = 0; begin < shrunk.text.size();) {
    const std::size_t end = shrunk.text.find('\n', begin);
    console.line("  " + shrunk.text.substr(begin, end - begin));
    begin = end + 1;
  }
  print_report(shown, report.run, console);
  if (report.unmet) console.line("  " + *report.unmet);
  console.line(fmt::format("picture: {}", picture));
  json::object result = report_to_json(shown, options.seed, report.run);
  result["shrunk_file"] = file.string();
  result["picture_file"] = picture;
  result["lines"] = shrunk.lines;
  result["lines_before"] = before;
  result["runs"] = shrunk.runs;
  result["is_done"] = shrunk.is_done;
  console.json(result);
  return exit_code(report.run.verdict);
}

}  // namespace quorate::testnet
