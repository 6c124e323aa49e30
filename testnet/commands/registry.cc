#include "testnet/commands/registry.h"

#include <cstdlib>
#include <system_error>

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> named_folder(const std::optional<std::string>& dir) {
  if (dir) return fs::path(*dir);
  const char* variable = std::getenv("QUORATE_TESTNET");
  if (variable != nullptr && *variable != '\0') return fs::path(variable);
  return std::nullopt;
}

// Absolute, without "." and without a slash at its end.
fs::path tidy_path(const fs::path& path) {
  std::error_code ignored;
  const fs::path absolute = fs::absolute(path, ignored).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

}  // namespace

node::Parameter dir_parameter(std::optional<std::string>& dir) {
  return {.name = "--dir",
          .value = "DIR",
          .help = "The testnet's folder; else QUORATE_TESTNET, else the one here, else "
                  "testnet-data/default",
          .target = &dir};
}

Result<node::NetworkFolder> find_folder(const std::optional<std::string>& dir) {
  std::error_code ignored;
  QUORATE_ASSIGN(auto folder,
                 node::find_network_folder(fs::current_path(ignored), named_folder(dir)));
  if (folder) {
    folder->root = tidy_path(folder->root);
    return std::move(*folder);
  }
  return fail(ErrorKind::kNotFound, "testnet-not-found",
              "There is no testnet in or beside this folder",
              "Start one with `quorate testnet up`, or name its folder with --dir.");
}

Result<fs::path> folder_for_up(const std::optional<std::string>& dir) {
  if (const auto named = named_folder(dir)) return tidy_path(*named);
  std::error_code ignored;
  const fs::path here = fs::current_path(ignored);
  for (fs::path at = here;; at = at.parent_path()) {
    if (fs::is_regular_file(at / node::kNetworkFileName, ignored)) return tidy_path(at);
    if (at == at.parent_path()) break;
  }
  return tidy_path(here / node::kTestnetDataFolder / "default");
}

void add_testnet_commands(node::CommandLine& line) {
  line.add_group("testnet", "Run a network of real nodes on this machine");
  add_up_command(line);
  add_status_command(line);
  add_logs_command(line);
  add_process_commands(line);
  add_fault_commands(line);
  add_reorg_command(line);
  add_removal_commands(line);
  add_supervise_command(line);
  add_liar_command(line);
}

}  // namespace quorate::testnet
