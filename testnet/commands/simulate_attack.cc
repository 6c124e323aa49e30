#include "testnet/commands/simulate_attack.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "testnet/all_cores.h"
#include "testnet/attack_tables.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

constexpr std::string_view kAll = "all";
constexpr std::uint64_t kProgressLineMs = 10'000;

struct AttackOptions {
  std::string name = std::string(kAll);
  std::uint64_t seed = 1;
  std::uint64_t runs = 2000;
};

std::string optional_text(const std::optional<double>& value, std::string_view format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

void print_table(const AttackTable& table, Console& console) {
  console.line(fmt::format("{}: {}, by {}", table.title, table.y_name, table.x_name));
  console.line(fmt::format("  {:<20} {:>8} {:>9} {:>10} {:>10} {:>10} {:>6}", "", "", "runs",
                           "simulated", "error", "published", "apart"));
  for (const AttackSeries& series : table.series) {
    for (const AttackPoint& point : series.points) {
      console.line(fmt::format("  {:<20} {:>8.4g} {:>9} {:>10.6f} {:>10.6f} {:>10} {:>6}",
                               series.name, point.x, point.runs, point.simulated, point.error,
                               optional_text(point.published, "{:.6f}"),
                               optional_text(point.apart(), "{:+.1f}")));
    }
  }
  const AttackTable::Fit fit = table.fit();
  console.line(fmt::format("  farthest {:.1f} standard errors apart; their squares sum to {:.0f} "
                           "over {} points",
                           fit.farthest, fit.squares, fit.points));
}

json::object table_json(const AttackTable& table) {
  json::array points;
  for (const AttackSeries& series : table.series) {
    for (const AttackPoint& point : series.points) {
      json::object each{{"series", series.name},       {"x", point.x},
                        {"runs", point.runs},          {"simulated", point.simulated},
                        {"error", point.error},        {"published", nullptr},
                        {"errors_apart", nullptr}};
      if (point.published) each["published"] = *point.published;
      if (const auto apart = point.apart()) each["errors_apart"] = *apart;
      points.push_back(std::move(each));
    }
  }
  const AttackTable::Fit fit = table.fit();
  return {{"attack", table.name},      {"x", table.x_name},
          {"y", table.y_name},         {"source", table.source},
          {"farthest", fit.farthest},  {"squares", fit.squares},
          {"points", std::move(points)}};
}

AttackTable run_with_progress(std::string_view name, const AttackOptions& options,
                              Console& console) {
  std::uint64_t say_at_ms = kProgressLineMs;
  return run_attack(name, options.seed, options.runs, [&](std::uint64_t count, const auto& make) {
    on_all_cores(count, make, [&](std::uint64_t took_ms) {
      if (!console.is_on_terminal() && took_ms < say_at_ms) return;
      say_at_ms = took_ms + kProgressLineMs;
      console.progress(fmt::format("{}: {} s", name, took_ms / 1000));
    });
  });
}

Result<ExitCode> attack(const AttackOptions& options, Console& console) {
  const auto& names = attack_names();
  if (options.name != kAll && std::ranges::find(names, options.name) == names.end()) {
    return fail(ErrorKind::kUsage, "simulate-attack",
                fmt::format("Found the attack {}", options.name),
                fmt::format("Expected all, or one of {}", fmt::join(names, ", ")));
  }
  if (options.runs < kAttackRunsMin || options.runs > kAttackRunsMax) {
    return fail(ErrorKind::kUsage, "simulate-attack",
                fmt::format("Found --runs {}", options.runs),
                fmt::format("Expected {} to {}", kAttackRunsMin, kAttackRunsMax));
  }
  json::array tables;
  for (const std::string_view name : names) {
    if (options.name != kAll && options.name != name) continue;
    const AttackTable table = run_with_progress(name, options, console);
    print_table(table, console);
    tables.push_back(table_json(table));
  }
  console.json(json::object{
      {"seed", options.seed}, {"runs", options.runs}, {"tables", std::move(tables)}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_attack_command(node::CommandLine& line) {
  const auto options = std::make_shared<AttackOptions>();
  line.add(
      {.path = "simulate attack",
       .sentence = "Attack proof of work many times over, beside what the papers say",
       .details =
           "Every node is a real chain, with real blocks, in virtual time. double-spend: a payment "
           "by its depth and the attacker's share (Rosenfeld; Nakamoto beside it). selfish: a "
           "miner that hides its blocks, by share and gamma (Eyal and Sirer). stale: blocks found "
           "beside each other, by delay. partition: blocks thrown away when two parts meet. One "
           "seed gives one table, on any number of cores. About 1 of 370 points lies more than 3 "
           "standard errors apart by chance.",
       .example = "  quorate simulate attack double-spend --runs 10000 --seed 7",
       .parameters = {{.name = "ATTACK",
                       .help = "double-spend, selfish, stale, partition, or all (all)",
                       .target = &options->name,
                       .required = false},
                      {.name = "--runs",
                       .value = "N",
                       .help = "At each point, of the short ones; half as many of a hundred blocks "
                               "(2000)",
                       .target = &options->runs},
                      {.name = "--seed",
                       .value = "S",
                       .help = "What all is drawn from (1)",
                       .target = &options->seed}},
       .run = [options](Console& console) { return attack(*options, console); }});
}

}  // namespace quorate::testnet
