// quorate testnet up

#include <fmt/format.h>
#include <signal.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>

#include "node/pow_rules.h"
#include "node/rpc_error.h"
#include "node/time_text.h"
#include "pow/miner.h"
#include "testnet/commands/registry.h"
#include "testnet/file_lock.h"
#include "testnet/first_block.h"
#include "testnet/interrupt.h"
#include "testnet/layout.h"
#include "testnet/liars_file.h"
#include "testnet/ports.h"
#include "testnet/supervision.h"
#include "testnet/tail.h"
#include "testnet/view.h"
#include "testnet/watch.h"

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;
using node::Console;
using node::ExitCode;
using node::NetworkFolder;

constexpr std::size_t kLogLinesShown = 8;
constexpr std::chrono::seconds kOtherUpPatience{30};

struct Options {
  std::optional<std::string> dir;
  std::optional<std::uint64_t> replicas;
  std::optional<std::uint64_t> base_port;
  std::string deadline = "20s";
  std::vector<std::string> byzantine;
  bool detach = false;
  bool record = false;
  std::optional<std::string> engine;
  std::string pow_params = "regtest";
  std::optional<std::string> pow_limit;
  std::optional<std::uint64_t> pow_spacing;
  std::uint64_t miner_threads = 0;
};

Result<node::Config> config_for(const Options& options) {
  node::Config config;
  config.engine = options.engine.value_or("pbft");
  if (config.engine != "pbft" && config.engine != "pow" && config.engine != "both") {
    return fail(ErrorKind::kUsage, "engine-unknown",
                fmt::format("Found --engine {}, expected pbft, pow or both", config.engine));
  }
  const bool is_own = options.pow_limit || options.pow_spacing;
  config.pow_params = is_own ? "own" : options.pow_params;
  config.pow_limit = options.pow_limit.value_or(config.pow_limit);
  config.pow_spacing_seconds = options.pow_spacing.value_or(config.pow_spacing_seconds);
  config.pow_miner_threads = static_cast<std::uint32_t>(options.miner_threads);
  if (config.engine == "pbft") return config;
  if (config.engine == "pow" && (!options.byzantine.empty() || options.record)) {
    return fail(ErrorKind::kUsage, "engine-cannot",
                "--byzantine and --record are of the engine pbft, found --engine pow",
                "Leave them away.");
  }
  if (options.miner_threads > pow::kMinerThreadsMax) {
    return fail(ErrorKind::kUsage, "usage",
                fmt::format("Found --miner-threads {}, expected 0 to {}", options.miner_threads,
                            pow::kMinerThreadsMax));
  }
  QUORATE_ASSIGN(const node::PowRules rules, rules_of(config));
  QUORATE_TRY(params_of(rules));
  return config;
}

// The testnet in this folder, made if there is none yet.
Result<NetworkFolder> find_or_make(const fs::path& root, const Options& options) {
  const std::uint64_t replicas = options.replicas.value_or(4);
  if (replicas < 1 || replicas > kReplicasMax) {
    return fail(ErrorKind::kUsage, "replicas-out-of-range",
                fmt::format("Found --replicas {}, expected 1 to {}", replicas, kReplicasMax));
  }
  auto folder = node::read_network_folder(root);
  if (!folder && folder.error().kind != ErrorKind::kNotFound) return folder;
  if (!folder || !folder->is_complete) {
    QUORATE_ASSIGN(const node::Config config, config_for(options));
    return make_testnet(root, {static_cast<std::uint16_t>(replicas), options.base_port, config});
  }
  if (options.engine && *options.engine != folder->engine) {
    return fail(ErrorKind::kConflict, "testnet-other-engine",
                fmt::format("The testnet in {} has the engine {}, found --engine {}",
                            root.string(), folder->engine, *options.engine),
                "Leave --engine away, or choose another folder with --dir.");
  }
  if (options.replicas && replicas != folder->replicas.size()) {
    return fail(ErrorKind::kConflict, "testnet-other-size",
                fmt::format("The testnet in {} has {} replicas, found --replicas {}",
                            root.string(), folder->replicas.size(), replicas),
                "Leave --replicas away, or choose another folder with --dir.");
  }
  return folder;
}

void print_view(Console& console, const TestnetView& view) {
  console.line(fmt::format("testnet \"{}\" in {}", view.folder.name, view.folder.root.string()));
  console.line("");
  for (const std::string& line : table(view)) console.line(line);
  console.line("");
  console.line(agreement(view));
}

