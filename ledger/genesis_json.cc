// The JSON form of the genesis document. Everything that a value means is judged in genesis.cc.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <limits>

#include "ledger/genesis.h"
#include "ledger/json_tree.h"

namespace quorate::ledger {
namespace {

constexpr std::size_t kGenesisBytesMax = 16 << 20;

// A value with the words that name it in an error.
struct Field {
  const JsonNode* node;  // nullptr: the document lacks it
  std::string path;
  std::uint32_t line;  // of the value, else of the object that lacks it
};

[[nodiscard]] tl::unexpected<Error> malformed(const Field& field, std::string_view expected) {
  const std::string found = field.node == nullptr ? "nothing" : describe(*field.node);
  return fail(ErrorKind::kInvalid, "genesis-malformed",
              fmt::format("line {}, {}: found {}; {} was expected", field.line, field.path, found,
                          expected),
              "Correct the genesis document; ledger/README.md shows one.");
}

[[nodiscard]] Field member(const Field& object, std::string_view name) {
  const JsonNode* node = object.node->find(name);
  const std::string path =
      object.path.empty() ? std::string(name) : fmt::format("{}.{}", object.path, name);
  return {node, path, node == nullptr ? object.line : node->line};
}

[[nodiscard]] Field element(const Field& array, std::size_t index) {
  const JsonNode& node = array.node->children[index];
  return {&node, fmt::format("{}[{}]", array.path, index), node.line};
}

[[nodiscard]] bool is(const Field& field, JsonKind kind) {
  return field.node != nullptr && field.node->kind == kind;
}

[[nodiscard]] Status check_object(const Field& field,
                                  std::initializer_list<std::string_view> known) {
  if (!is(field, JsonKind::kObject)) return malformed(field, "an object");
  for (std::size_t i = 0; i < field.node->names.size(); ++i) {
    const std::string& name = field.node->names[i];
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string names;
    for (const std::string_view each : known) names.append(names.empty() ? "" : ", ").append(each);
    return fail(
        ErrorKind::kInvalid, "genesis-unknown-field",
        fmt::format("line {}, {}: found a field {}; one of {} was expected",
                    field.node->children[i].line, field.path.empty() ? "document" : field.path,
                    describe(JsonNode::string(name)), names),
        "Correct its spelling or remove it: a limit that is not understood would not "
        "apply.");
  }
  return {};
}

template <class Integer>
[[nodiscard]] Status read_number(const Field& field, Integer& out) {
  const auto expected = [] {
    return fmt::format("an integer from 0 to {}", std::numeric_limits<Integer>::max());
  };
  if (!is(field, JsonKind::kNumber) && !is(field, JsonKind::kText)) {
    return malformed(field, expected());
  }
  const std::string& text = field.node->text;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  // One spelling a number, in quotes as well.
  if (error != std::errc{} || stop != end || (text.size() > 1 && text.front() == '0')) {
    return malformed(field, expected());
  }
  return {};
}

// Leaves the default where the document is silent.
template <class Integer>
[[nodiscard]] Status read_optional_number(const Field& field, Integer& out) {
  return field.node == nullptr ? Status{} : read_number(field, out);
}

[[nodiscard]] Status read_text(const Field& field, std::string& out) {
  if (!is(field, JsonKind::kText)) return malformed(field, "a string");
  out = field.node->text;
  return {};
}

[[nodiscard]] Status read_key(const Field& field, PublicKey& out) {
  if (is(field, JsonKind::kText)) {
    if (auto key = crypto::parse_public_key(field.node->text)) {
      out = *key;
      return {};
    }
  }
  return malformed(field, "a public key of 64 hex digits");
}

[[nodiscard]] Status read_replicas(const Field& field, std::vector<ReplicaInfo>& out) {
  if (!is(field, JsonKind::kArray)) return malformed(field, "an array of replicas");
  for (std::size_t i = 0; i < field.node->children.size(); ++i) {
    const Field object = element(field, i);
    QUORATE_TRY(check_object(object, {"name", "vote_key", "network_key"}));
    ReplicaInfo& replica = out.emplace_back();
    QUORATE_TRY(read_text(member(object, "name"), replica.name));
    QUORATE_TRY(read_key(member(object, "vote_key"), replica.vote_key));
    QUORATE_TRY(read_key(member(object, "network_key"), replica.network_key));
  }
  return {};
}

[[nodiscard]] Status read_senders(const Field& field, std::optional<std::vector<PublicKey>>& out) {
  if (field.node == nullptr || is(field, JsonKind::kNull)) return {};
  if (!is(field, JsonKind::kArray)) return malformed(field, "an array of public keys, or null");
  out.emplace();
  for (std::size_t i = 0; i < field.node->children.size(); ++i) {
    QUORATE_TRY(read_key(element(field, i), out->emplace_back()));
  }
  return {};
}

[[nodiscard]] Status read_accounts(const Field& field, std::vector<GenesisAccount>& out) {
  if (field.node == nullptr) return {};
  if (!is(field, JsonKind::kArray)) return malformed(field, "an array of accounts");
  for (std::size_t i = 0; i < field.node->children.size(); ++i) {
    const Field object = element(field, i);
    QUORATE_TRY(check_object(object, {"key", "balance"}));
    GenesisAccount& account = out.emplace_back();
    QUORATE_TRY(read_key(member(object, "key"), account.key));
    QUORATE_TRY(read_number(member(object, "balance"), account.balance));
  }
  return {};
}

// The fields of Parameters with their names, for reading and for writing.
template <class P, class Visit>
[[nodiscard]] Status visit_parameters(P& p, const Visit& visit) {
  QUORATE_TRY(visit("window_batches", p.window_batches));
  QUORATE_TRY(visit("checkpoint_interval", p.checkpoint_interval));
  QUORATE_TRY(visit("checkpoint_quiet_ms", p.checkpoint_quiet_ms));
  QUORATE_TRY(visit("time_slack_ms", p.time_slack_ms));
  QUORATE_TRY(visit("valid_until_horizon_ms", p.valid_until_horizon_ms));
  QUORATE_TRY(visit("batch_transactions_max", p.batch_transactions_max));
  QUORATE_TRY(visit("batch_bytes_max", p.batch_bytes_max));
  QUORATE_TRY(visit("transaction_bytes_max", p.transaction_bytes_max));
  return visit("sender_pending_max", p.sender_pending_max);
}

[[nodiscard]] Status read_parameters(const Field& field, Parameters& out) {
  if (field.node == nullptr) return {};
  QUORATE_TRY(
      check_object(field, {"window_batches", "checkpoint_interval", "checkpoint_quiet_ms",
                           "time_slack_ms", "valid_until_horizon_ms", "batch_transactions_max",
                           "batch_bytes_max", "transaction_bytes_max", "sender_pending_max"}));
  return visit_parameters(out, [&field](std::string_view name, auto& value) {
    return read_optional_number(member(field, name), value);
  });
}

[[nodiscard]] Status read_flag(const Field& field, bool& out) {
  if (field.node == nullptr) return {};
  if (!is(field, JsonKind::kBool)) return malformed(field, "true or false");
  out = field.node->text == "true";
  return {};
}

constexpr std::string_view kCarriesTransactions = "transactions";
constexpr std::string_view kCarriesAnchors = "anchors";

[[nodiscard]] Status read_carries(const Field& field, ChainCarries& out) {
  const bool is_text = is(field, JsonKind::kText);
  if (is_text && field.node->text == kCarriesTransactions) {
    out = ChainCarries::kTransactions;
  } else if (is_text && field.node->text == kCarriesAnchors) {
    out = ChainCarries::kAnchors;
  } else {
    return malformed(field, "\"transactions\" or \"anchors\"");
  }
  return {};
}

// Eight hex digits, as compact bits are written everywhere.
[[nodiscard]] Status read_bits(const Field& field, std::uint32_t& out) {
  if (is(field, JsonKind::kText) && field.node->text.size() == 8) {
    const std::string& text = field.node->text;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out, 16);
    // One spelling a number.
    if (error == std::errc{} && stop == end && fmt::format("{:08x}", out) == text) return {};
  }
  return malformed(field, "compact bits of eight hex digits, as 207fffff");
}

// But for the two truth values all fields are asked for.
[[nodiscard]] Status read_chain_rules(const Field& field, std::optional<ChainRules>& out) {
  if (field.node == nullptr) return {};
  QUORATE_TRY(check_object(field, {"carries", "limit", "spacing_seconds", "interval",
                                   "late_blocks_at_limit", "retargets"}));
  ChainRules& rules = out.emplace();
  QUORATE_TRY(read_carries(member(field, "carries"), rules.carries));
  QUORATE_TRY(read_bits(member(field, "limit"), rules.limit_bits));
  QUORATE_TRY(read_number(member(field, "spacing_seconds"), rules.spacing_seconds));
  QUORATE_TRY(read_number(member(field, "interval"), rules.interval));
  QUORATE_TRY(read_flag(member(field, "late_blocks_at_limit"), rules.allows_late_minimum));
  return read_flag(member(field, "retargets"), rules.retargets);
}

[[nodiscard]] JsonNode chain_rules_json(const ChainRules& rules) {
  JsonNode object = JsonNode::object();
  const bool has_anchors = rules.carries == ChainCarries::kAnchors;
  object.set("carries",
             JsonNode::string(std::string(has_anchors ? kCarriesAnchors : kCarriesTransactions)));
  object.set("limit", JsonNode::string(fmt::format("{:08x}", rules.limit_bits)));
  object.set("spacing_seconds", JsonNode::number(rules.spacing_seconds));
  object.set("interval", JsonNode::number(rules.interval));
  object.set("late_blocks_at_limit", JsonNode::boolean(rules.allows_late_minimum));
  object.set("retargets", JsonNode::boolean(rules.retargets));
  return object;
}

}  // namespace

