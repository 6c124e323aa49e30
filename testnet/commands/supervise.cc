// quorate testnet supervise: what `up` starts; not for people

#include <memory>

#include "testnet/commands/registry.h"
#include "testnet/supervisor.h"

namespace quorate::testnet {
namespace {

struct Options {
  std::optional<std::string> dir;
  std::optional<std::uint64_t> ready_fd;
  bool record = false;
};

Result<node::ExitCode> supervise(const Options& options) {
  QUORATE_ASSIGN(const node::NetworkFolder folder, find_folder(options.dir));
  SupervisorOptions how{{}, options.record};
  if (options.ready_fd && *options.ready_fd <= 1024) {
    how.ready_fd = static_cast<int>(*options.ready_fd);
  }
  QUORATE_TRY(run_supervisor(folder, how));
  return node::ExitCode::kSuccess;
}

}  // namespace

void add_supervise_command(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "testnet supervise",
            .sentence = "Be the supervisor of a testnet, in the foreground",
            .parameters = {dir_parameter(options->dir),
                           {.name = "--ready-fd",
                            .value = "N",
                            .help = "Say there when it runs",
                            .target = &options->ready_fd},
                           {.name = "--record",
                            .help = "Have each node record its core",
                            .target = &options->record}},
            .run = [options](node::Console&) { return supervise(*options); },
            .is_hidden = true});
}

}  // namespace quorate::testnet