void print_next_steps(Console& console, const TestnetView& view) {
  const std::string root = view.folder.root.string();
  console.line("");
  console.line("Next, in another terminal or later:");
  console.line(fmt::format("  cd {}", root));
  if (view.folder.engine == "pow") {
    console.line(fmt::format("  curl -s {}/generate?nblocks=1", view.folder.replicas[0].url()));
    console.line(fmt::format("  minerd -a sha256d -o {} -O user:pass",
                             view.folder.replicas[0].url()));
  } else {
    const bool is_both = view.folder.engine == "both";
    console.line(fmt::format("  quorate tx put colour blue{}", is_both ? " --wait anchored" : ""));
    console.line("  quorate get colour");
    if (is_both) {
      console.line(fmt::format("  curl -s {}/generate?nblocks=1", view.folder.replicas[0].url()));
    }
  }
  console.line("  quorate testnet status | logs | kill 1 | start 1 | down");
}

// The end of what the dead wrote, so that nobody has to look for it.
void print_last_words(Console& console, const NetworkFolder& folder) {
  const auto status = ask_status(folder);
  if (!status) return;
  for (const node::NetworkReplica& replica : folder.replicas) {
    const ProcessStatus& process = status->replicas[replica.id.value];
    if (process.pid != 0) continue;
    auto lines = last_lines(output_file(folder, replica), kLogLinesShown);
    if (lines.empty()) lines = last_lines(folder.home_of(replica).log(), kLogLinesShown);
    for (const std::string& line : lines) {
      console.remark(fmt::format("  {} | {}", replica.name, line));
    }
  }
}

boost::json::object up_to_json(const TestnetView& view, const FirstBlock& block,
                               std::uint64_t ready_ms) {
  boost::json::object object = view_to_json(view);
  object["first_block"] = boost::json::object{
      {"transaction", block.id}, {"height", block.height}, {"after_ms", ready_ms}};
  return object;
}

// Stays until Ctrl-C and then takes the testnet down; a terminal that goes away leaves it running.
Result<ExitCode> stay(Console& console, const NetworkFolder& folder, Interrupt& interrupt) {
  console.line("");
  console.line("Ctrl-C takes it down; its data stays. What happens:");
  const int signal = watch(console, folder, interrupt);
  if (signal == SIGHUP || signal == 0) return ExitCode::kSuccess;
  console.line("taking the testnet down");
  QUORATE_TRY(ask_shutdown(folder));
  console.line(fmt::format("down; `quorate testnet up --dir {}` goes on where it was",
                           folder.root.string()));
  return ExitCode::kSuccess;
}

Result<ExitCode> show_running(Console& console, const NetworkFolder& folder,
                              const Options& options) {
  if (!options.byzantine.empty()) {
    return fail(ErrorKind::kConflict, "testnet-running",
                fmt::format("The testnet in {} runs already; who lies is said when it starts",
                            folder.root.string()),
                "Take it down first with `quorate testnet down`.");
  }
  QUORATE_ASSIGN(const TestnetView view, look(folder));
  console.line("This testnet runs already.");
  print_view(console, view);
  console.json(view_to_json(view));
  return ExitCode::kSuccess;
}

bool is_running(const NetworkFolder& folder) { return ask_status(folder).has_value(); }

Status check_ports(const NetworkFolder& folder) {
  std::vector<ReplicaPorts> ports;
  for (const node::NetworkReplica& replica : folder.replicas) {
    ports.push_back({replica.rpc.port, replica.peer.port});
  }
  return check_ports_free(ports);
}

