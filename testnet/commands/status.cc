// quorate testnet status

#include <fmt/format.h>

#include <memory>

#include "testnet/commands/registry.h"
#include "testnet/view.h"

namespace quorate::testnet {
namespace {

using node::Console;
using node::ExitCode;

Result<ExitCode> status(const std::optional<std::string>& dir, Console& console) {
  QUORATE_ASSIGN(const node::NetworkFolder folder, find_folder(dir));
  QUORATE_ASSIGN(const TestnetView view, look(folder));
  console.line(fmt::format("testnet \"{}\" in {}", folder.name, folder.root.string()));
  console.line("");
  for (const std::string& line : table(view)) console.line(line);
  console.line("");
  console.line(agreement(view));
  console.json(view_to_json(view));
  if (view.supervisor) return ExitCode::kSuccess;
  console.remark(fmt::format("Start it with `quorate testnet up --dir {}`.", folder.root.string()));
  return ExitCode::kUnavailable;
}

}  // namespace

void add_status_command(node::CommandLine& line) {
  const auto dir = std::make_shared<std::optional<std::string>>();
  line.add({.path = "testnet status",
            .sentence = "Show each replica: role, state, height, view, tree head, addresses",
            .details = "Exit code 6: the testnet is down.",
            .example = "  quorate testnet status --json",
            .parameters = {dir_parameter(*dir)},
            .run = [dir](Console& console) { return status(*dir, console); }});
}

}  // namespace quorate::testnet
