// quorate node

#include "node/node.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "crypto/key_file.h"
#include "node/commands/registry.h"
#include "node/commands/settings_options.h"
#include "node/passphrase.h"
#include "node/recorder.h"

namespace quorate::node {
namespace {

struct Options {
  std::string home;
  std::optional<std::string> record;
  std::uint64_t record_bytes_max = kRecordingBytesMax;
  bool log_to_stderr = false;
  SettingsOptions settings;
};

Result<ExitCode> run(const Options& options) {
  if (options.home.empty()) {
    return fail(ErrorKind::kUsage, "usage", "`quorate node` needs --home DIR",
                "Make a home with `quorate init`, or start a whole network with `quorate testnet "
                "up`.");
  }
  const Home home{options.home};
  QUORATE_ASSIGN(const Config config,
                 load_config(home.config(), given_settings(options.settings)));
  NodeOptions node_options;
  node_options.log_to_file = !options.log_to_stderr;
  node_options.record = options.record;
  node_options.record_bytes_max = options.record_bytes_max;
  const std::string version = version_text();
  node_options.program = version.substr(0, version.find('\n'));
  const auto key = config.engine == "pow" ? home.network_key() : home.vote_key();
  QUORATE_ASSIGN(const auto header, crypto::key_file::read_public(key.string()));
  if (header.encrypted) {
    QUORATE_ASSIGN(node_options.passphrase,
                   known_passphrase({.file = config.passphrase_file},
                                    fmt::format("the keys in {}", options.home)));
  }
  QUORATE_TRY(run_node(home, config, node_options));
  return ExitCode::kSuccess;
}

}  // namespace

void add_node_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  std::vector<Parameter> parameters = {
      {.name = "--home",
       .value = "DIR",
       .help = "Its folder, as `quorate init` made it",
       .target = &options->home},
      {.name = "--log-to-stderr",
       .help = "Log to standard error, not to node.log in the home",
       .target = &options->log_to_stderr},
      {.name = "--record",
       .value = "FILE",
       .help = "Record everything that the core is given, for `quorate simulate replay`",
       .target = &options->record},
      {.name = "--record-bytes-max",
       .value = "N",
       .help = "A recording ends at this size, and the node goes on (1073741824)",
       .target = &options->record_bytes_max}};
  add_settings_parameters(options->settings, parameters);
  line.add({.path = "node",
            .sentence = "Run one replica until SIGTERM or SIGINT",
            .details = "Settings come from config.toml in the home, then QUORATE_* variables, then "
                       "flags; the\nlater wins. A wrong one is refused with its place.",
            .example = "  quorate node --home /srv/quorate --rpc-listen 127.0.0.1:26650",
            .parameters = std::move(parameters),
            .run = [options](Console&) { return run(*options); }});
}

}  // namespace quorate::node
