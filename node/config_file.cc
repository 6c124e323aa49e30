#include "node/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace quorate::node {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

std::string describe(toml::node_type type) {
  switch (type) {
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::array: return "an array";
    case toml::node_type::table: return "a table";
    default: return "a date or time";
  }
}

struct Flattener {
  const std::filesystem::path& file;
  const std::vector<std::string>& tables;
  std::vector<RawSetting> settings;

  void add(std::string path, std::optional<std::string> entry, const toml::node& node) {
    const std::uint32_t line = node.source().begin.line;
    RawSetting setting{std::move(path), std::move(entry), std::string(),
                       fmt::format("{}:{}", file.string(), line), line};
    if (const auto* text = node.as_string()) {
      setting.value = text->get();
    } else if (const auto* number = node.as_integer()) {
      setting.value = number->get();
    } else if (const auto* truth = node.as_boolean()) {
      setting.value = truth->get();
    } else {
      setting.value = OtherValue{describe(node.type())};
    }
    settings.push_back(std::move(setting));
  }

  // Two levels, as the settings have: deeper tables are values of a wrong type.
  void walk(const toml::table& root) {
    for (const auto& [section, node] : root) {
      const toml::table* members = node.as_table();
      if (members == nullptr) {
        add(std::string(section.str()), std::nullopt, node);
        continue;
      }
      for (const auto& [key, member] : *members) {
        const std::string path = fmt::format("{}.{}", section.str(), key.str());
        const bool has_entries = std::find(tables.begin(), tables.end(), path) != tables.end();
        const toml::table* entries = member.as_table();
        if (!has_entries || entries == nullptr) {
          add(path, std::nullopt, member);
          continue;
        }
        for (const auto& [name, entry] : *entries) add(path, std::string(name.str()), entry);
      }
    }
  }
};

}  // namespace

Result<std::vector<RawSetting>> read_config_file(const std::filesystem::path& file,
                                                 const std::vector<std::string>& tables) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return fail(ErrorKind::kNotFound, "config-missing",
                fmt::format("There is no configuration file {}", file.string()),
                "Give the home of a node with --home, or make one with `quorate init` or "
                "`quorate testnet up`.");
  }
  std::ifstream in(file, std::ios::binary);
  if (!in || !std::filesystem::is_regular_file(file, ignored)) {
    return fail(ErrorKind::kEnvironment, "config-unreadable",
                fmt::format("{} cannot be read as a file", file.string()),
                "It must be a regular file that this user may read.");
  }
  std::string text(kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kFileBytesMax) {
    return fail(ErrorKind::kInvalid, "config-syntax",
                fmt::format("{} is larger than {} bytes, which no configuration is", file.string(),
                            kFileBytesMax));
  }
  const toml::parse_result parsed = toml::parse(text, file.string());
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(ErrorKind::kInvalid, "config-syntax",
                fmt::format("{}:{}:{}: this is no TOML: {}", file.string(),
                            error.source().begin.line, error.source().begin.column,
                            error.description()),
                "Correct that line. Texts stand in double quotes: listen = \"127.0.0.1:26650\".");
  }
  Flattener flattener{file, tables, {}};
  flattener.walk(parsed.table());
  // A person corrects a file from its top.
  std::stable_sort(flattener.settings.begin(), flattener.settings.end(),
                   [](const RawSetting& a, const RawSetting& b) { return a.line < b.line; });
  return std::move(flattener.settings);
}

}  // namespace quorate::node
