#include "testnet/commands/simulate_replay.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <memory>
#include <set>

#include "node/rpc_error.h"
#include "node/time_text.h"
#include "testnet/commands/trace_file.h"
#include "testnet/film.h"
#include "testnet/replay.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using node::Console;
using node::ExitCode;
using Lives = std::vector<std::unique_ptr<RecordedLife>>;

constexpr std::size_t kLivesMax = 256;

struct Options {
  std::vector<std::string> files;
  std::optional<std::string> trace;
};

Result<Lives> open_lives(const Options& options) {
  if (options.files.empty() || options.files.size() > kLivesMax) {
    return fail(ErrorKind::kUsage, "replay-files",
                fmt::format("Found {} files, expected 1 to {}", options.files.size(), kLivesMax),
                "Name recordings: quorate simulate replay replica-1/recording-1");
  }
  Lives lives;
  for (const std::string& file : options.files) {
    QUORATE_ASSIGN(auto life, RecordedLife::open(file));
    const bool is_other = !lives.empty() && ledger::chain_id_of(life->head().genesis) !=
                                                ledger::chain_id_of(lives[0]->head().genesis);
    if (is_other) {
      return fail(ErrorKind::kInvalid, "recording-other-chain",
                  fmt::format("{} is of another network than {}", file, options.files.front()),
                  "Replay recordings of one network together, others apart.");
    }
    lives.push_back(std::move(life));
  }
  return lives;
}

std::string end_sentence(const LifeReport& report) {
  switch (report.end) {
    case LifeEnd::kStopped: return "the node stopped in peace";
    case LifeEnd::kFull: return "the recording reached its limit; the node went on";
    case LifeEnd::kBehind: return "the disk was too slow for the recording; the node went on";
    case LifeEnd::kEpoch: return "the epoch ended; the node went on with the next";
    case LifeEnd::kCut: return "cut off inside of a record: the node was killed";
    case LifeEnd::kOpen: return "without its last record: the node was killed, or still runs";
    case LifeEnd::kDifferent: return "the replay ends at the first difference";
    case LifeEnd::kDamaged: return "the replay ends at the damage";
  }
  return {};
}

void print(const LifeReport& report, Console& console) {
  console.line(fmt::format("{}: replica {} of {}, recorded by {}", report.file, report.self.value,
                           report.replicas, report.program.empty() ? "a simulation"
                                                                   : report.program));
  console.line(fmt::format("  {} steps in {}.{:03} s from {}: {} messages, {} votes, {} batches "
                           "executed, up to {}",
                           report.steps, report.covered_ms / 1000, report.covered_ms % 1000,
                           node::time_to_text(report.begin), report.messages, report.votes,
                           report.batches, report.executed.value));
  console.line(fmt::format("  view {} to {}, {} view changes; {}", report.first_view.value,
                           report.last_view.value, report.view_changes, end_sentence(report)));
  if (const auto& difference = report.difference) {
    console.line(fmt::format("  step {} ({}) came out otherwise in: {}", difference->step,
                             difference->input, fmt::join(difference->fields, ", ")));
    console.line("  now: " + difference->found);
  }
  if (report.damage) console.line("  " + report.damage->to_string());
  console.line("  outputs " + report.outputs.hex());
}

std::string_view verdict(const LifeReport& report) {
  if (report.difference) return "different";
  return report.damage ? "damaged" : "identical";
}

json::object to_json(const LifeReport& report) {
  json::object object{{"file", report.file},
                      {"program", report.program},
                      {"replica", report.self.value},
                      {"replicas", report.replicas},
                      {"steps", report.steps},
                      {"messages", report.messages},
                      {"votes", report.votes},
                      {"batches", report.batches},
                      {"executed", report.executed.value},
                      {"view_first", report.first_view.value},
                      {"view_last", report.last_view.value},
                      {"view_changes", report.view_changes},
                      {"begin_ms", report.begin.value},
                      {"covered_ms", report.covered_ms},
                      {"outputs", report.outputs.hex()},
                      {"end", life_end_text(report.end)},
                      {"verdict", verdict(report)}};
  if (const auto& difference = report.difference) {
    json::array fields;
    for (const std::string& field : difference->fields) fields.emplace_back(field);
    object["difference"] = json::object{{"step", difference->step},
                                        {"input", difference->input},
                                        {"fields", std::move(fields)},
                                        {"found", difference->found}};
  }
  if (report.damage) object["damage"] = node::error_to_json(*report.damage);
  return object;
}

Picture::Heading heading(const Options& options, const Lives& lives, std::string_view verdict) {
  Picture::Heading heading;
  std::set<std::uint16_t> seen;
  for (const auto& life : lives) seen.insert(life->head().self.value);
  heading.title = fmt::format("{}, recorded by {} {}", lives.front()->head().genesis.name,
                              seen.size() == 1 ? "replica" : "replicas", fmt::join(seen, ", "));
  heading.verdict = fmt::format("replayed: {}", verdict);
  heading.is_sound = verdict == "identical";
  heading.replay = fmt::format("quorate simulate replay {}", fmt::join(options.files, " "));
  heading.replicas = lives.front()->size();
  return heading;
}

Result<ExitCode> simulate_replay(const Options& options, Console& console) {
  QUORATE_ASSIGN(const Lives lives, open_lives(options));
  TraceFile trace;
  QUORATE_TRY(trace.open(options.trace));
  if (const auto listener = trace.listener()) {
    Film film(lives, listener);
    replay(lives, [&](std::size_t life, const node::RecordedStep& step,
                      const pbft::Output& output) { film.note(life, step, output); });
  } else {
    replay(lives, nullptr);
  }
  std::string_view worst = "identical";
  ExitCode code = ExitCode::kSuccess;
  json::array reports;
  for (const auto& life : lives) {
    const LifeReport& report = life->report();
    print(report, console);
    reports.push_back(to_json(report));
    if (report.damage && code == ExitCode::kSuccess) {
      worst = "damaged";
      code = ExitCode::kCorrupt;
    } else if (report.difference) {
      worst = "different";
      code = ExitCode::kUnsafe;
    }
  }
  QUORATE_TRY(trace.close(heading(options, lives, worst)));
  console.line(fmt::format("the {} {}", lives.size() == 1 ? "replay is" : "replays are", worst));
  console.json(json::object{{"verdict", worst}, {"recordings", std::move(reports)}});
  return code;
}

}  // namespace

void add_replay_command(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  node::Command command;
  command.path = "simulate replay";
  command.sentence = "Give a real core what a node's core was given, and compare what it does";
  command.details =
      "FILE is what `quorate node --record FILE` or `quorate testnet up --record` wrote: one life "
      "of one node. Each output must be the recorded one, byte for byte, in every build. Several "
      "recordings of one network make one picture. A recording whose node was killed is replayed "
      "as far as it goes. Exit code 8: it is damaged; 13: a step came out otherwise.";
  command.example =
      "  quorate simulate replay replica-1/recording-1 --trace incident.html\n"
      "  quorate simulate replay testnet-data/default/replica-*/recording-1 --json";
  command.parameters = {
      {.name = "FILE", .help = "Recordings", .target = &options->files},
      {.name = "--trace", .value = "FILE", .help = "What happened, as in `quorate simulate`",
       .target = &options->trace}};
  command.run = [options](Console& console) { return simulate_replay(*options, console); };
  line.add(std::move(command));
}

}  // namespace quorate::testnet
