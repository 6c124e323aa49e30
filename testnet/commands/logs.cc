// quorate testnet logs

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <vector>

#include "testnet/commands/registry.h"
#include "testnet/interrupt.h"
#include "testnet/layout.h"
#include "testnet/tail.h"

namespace quorate::testnet {
namespace {

using node::Console;
using node::ExitCode;
using node::NetworkFolder;
using node::NetworkReplica;

constexpr std::chrono::milliseconds kPause{200};

struct Options {
  std::optional<std::string> dir;
  std::optional<std::uint64_t> replica;
  std::uint64_t lines = 40;
  bool follow = false;
};

Result<std::vector<NetworkReplica>> chosen(const NetworkFolder& folder, const Options& options) {
  if (!options.replica) return folder.replicas;
  if (*options.replica < folder.replicas.size()) {
    return std::vector<NetworkReplica>{folder.replicas[*options.replica]};
  }
  return fail(ErrorKind::kNotFound, "replica-unknown",
              fmt::format("There is no replica {}, expected 0 to {}", *options.replica,
                          folder.replicas.size() - 1));
}

// What a node logs, and what it printed because it could not log any more.
std::vector<std::filesystem::path> files_of(const NetworkFolder& folder,
                                            const NetworkReplica& replica) {
  return {folder.home_of(replica).log(), output_file(folder, replica)};
}

Result<ExitCode> logs(const Options& options, Console& console) {
  QUORATE_ASSIGN(const NetworkFolder folder, find_folder(options.dir));
  QUORATE_ASSIGN(const auto replicas, chosen(folder, options));
  if (options.follow && console.is_json()) {
    return fail(ErrorKind::kUsage, "usage", "Found --follow and --json, expected one of them");
  }
  std::vector<std::pair<std::string, Follower>> followers;
  boost::json::object result;
  for (const NetworkReplica& replica : replicas) {
    const std::string prefix = replicas.size() > 1 ? replica.name + " | " : "";
    boost::json::array lines;
    for (const auto& file : files_of(folder, replica)) {
      followers.emplace_back(prefix, Follower(file));
      for (const std::string& line : last_lines(file, options.lines)) {
        console.line(prefix + line);
        lines.push_back(boost::json::string(line));
      }
    }
    result[replica.name] = std::move(lines);
  }
  console.json(result);
  if (!options.follow) return ExitCode::kSuccess;
  Interrupt interrupt;
  while (!interrupt.wait_for(kPause)) {
    for (auto& [prefix, follower] : followers) {
      for (const std::string& line : follower.next()) console.line(prefix + line);
    }
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_logs_command(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "testnet logs",
            .sentence = "Show the end of the nodes' logs",
            .example = "  quorate testnet logs 0 --follow",
            .parameters = {{.name = "N",
                            .help = "One replica's, from 0; else all",
                            .target = &options->replica,
                            .required = false},
                           {.name = "--lines",
                            .value = "COUNT",
                            .help = "How many of each; default 40",
                            .target = &options->lines},
                           {.name = "--follow",
                            .help = "Go on with what is written, until Ctrl-C",
                            .target = &options->follow},
                           dir_parameter(options->dir)},
            .run = [options](Console& console) { return logs(*options, console); }});
}

}  // namespace quorate::testnet