Result<Genesis> parse_genesis(std::string_view json) {
  QUORATE_ASSIGN(const JsonNode root, parse_json(json, kGenesisBytesMax, "genesis-malformed"));
  const Field document{&root, "", root.line};
  if (!is(document, JsonKind::kObject)) {
    return malformed({&root, "document", root.line}, "an object");
  }
  Genesis genesis;
  // First: a newer format may well have fields that are unknown here.
  QUORATE_TRY(read_number(member(document, "format"), genesis.format));
  if (genesis.format > kGenesisFormat) QUORATE_TRY(validate_genesis(genesis));
  QUORATE_TRY(check_object(document, {"format", "name", "time_ms", "testnet", "faults", "replicas",
                                      "senders", "accounts", "parameters", "pow"}));
  QUORATE_TRY(read_text(member(document, "name"), genesis.name));
  QUORATE_TRY(read_number(member(document, "time_ms"), genesis.time.value));
  QUORATE_TRY(read_flag(member(document, "testnet"), genesis.testnet));
  QUORATE_TRY(read_number(member(document, "faults"), genesis.faults));
  QUORATE_TRY(read_replicas(member(document, "replicas"), genesis.replicas));
  QUORATE_TRY(read_senders(member(document, "senders"), genesis.senders));
  QUORATE_TRY(read_accounts(member(document, "accounts"), genesis.accounts));
  QUORATE_TRY(read_parameters(member(document, "parameters"), genesis.parameters));
  QUORATE_TRY(read_chain_rules(member(document, "pow"), genesis.pow));
  QUORATE_TRY(validate_genesis(genesis));
  return genesis;
}

