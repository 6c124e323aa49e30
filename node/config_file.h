#pragma once

// config.toml as a flat list of settings, each with the place where it stands. Knows TOML and
// nothing of what the settings mean.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "crypto/result.h"

namespace quorate::node {

// A value of a type that no setting has (a float, a date, an array): how to say it to a person.
struct OtherValue {
  std::string description;  // e.g. "an array"
};

struct RawSetting {
  std::string path;                  // "rpc.listen"
  std::optional<std::string> entry;  // in a table of entries: the entry's name
  std::variant<std::string, std::int64_t, bool, OtherValue> value;
  std::string place;                 // "config.toml:12"
  std::uint32_t line = 0;            // from 1
};

// `tables` are the paths whose members are entries, not settings ("peers.addresses").
// Errors: "config-missing" (kNotFound), "config-unreadable" (kEnvironment), "config-syntax"
// (kInvalid, with line).
[[nodiscard]] Result<std::vector<RawSetting>> read_config_file(
    const std::filesystem::path& file, const std::vector<std::string>& tables);

}  // namespace quorate::node