Result<ExitCode> up(const Options& options, Console& console) {
  const auto begin = std::chrono::steady_clock::now();
  QUORATE_ASSIGN(const std::uint64_t deadline_ms, node::parse_duration_ms(options.deadline));
  QUORATE_ASSIGN(const fs::path root, folder_for_up(options.dir));
  if (const auto folder = node::read_network_folder(root); folder && is_running(*folder)) {
    return show_running(console, *folder, options);
  }
  QUORATE_TRY(parse_live_liars(options.byzantine, kReplicasMax));
  QUORATE_TRY(config_for(options));
  std::error_code ignored;
  const bool is_new_folder = fs::create_directories(root, ignored);
  QUORATE_ASSIGN(auto lock,
                 FileLock::acquire_within(Files{root}.making_lock(), kOtherUpPatience));
  if (!lock) {
    return fail(ErrorKind::kConflict, "testnet-being-made",
                fmt::format("Another `quorate testnet up` is at work in {}", root.string()),
                "Wait for it, or look with `quorate testnet status`.");
  }
  auto folder = find_or_make(root, options);
  if (!folder) {
    lock.reset();
    // A folder that could not become a testnet goes as it came.
    if (is_new_folder) fs::remove(root, ignored);
    return tl::unexpected(folder.error());
  }
  if (is_running(*folder)) return show_running(console, *folder, options);
  QUORATE_ASSIGN(const LiveLiars liars,
                 parse_live_liars(options.byzantine, folder->replicas.size()));
  QUORATE_TRY(write_liars(*folder, liars));
  if (options.base_port && folder->replicas.front().rpc.port != *options.base_port) {
    QUORATE_TRY(move_ports(*folder, *options.base_port));
  }
  QUORATE_TRY(check_ports(*folder));

  Interrupt interrupt;
  QUORATE_TRY(launch_supervisor(*folder, options.record));
  lock.reset();
  const auto block = await_first_block(*folder, std::chrono::milliseconds(deadline_ms), interrupt);
  if (!block) {
    print_last_words(console, *folder);
    if (const Status down = ask_shutdown(*folder); !down) console.remark(down.error().to_string());
    return tl::unexpected(block.error());
  }
  const auto ready_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                            begin)
          .count());
  QUORATE_ASSIGN(const TestnetView view, look(*folder));
  print_view(console, view);
  console.line(fmt::format("First transaction of this run {} at height {}, {:.1f} s after "
                           "the command.",
                           folder->engine == "pow" ? "mined" : "replicated", block->height,
                           static_cast<double>(ready_ms) / 1000.0));
  print_next_steps(console, view);
  console.json(up_to_json(view, *block, ready_ms));
  if (options.detach) return ExitCode::kSuccess;
  return stay(console, *folder, interrupt);
}

}  // namespace

void add_up_command(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add(
      {.path = "testnet up",
       .sentence = "Start a testnet; make it first if there is none",
       .details = "Makes genesis, keys and a folder for each node, starts them under a supervisor "
                  "that outlives\nthis terminal, and waits until a transaction is replicated. "
                  "Replica i answers RPC at port P + i\nand its peers at P + n + i. Without "
                  "--detach it shows what happens until Ctrl-C, which takes\nthe testnet down.\n"
                  "Lies that a process can tell: " +
                  live_behaviour_names() + ".",
       .example = "  quorate testnet up\n  quorate testnet up --detach --dir mynet --replicas 7\n"
                  "  quorate testnet up --byzantine 0=equivocate@20..40 --byzantine 3=slow\n"
                  "  quorate testnet up --engine pow\n"
                  "  quorate testnet up --engine both --miner-threads 1 --pow-limit 1e0fffff",
       .parameters = {{.name = "--replicas",
                       .value = "N",
                       .help = "How many nodes; default 4, which tolerates one that lies",
                       .target = &options->replicas},
                      dir_parameter(options->dir),
                      {.name = "--base-port",
                       .value = "P",
                       .help = "The first of the 2N ports; default the first free ones from 26650",
                       .target = &options->base_port},
                      {.name = "--deadline",
                       .value = "DURATION",
                       .help = "Give up if there is no block by then; default 20s",
                       .target = &options->deadline},
                      {.name = "--byzantine",
                       .value = "REPLICA=LIES",
                       .help = "That replica lies, in this run: 3=equivocate, or "
                               "3=equivocate@20..40,double-vote at these sequence numbers. Can be "
                               "repeated",
                       .target = &options->byzantine},
                      {.name = "--detach",
                       .help = "Return once it runs",
                       .target = &options->detach},
                      {.name = "--engine",
                       .value = "NAME",
                       .help = "What orders transactions: pbft (default); pow, a chain of proof "
                               "of work; or both: pbft, and a chain that anchors its checkpoints",
                       .target = &options->engine},
                      {.name = "--pow-params",
                       .value = "NAME",
                       .help = "Of a new pow testnet: regtest (default, two hashes a block, no "
                               "retargets), own, testnet or bitcoin",
                       .target = &options->pow_params},
                      {.name = "--pow-spacing",
                       .value = "SECONDS",
                       .help = "Wanted between blocks; makes the rules own",
                       .target = &options->pow_spacing},
                      {.name = "--pow-limit",
                       .value = "BITS",
                       .help = "The easiest target, as 1e00ffff; makes the rules own",
                       .target = &options->pow_limit},
                      {.name = "--miner-threads",
                       .value = "N",
                       .help = "Of the built-in miner of each node of a new pow testnet; default "
                               "0: blocks by generate and submitblock alone",
                       .target = &options->miner_threads},
                      {.name = "--record",
                       .help = "Record each life of each node: recording-1, -2, ... in its home, "
                               "for `quorate simulate replay`",
                       .target = &options->record}},
       .run = [options](Console& console) { return up(*options, console); }});
}

}  // namespace quorate::testnet
