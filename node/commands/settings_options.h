#pragma once

// The settings of a node as flags: one option a row of the table in node/config.cc.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/commands/command_line.h"
#include "node/config.h"

namespace quorate::node {

// TOML path -> what the flag said. The addresses of its members are given to the command line.
using SettingsOptions = std::map<std::string, std::optional<std::string>>;

void add_settings_parameters(SettingsOptions& options, std::vector<Parameter>& parameters);
// Those that were given, as load_config takes them.
[[nodiscard]] std::map<std::string, std::string> given_settings(const SettingsOptions& options);

}  // namespace quorate::node
