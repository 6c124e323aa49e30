// quorate testnet down | reset

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "testnet/commands/registry.h"
#include "testnet/file_lock.h"
#include "testnet/layout.h"
#include "testnet/supervision.h"

namespace quorate::testnet {
namespace {

using node::Console;
using node::ExitCode;

// True: it ran. A socket that a killed supervisor left behind goes too.
Result<bool> take_down(const node::NetworkFolder& folder) {
  const Status down = ask_shutdown(folder);
  if (down) return true;
  if (down.error().code != "supervisor-not-running") return tl::unexpected(down.error());
  std::error_code ignored;
  std::filesystem::remove(Files{folder.root}.socket(), ignored);
  return false;
}

Result<ExitCode> down(const std::optional<std::string>& dir, Console& console) {
  QUORATE_ASSIGN(const node::NetworkFolder folder, find_folder(dir));
  QUORATE_ASSIGN(const bool ran, take_down(folder));
  console.line(ran ? fmt::format("down; the data stays in {}", folder.root.string())
                   : fmt::format("The testnet in {} was down already.", folder.root.string()));
  console.json(boost::json::object{{"dir", folder.root.string()}, {"was_running", ran}});
  return ExitCode::kSuccess;
}

Result<ExitCode> reset(const std::optional<std::string>& dir, Console& console) {
  QUORATE_ASSIGN(const node::NetworkFolder folder, find_folder(dir));
  QUORATE_TRY(take_down(folder));
  QUORATE_ASSIGN(const auto left, remove_testnet(folder));
  console.line(fmt::format("removed the testnet in {}", folder.root.string()));
  boost::json::array names;
  for (const std::filesystem::path& path : left) {
    console.line(fmt::format("left {}: `up` did not make it", path.string()));
    names.push_back(boost::json::string(path.string()));
  }
  console.json(boost::json::object{{"dir", folder.root.string()}, {"left", std::move(names)}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_removal_commands(node::CommandLine& line) {
  const auto dir = std::make_shared<std::optional<std::string>>();
  line.add({.path = "testnet down",
            .sentence = "Stop all nodes and the supervisor; the data stays",
            .example = "  quorate testnet down",
            .parameters = {dir_parameter(*dir)},
            .run = [dir](Console& console) { return down(*dir, console); }});
  line.add({.path = "testnet reset",
            .sentence = "Take it down and remove what `up` made, keys and ledgers included",
            .details = "Removes only what `up` made; other files in the folder stay and are named.",
            .example = "  quorate testnet reset",
            .parameters = {dir_parameter(*dir)},
            .run = [dir](Console& console) { return reset(*dir, console); }});
}

}  // namespace quorate::testnet
