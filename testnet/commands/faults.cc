// quorate testnet partition | heal | delay | skew

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "testnet/commands/registry.h"
#include "testnet/file_lock.h"
#include "testnet/layout.h"
#include "testnet/link_faults.h"
#include "testnet/view.h"

namespace quorate::testnet {
namespace {

using node::Console;
using node::ExitCode;
using node::NetworkFolder;

constexpr std::chrono::seconds kLockPatience{5};
constexpr std::chrono::seconds kInForcePatience{5};
constexpr std::chrono::milliseconds kPause{20};

struct Options {
  std::optional<std::string> dir;
  std::string sides;
  std::string link;
  std::uint64_t delay_ms = 0;
  std::uint64_t replica = 0;
  std::int64_t skew_ms = 0;
};
using Change = std::function<Status(LinkFaults&)>;

// Until every node that answers says so; one that is down or stands still hears of it later.
Result<TestnetView> await_in_force(const NetworkFolder& folder, std::uint64_t number) {
  const auto deadline = std::chrono::steady_clock::now() + kInForcePatience;
  for (;;) {
    QUORATE_ASSIGN(TestnetView view, look(folder));
    bool is_in_force = true;
    for (const ReplicaView& each : view.replicas) {
      is_in_force = is_in_force && (!each.report || each.report->faults_number >= number);
    }
    if (is_in_force) return view;
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(ErrorKind::kTimeout, "faults-not-in-force",
                  fmt::format("A node has not taken its faults over within {} s",
                              kInForcePatience.count()),
                  "Look with `quorate testnet logs`.");
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<ExitCode> act(const std::optional<std::string>& dir, const Change& change,
                     Console& console) {
  QUORATE_ASSIGN(const NetworkFolder folder, find_folder(dir));
  QUORATE_TRY(ask_status(folder));
  QUORATE_ASSIGN(auto lock,
                 FileLock::acquire_within(Files{folder.root}.making_lock(), kLockPatience));
  if (!lock) {
    return fail(ErrorKind::kConflict, "testnet-busy",
                fmt::format("Another command is at work in {}", folder.root.string()),
                "Type it again.");
  }
  QUORATE_ASSIGN(LinkFaults faults, read_link_faults(folder));
  QUORATE_TRY(change(faults));
  QUORATE_ASSIGN(const std::uint64_t number, write_link_faults(folder, faults));
  lock.reset();
  QUORATE_ASSIGN(const TestnetView view, await_in_force(folder, number));
  for (const std::string& line : view.faults) console.line(line);
  if (view.faults.empty()) console.line("no faults");
  console.json(view_to_json(view).at("faults"));
  return ExitCode::kSuccess;
}

Status out_of_range(std::string_view code, std::string found, std::string expected) {
  return fail(ErrorKind::kUsage, code, std::move(found), std::move(expected));
}

Change partition(const Options& options) {
  return [&options](LinkFaults& faults) -> Status {
    QUORATE_ASSIGN(const auto sides, parse_partition(options.sides, faults.size()));
    cut_into(faults, sides);
    return {};
  };
}

Change delay(const Options& options) {
  return [&options](LinkFaults& faults) -> Status {
    QUORATE_ASSIGN(const auto link, parse_link(options.link, faults.size()));
    if (options.delay_ms > node::kDelayMsMax) {
      return out_of_range("delay-out-of-range", fmt::format("Found {} ms", options.delay_ms),
                          fmt::format("Expected 0 to {}", node::kDelayMsMax));
    }
    delay_link(faults, link, static_cast<std::uint32_t>(options.delay_ms));
    return {};
  };
}

Change skew(const Options& options) {
  return [&options](LinkFaults& faults) -> Status {
    const auto max = static_cast<std::int64_t>(node::kSkewMsMax);
    if (options.replica >= faults.size() || options.skew_ms > max || options.skew_ms < -max) {
      return out_of_range(
          "skew-out-of-range",
          fmt::format("Found replica {} and {} ms", options.replica, options.skew_ms),
          fmt::format("Expected 0 to {}, and a year at most", faults.size() - 1));
    }
    faults[options.replica].skew_ms = options.skew_ms;
    return {};
  };
}

}  // namespace

void add_fault_commands(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  const auto add = [&](node::Command command, const std::function<Change(const Options&)>& change) {
    command.parameters.push_back(dir_parameter(options->dir));
    command.run = [options, change](Console& console) {
      return act(options->dir, change(*options), console);
    };
    line.add(std::move(command));
  };
  add({.path = "testnet partition",
       .sentence = "Cut the network: sides hear nothing of each other until `heal`",
       .details = "Instead of a partition before. Replicas that are not named are one more side. "
                  "Both ends of a cut\nlink notice at once, as if a cable was pulled. Faults last "
                  "until `heal`, or until the testnet is\ntaken down; a node that is started again "
                  "keeps its own. The nodes say so in `status` and in\ntheir logs.",
       .example = "  quorate testnet partition 0,1/2,3\n  quorate testnet partition 3",
       .parameters = {{.name = "SIDES",
                       .help = "Replicas by number, with / between the sides: 0,1/2,3",
                       .target = &options->sides}}},
      partition);
  add({.path = "testnet heal",
       .sentence = "End partition, delays and skew",
       .example = "  quorate testnet heal"},
      [](const Options&) {
        return [](LinkFaults& faults) -> Status {
          heal(faults);
          return {};
        };
      });
  add({.path = "testnet delay",
       .sentence = "Make the link between two replicas slow, both ways",
       .example = "  quorate testnet delay 0-1 200\n  quorate testnet delay 0-1 0",
       .parameters = {{.name = "A-B",
                       .help = "Two replicas by number",
                       .target = &options->link},
                      {.name = "MS",
                       .help = "Milliseconds each way; 0 ends it",
                       .target = &options->delay_ms}}},
      delay);
  add({.path = "testnet skew",
       .sentence = "Put the wall clock of a replica wrong",
       .details = "Monotonic time, which timers follow, stays true.",
       .example = "  quorate testnet skew 2 -300000\n  quorate testnet skew 2 0",
       .parameters = {{.name = "N",
                       .help = "The replica's number",
                       .target = &options->replica},
                      {.name = "MS",
                       .help = "Milliseconds ahead, or behind if negative; 0 ends it",
                       .target = &options->skew_ms}}},
      skew);
}

}  // namespace quorate::testnet
