#pragma once

// The commands of this folder.

#include <filesystem>
#include <optional>
#include <string>

#include "node/commands/command_line.h"
#include "node/network_folder.h"

namespace quorate::testnet {

// All of `quorate testnet`.
void add_testnet_commands(node::CommandLine& line);

void add_up_command(node::CommandLine& line);
void add_status_command(node::CommandLine& line);
void add_logs_command(node::CommandLine& line);
void add_process_commands(node::CommandLine& line);    // kill, stop, start, pause, resume
void add_fault_commands(node::CommandLine& line);      // partition, heal, delay, skew
void add_reorg_command(node::CommandLine& line);       // of a testnet of proof of work
void add_removal_commands(node::CommandLine& line);    // down, reset
void add_supervise_command(node::CommandLine& line);   // hidden: what `up` starts
void add_liar_command(node::CommandLine& line);        // hidden: what that starts, of liars

// `quorate simulate`.
void add_simulate_command(node::CommandLine& line);

// `quorate tour`.
void add_tour_command(node::CommandLine& line);

// Of `quorate pow`, those that work on a folder; after node's, which make the group.
void add_pow_chain_commands(node::CommandLine& line);
void add_pow_mine_commands(node::CommandLine& line);  // mine, pull
void add_pow_receipt_commands(node::CommandLine& line);  // receipt, verify
void add_pow_risk_command(node::CommandLine& line);

// --dir, which every one of them has.
[[nodiscard]] node::Parameter dir_parameter(std::optional<std::string>& dir);
// The testnet that --dir, QUORATE_TESTNET or the working directory means.
// Error: "testnet-not-found" (kNotFound).
[[nodiscard]] Result<node::NetworkFolder> find_folder(const std::optional<std::string>& dir);
// Where `up` makes or finds its testnet: as find_folder where one of its ways leads to a testnet,
// else testnet-data/default below the working directory.
[[nodiscard]] Result<std::filesystem::path> folder_for_up(const std::optional<std::string>& dir);

}  // namespace quorate::testnet
