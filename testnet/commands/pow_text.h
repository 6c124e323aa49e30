#pragma once

// What the commands of `quorate pow` say about a chain on this machine, for people and programs.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "node/commands/command_line.h"
#include "testnet/pow_folder.h"

namespace quorate::testnet {

inline constexpr std::string_view kPowFolderName = "pow-data";

// --dir, which every command on a folder has.
[[nodiscard]] node::Parameter pow_dir_parameter(std::string& dir);
// Errors: those of PowFolder::open.
[[nodiscard]] Result<PowFolder> open_pow_folder(const std::string& dir, node::Console& console);

// "connected height 3 <hash>, 2 transactions": each step a line.
void print_steps(node::Console& console, const pow::Happened& happened);
[[nodiscard]] boost::json::array steps_to_json(const pow::Happened& happened);

void print_chain(node::Console& console, PowFolder& folder);
[[nodiscard]] boost::json::object chain_to_json(PowFolder& folder);

void print_block(node::Console& console, PowFolder& folder, const pow::TreeNode& node);
[[nodiscard]] boost::json::object block_to_json(PowFolder& folder, const pow::TreeNode& node);

}  // namespace quorate::testnet
