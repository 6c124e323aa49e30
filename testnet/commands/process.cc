// quorate testnet kill | stop | start | pause | resume

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "testnet/commands/registry.h"
#include "testnet/supervision.h"
#include "testnet/view.h"

namespace quorate::testnet {
namespace {

using node::Console;
using node::ExitCode;

constexpr std::chrono::seconds kAnswerPatience{15};
constexpr std::chrono::milliseconds kPause{50};

struct Options {
  std::optional<std::string> dir;
  std::uint64_t replica = 0;
};
using Ask = Status (*)(const node::NetworkFolder&, std::uint64_t);

// A node that was started is of use once it answers; one that ends at once is worth an error.
Status await_answer(const node::NetworkFolder& folder, std::uint64_t replica) {
  const auto deadline = std::chrono::steady_clock::now() + kAnswerPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    QUORATE_ASSIGN(const TestnetView view, look(folder));
    const ReplicaView& own = view.replicas[replica];
    if (own.report) return {};
    if (own.process.pid == 0) {
      return fail(ErrorKind::kUnavailable, "replica-ended",
                  fmt::format("{} ended at once: {}", own.replica.name, own.process.end),
                  fmt::format("Look with `quorate testnet logs {}`.", replica));
    }
    std::this_thread::sleep_for(kPause);
  }
  return fail(ErrorKind::kTimeout, "replica-silent",
              fmt::format("replica-{} does not answer {} s after its start", replica,
                          kAnswerPatience.count()),
              fmt::format("Look with `quorate testnet logs {}`.", replica));
}

Result<ExitCode> act(const Options& options, Ask ask, bool is_start, Console& console) {
  QUORATE_ASSIGN(const node::NetworkFolder folder, find_folder(options.dir));
  QUORATE_TRY(ask(folder, options.replica));
  if (is_start) QUORATE_TRY(await_answer(folder, options.replica));
  QUORATE_ASSIGN(const TestnetView view, look(folder));
  const ReplicaView& own = view.replicas[options.replica];
  console.line(fmt::format("{} is {}{}", own.replica.name, own.state(),
                           own.process.pid == 0 ? " (" + own.process.end + ")"
                                                : fmt::format(", process {}", own.process.pid)));
  console.json(view_to_json(view).at("replicas").as_array().at(options.replica));
  return ExitCode::kSuccess;
}

}  // namespace

void add_process_commands(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  const std::vector<node::Parameter> parameters = {
      {.name = "N", .help = "The replica's number, from 0", .target = &options->replica},
      dir_parameter(options->dir)};
  const auto add = [&](std::string path, std::string sentence, Ask ask, bool is_start) {
    line.add({.path = path,
              .sentence = std::move(sentence),
              .example = fmt::format("  quorate {} 1", path),
              .parameters = parameters,
              .run = [options, ask, is_start](Console& console) {
                return act(*options, ask, is_start, console);
              }});
  };
  add("testnet kill", "End a node at once, as a crash would (SIGKILL)", ask_kill, false);
  add("testnet stop", "Have a node end in peace (SIGTERM)", ask_stop, false);
  add("testnet start", "Start a node that was killed, stopped or ended by itself", ask_start, true);
  add("testnet pause", "Have a node stand still, as an overloaded machine would (SIGSTOP)",
      ask_pause, false);
  add("testnet resume", "Let a node that stands still go on (SIGCONT)", ask_resume, true);
}

}  // namespace quorate::testnet
