#include "node/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <variant>

#include "node/config_file.h"
#include "node/nearest.h"

namespace quorate::node {
namespace {

using Addresses = std::map<std::string, Endpoint>;
using Field = std::variant<Endpoint Config::*, std::string Config::*, std::uint32_t Config::*,
                           std::uint64_t Config::*, Addresses Config::*>;

constexpr std::array<std::string_view, 3> kEngines = {"pbft", "pow", "both"};
constexpr std::array<std::string_view, 4> kPowParams = {"own", "regtest", "testnet", "bitcoin"};
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warning", "error"};

// One setting: the single place where it is defined.
struct Row {
  std::string_view path;
  Field field;
  std::string_view sentence;
  std::uint64_t min = 0;  // integers
  std::uint64_t max = 0;
  std::span<const std::string_view> words = {};  // texts: the allowed ones; empty = any
};

constexpr std::uint64_t kMiB = 1 << 20;

constexpr std::array<std::string_view, 2> kYesOrNo = {"no", "yes"};

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      {"rpc.listen", &Config::rpc_listen,
       "Where JSON-RPC and the web answer. Loopback unless you mean the whole network to write."},
      {"rpc.user", &Config::rpc_user,
       "Who may use the RPC port, with HTTP's basic authentication; empty: everybody who reaches "
       "it."},
      {"rpc.password_file", &Config::rpc_password_file,
       "File of mode 0600 whose first line is that user's password."},
      {"peers.listen", &Config::peer_listen, "Where the other replicas connect (TLS 1.3)."},
      {"peers.addresses", &Config::peer_addresses,
       "Where the other replicas listen: name, as genesis has it, and host:port."},
      {"log.level", &Config::log_level, "How much is logged: debug, info, warning or error.", 0, 0,
       kLogLevels},
      {"log.file_bytes_max", &Config::log_file_bytes_max,
       "A log file that reaches this many bytes is rotated.", 64 << 10, 1024 * kMiB},
      {"log.files_max", &Config::log_files_max, "Log files kept, the current one included.", 1,
       100},
      {"mempool.transactions_max", &Config::mempool_transactions_max,
       "Transactions that may wait here for a batch; beyond, the node answers busy.", 1,
       10'000'000},
      {"mempool.bytes_max", &Config::mempool_bytes_max,
       "Bytes of transactions that may wait here for a batch.", kMiB, 65536 * kMiB},
      {"consensus.request_timeout_ms", &Config::request_timeout_ms,
       "How long ready work may wait before the primary is suspected, in milliseconds.", 50,
       60'000},
      {"consensus.request_timeout_ms_max", &Config::request_timeout_ms_max,
       "That time doubles with each view that brings nothing, up to this.", 50, 600'000},
      {"storage.disk_free_bytes_min", &Config::disk_free_bytes_min,
       "Writes are refused while the disk has fewer free bytes than this.", 0, 1048576 * kMiB},
      {"storage.read_through_s", &Config::read_through_s,
       "How often the whole ledger is read, to find what rotted, in seconds; 0: never.", 0,
       31'536'000},
      {"node.engine", &Config::engine,
       "What orders transactions: pbft, votes of the listed replicas; pow, proof of work; both: "
       "votes, and a chain of proof of work carries anchors of their checkpoints.",
       0, 0, kEngines},
      {"node.verify_threads", &Config::verify_threads, "Threads that verify signatures.", 1, 64},
      {"node.snapshot_blocks_min", &Config::snapshot_blocks_min,
       "A node without ledger takes a snapshot if peers have this many blocks; else it replays.",
       1, 1'000'000'000},
      {"node.passphrase_file", &Config::passphrase_file,
       "File whose first line opens the key files; empty: QUORATE_PASSPHRASE, or no passphrase."},
      {"node.observe", &Config::observe,
       "yes: this node may run though no set of replicas lists it. It follows, and votes once a "
       "change of membership takes it in.",
       0, 0, kYesOrNo},
      {"pow.params", &Config::pow_params,
       "Rules of the proof-of-work chain where genesis has none, the same at all nodes: own, or "
       "Bitcoin's networks.",
       0, 0, kPowParams},
      {"pow.spacing_seconds", &Config::pow_spacing_seconds,
       "Of own: seconds wanted between blocks.", 1, 1'000'000},
      {"pow.interval", &Config::pow_interval, "Of own: blocks between retargets.", 2, 1'000'000},
      {"pow.limit", &Config::pow_limit,
       "Of own: the easiest target in compact form; 207fffff takes two hashes a block."},
      {"pow.miner_threads", &Config::pow_miner_threads,
       "Threads of the built-in miner; 0: it does not mine.", 0, 256},
      {"pow.miner", &Config::pow_miner,
       "Public key in hex that the coinbase of blocks mined here names; empty: nobody's."},
  };
  return kRows;
}

const Row* find_row(std::string_view path) {
  const auto row = std::find_if(rows().begin(), rows().end(),
                                [&](const Row& candidate) { return candidate.path == path; });
  return row == rows().end() ? nullptr : &*row;
}

std::string variable_of(std::string_view path) {
  std::string name = "QUORATE_";
  for (const char c : path) {
    const bool is_letter = c >= 'a' && c <= 'z';
    name += c == '.' ? '_' : is_letter ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

std::string flag_of(std::string_view path) {
  std::string name = "--" + std::string(path);
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '.' || c == '_'; }, '-');
  return name;
}

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

std::string type_of(const Row& row) {
  return std::visit(
      Overloaded{[](Endpoint Config::*) { return std::string("host:port"); },
                 [&](std::string Config::*) {
                   return row.words.empty() ? "text" : fmt::format("{}", fmt::join(row.words, "|"));
                 },
                 [](Addresses Config::*) { return std::string("name=host:port,..."); },
                 [&](auto) { return fmt::format("integer, {} to {}", row.min, row.max); }},
      row.field);
}

std::string expected(const Row& row) {
  return std::visit(
      Overloaded{
          [](Endpoint Config::*) {
            return std::string("a text host:port such as \"127.0.0.1:26650\"");
          },
          [&](std::string Config::*) {
            return row.words.empty() ? "a text"
                                     : fmt::format("one of \"{}\"", fmt::join(row.words, "\", \""));
          },
          [](Addresses Config::*) {
            return std::string("names with addresses, such as replica-1 = \"10.0.0.2:26600\"");
          },
          [&](auto) { return fmt::format("an integer from {} to {}", row.min, row.max); }},
      row.field);
}

std::string found(const RawSetting& setting) {
  return std::visit(
      Overloaded{[](const std::string& text) { return fmt::format("the text \"{}\"", text); },
                 [](std::int64_t number) { return fmt::format("the integer {}", number); },
                 [](bool truth) { return fmt::format("the truth value {}", truth); },
                 [](const OtherValue& other) { return other.description; }},
      setting.value);
}

tl::unexpected<Error> refuse(std::string_view code, const Row& row, const RawSetting& setting) {
  const std::string name =
      setting.entry ? fmt::format("{}.{}", row.path, *setting.entry) : std::string(row.path);
  return fail(ErrorKind::kInvalid, code,
              fmt::format("{}: {} is {}, expected {}", setting.place, name, found(setting),
                          setting.entry ? "a text host:port such as \"10.0.0.2:26600\""
                                        : expected(row)),
              fmt::format("{} `quorate node --help` lists all settings.", row.sentence));
}

// An integer of the file, or the text of a flag or variable that is one.
std::optional<std::int64_t> as_integer(const RawSetting& setting, bool from_text) {
  if (const auto* number = std::get_if<std::int64_t>(&setting.value)) return *number;
  const auto* text = std::get_if<std::string>(&setting.value);
  if (!from_text || text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [parsed_to, trouble] = std::from_chars(text->data(), end, number);
  if (trouble != std::errc() || parsed_to != end) return std::nullopt;
  return number;
}

// Sets one field, or says why not.
struct Assign {
  Config& config;
  const Row& row;
  const RawSetting& setting;
  bool from_text;  // a flag or a variable, where everything is text

  Status operator()(Endpoint Config::*field) const {
    const auto* text = std::get_if<std::string>(&setting.value);
    if (text == nullptr) return refuse("config-wrong-type", row, setting);
    auto endpoint = parse_endpoint(*text);
    if (!endpoint) return refuse("config-wrong-type", row, setting);
    config.*field = std::move(*endpoint);
    return {};
  }

  Status operator()(std::string Config::*field) const {
    const auto* text = std::get_if<std::string>(&setting.value);
    if (text == nullptr) return refuse("config-wrong-type", row, setting);
    if (!row.words.empty() &&
        std::find(row.words.begin(), row.words.end(), *text) == row.words.end()) {
      return refuse("config-out-of-range", row, setting);
    }
    config.*field = *text;
    return {};
  }

  template <class Integer>
  Status operator()(Integer Config::*field) const {
    const auto number = as_integer(setting, from_text);
    if (!number) return refuse("config-wrong-type", row, setting);
    if (*number < 0 || static_cast<std::uint64_t>(*number) < row.min ||
        static_cast<std::uint64_t>(*number) > row.max) {
      return refuse("config-out-of-range", row, setting);
    }
    config.*field = static_cast<Integer>(*number);
    return {};
  }

  Status operator()(Addresses Config::*field) const {
    const auto* text = std::get_if<std::string>(&setting.value);
    if (text == nullptr || (!setting.entry && !from_text)) {
      return refuse("config-wrong-type", row, setting);
    }
    if (setting.entry) return assign_address(config.*field, *setting.entry, *text);
    std::string_view rest = *text;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view pair = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || equals == 0) {
        return refuse("config-wrong-type", row, setting);
      }
      QUORATE_TRY(assign_address(config.*field, pair.substr(0, equals), pair.substr(equals + 1)));
    }
    return {};
  }

  Status assign_address(Addresses& addresses, std::string_view name, std::string_view text) const {
    auto endpoint = parse_endpoint(text);
    if (!endpoint) return refuse("config-wrong-type", row, setting);
    addresses[std::string(name)] = std::move(*endpoint);
    return {};
  }
};

Status unknown_setting(std::string_view place, std::string_view name,
                       const std::vector<std::string>& known) {
  const auto nearest = nearest_word(name, known);
  return fail(ErrorKind::kInvalid, "config-unknown-setting",
              fmt::format("{}: there is no setting \"{}\"", place, name),
              fmt::format("{}`quorate node --help` lists all settings.",
                          nearest ? fmt::format("Did you mean {}? ", *nearest) : ""));
}

Status apply(Config& config, const RawSetting& setting, bool from_text) {
  const Row* row = find_row(setting.path);
  if (row == nullptr) {
    std::vector<std::string> known;
    for (const Row& each : rows()) known.emplace_back(each.path);
    return unknown_setting(setting.place, setting.path, known);
  }
  return std::visit(Assign{config, *row, setting, from_text}, row->field);
}

// A misspelt variable must not be silently ignored, but QUORATE_* holds more than settings
// (QUORATE_NODE, QUORATE_PASSPHRASE); so only names below a section of the settings are judged.
bool names_a_section(std::string_view variable) {
  return std::any_of(rows().begin(), rows().end(), [&](const Row& row) {
    const std::string_view section = row.path.substr(0, row.path.find('.') + 1);
    return variable.starts_with(variable_of(section));
  });
}

Status apply_environment(Config& config) {
  std::vector<std::string> known;
  for (const Row& row : rows()) known.push_back(variable_of(row.path));
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string name(text.substr(0, equals));
    const auto position = std::find(known.begin(), known.end(), name);
    if (position == known.end()) {
      if (names_a_section(name)) return unknown_setting("environment", name, known);
      continue;
    }
    const Row& row = rows()[static_cast<std::size_t>(position - known.begin())];
    const std::string value(text.substr(std::min(equals + 1, text.size())));
    QUORATE_TRY(apply(config, {std::string(row.path), std::nullopt, value, name, 0}, true));
  }
  return {};
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string value_text(const Row& row, const Config& config) {
  return std::visit(
      Overloaded{[&](Endpoint Config::*field) { return toml_text((config.*field).to_string()); },
                 [&](std::string Config::*field) { return toml_text(config.*field); },
                 [&](Addresses Config::*) { return std::string(); },
                 [&](auto field) { return fmt::format("{}", config.*field); }},
      row.field);
}

}  // namespace

Result<Config> load_config_file(const std::filesystem::path& file) {
  Config config;
  QUORATE_ASSIGN(const auto settings, read_config_file(file, {"peers.addresses"}));
  for (const RawSetting& setting : settings) QUORATE_TRY(apply(config, setting, false));
  return config;
}

Result<Config> load_config(const std::filesystem::path& file,
                           const std::map<std::string, std::string>& overrides) {
  QUORATE_ASSIGN(Config config, load_config_file(file));
  QUORATE_TRY(apply_environment(config));
  for (const auto& [path, text] : overrides) {
    QUORATE_TRY(apply(config, {path, std::nullopt, text, flag_of(path), 0}, true));
  }
  return config;
}

std::string config_to_toml(const Config& config) {
  std::string out =
      "# Configuration of a Quorate node. Flags and QUORATE_* variables override it.\n";
  std::string section;
  std::string entries;  // tables of entries come after the plain settings of their section
  for (const Row& row : rows()) {
    const std::string this_section(row.path.substr(0, row.path.find('.')));
    if (this_section != section) {
      out += std::exchange(entries, "") + fmt::format("\n[{}]\n", this_section);
      section = this_section;
    }
    if (const auto* addresses = std::get_if<Addresses Config::*>(&row.field)) {
      entries += fmt::format("\n# {}\n[{}]\n", row.sentence, row.path);
      for (const auto& [name, endpoint] : config.**addresses) {
        entries += fmt::format("{} = {}\n", toml_text(name), toml_text(endpoint.to_string()));
      }
      continue;
    }
    out += fmt::format("# {}\n{} = {}\n", row.sentence,
                       row.path.substr(row.path.find('.') + 1), value_text(row, config));
  }
  return out + entries;
}

std::vector<SettingHelp> settings_help() {
  std::vector<SettingHelp> help;
  const Config defaults;
  for (const Row& row : rows()) {
    help.push_back({std::string(row.path), variable_of(row.path), flag_of(row.path), type_of(row),
                    value_text(row, defaults), std::string(row.sentence)});
  }
  return help;
}

}  // namespace quorate::node