std::string genesis_to_json(const Genesis& genesis) {
  JsonNode root = JsonNode::object();
  root.set("format", JsonNode::number(genesis.format));
  root.set("name", JsonNode::string(genesis.name));
  root.set("time_ms", JsonNode::number(genesis.time.value));
  root.set("testnet", JsonNode::boolean(genesis.testnet));
  root.set("faults", JsonNode::number(genesis.faults));
  JsonNode replicas = JsonNode::array();
  for (const ReplicaInfo& replica : genesis.replicas) {
    JsonNode object = JsonNode::object();
    object.set("name", JsonNode::string(replica.name));
    object.set("vote_key", JsonNode::string(replica.vote_key.hex()));
    object.set("network_key", JsonNode::string(replica.network_key.hex()));
    replicas.push(std::move(object));
  }
  root.set("replicas", std::move(replicas));
  if (genesis.senders) {
    JsonNode senders = JsonNode::array();
    for (const PublicKey& key : *genesis.senders) senders.push(JsonNode::string(key.hex()));
    root.set("senders", std::move(senders));
  }
  JsonNode accounts = JsonNode::array();
  for (const GenesisAccount& account : genesis.accounts) {
    JsonNode object = JsonNode::object();
    object.set("key", JsonNode::string(account.key.hex()));
    object.set("balance", JsonNode::number(account.balance));
    accounts.push(std::move(object));
  }
  root.set("accounts", std::move(accounts));
  JsonNode parameters = JsonNode::object();
  (void)visit_parameters(genesis.parameters,
                         [&parameters](std::string_view name, const auto& value) -> Status {
                           parameters.set(std::string(name), JsonNode::number(value));
                           return {};
                         });
  root.set("parameters", std::move(parameters));
  if (genesis.pow) root.set("pow", chain_rules_json(*genesis.pow));
  return to_json_text(root);
}

}  // namespace quorate::ledger
