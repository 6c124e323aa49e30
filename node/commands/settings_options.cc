#include "node/commands/settings_options.h"

#include <fmt/format.h>

namespace quorate::node {

void add_settings_parameters(SettingsOptions& options, std::vector<Parameter>& parameters) {
  for (const SettingHelp& setting : settings_help()) {
    parameters.push_back(
        {.name = setting.flag,
         .value = setting.type,
         .help = fmt::format("{} [{}{}]", setting.sentence, setting.variable,
                             setting.default_text.empty() ? ""
                                                          : ", default " + setting.default_text),
         .target = &options[setting.path]});
  }
}

std::map<std::string, std::string> given_settings(const SettingsOptions& options) {
  std::map<std::string, std::string> given;
  for (const auto& [path, text] : options) {
    if (text) given.emplace(path, *text);
  }
  return given;
}

}  // namespace quorate::node
