// quorate ledger history | diff

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <memory>

#include "crypto/bcs.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/ledger_json.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

constexpr std::uint64_t kHeightsAStep = 1024;

struct Options {
  LedgerOptions ledger;
  std::string key;
  ValueFormat format;
  std::string other;
};

struct KeyOf {
  const Bytes& key;
  bool operator()(const ledger::Transfer& /*transfer*/) const { return false; }
  bool operator()(const ledger::RecordEvidence& /*record*/) const { return false; }
  bool operator()(const ledger::ChangeMembership& /*change*/) const { return false; }
  template <class T>
  bool operator()(const T& operation) const {
    return operation.key == key;
  }
};

bool names_key(const ledger::Transaction& body, const Bytes& key) {
  return std::any_of(body.operations.begin(), body.operations.end(), [&](const auto& operation) {
    return std::visit(KeyOf{key}, operation);
  });
}

std::string leaf_text(const std::optional<Bytes>& leaf) {
  if (!leaf) return "absent";
  const auto entry = crypto::decode<ledger::Entry>(*leaf);
  if (!entry) return "a leaf that does not decode";
  return entry->until ? fmt::format("{} until {}", show_value(entry->value),
                                    time_to_text(*entry->until))
                      : show_value(entry->value);
}

void step(Console& console, std::uint64_t at, std::uint64_t head) {
  if (console.is_on_terminal() && at % kHeightsAStep == 0) {
    console.progress(fmt::format("height {} of {}", at, head));
  }
}

// What happened to the key in one block: who named it, and what it held afterwards.
Result<boost::json::object> change_at(const ledger::Store& store, ledger::Height height,
                                      const Bytes& key, const std::optional<Bytes>& leaf,
                                      Console& console) {
  QUORATE_ASSIGN(const ledger::StoredBlock block, store.block(height));
  const std::string time = time_to_text(block.record.effective_time);
  console.line(fmt::format("height {}, {}: {}", height.value, time, leaf_text(leaf)));
  boost::json::array transactions;
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    const ledger::Transaction& body = block.transactions[i].body;
    const bool applied = block.results[i].outcome == ledger::Outcome::kApplied;
    if (!applied || !names_key(body, key)) continue;
    console.line(fmt::format("  transaction {} of {}", block.results[i].id.hex(),
                             body.sender.hex()));
    for (const auto& operation : body.operations) {
      if (std::visit(KeyOf{key}, operation)) console.line("    " + describe_operation(operation));
    }
    if (console.is_json()) transactions.push_back(transaction_json(block, i));
  }
  boost::json::object change{{"height", height.value},
                             {"agreed_time_ms", block.record.effective_time.value},
                             {"present", leaf.has_value()}};
  const auto entry = leaf ? crypto::decode<ledger::Entry>(*leaf) : ledger::Entry{};
  if (leaf && entry) set_bytes_json(change, "value", entry->value);
  if (leaf && entry && entry->until) change["until_ms"] = entry->until->value;
  change["transactions"] = std::move(transactions);
  return change;
}

Result<ExitCode> history(const Options& options, Console& console) {
  QUORATE_ASSIGN(const Bytes key, parse_value(options.key, options.format));
  QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options.ledger));
  const ledger::Store& store = *opened.store;
  boost::json::array changes;
  const ledger::Height head = store.height();
  if (store.base().value > 0) {
    console.remark(fmt::format("this ledger begins after height {} (a snapshot, or it was "
                               "pruned): what happened up to there is not here",
                               store.base().value));
  }
  std::uint64_t count = 0;
  for (ledger::Height at = next(store.base()); at <= head; at = next(at)) {
    step(console, at.value, head.value);
    QUORATE_ASSIGN(const ledger::WriteSet writes, store.writes(at));
    const auto write = writes.find(key);
    if (write == writes.end()) continue;
    ++count;
    QUORATE_ASSIGN(auto change, change_at(store, at, key, write->second, console));
    if (console.is_json()) changes.push_back(std::move(change));
  }
  if (count == 0) {
    console.line(fmt::format("{} never changed in heights {} to {}", show_value(key),
                             next(store.base()).value, head.value));
  }
  console.json({{"height", head.value}, {"base", store.base().value}, {"changes", changes}});
  return ExitCode::kSuccess;
}

// -- Two ledgers ---------------------------------------------------------------------------------

struct Difference {
  std::string part;
  std::string first;
  std::string second;
};

std::string header_text(const ledger::Record& record) {
  return fmt::format("{} transactions with root {}, effective time {}, results root {}",
                     record.batch.transaction_count, record.batch.transaction_root.hex(),
                     record.effective_time.value, record.results_root.hex());
}

bool is_reserved(const Bytes& key) {
  return !key.empty() && key.front() == ledger::kReservedPrefix;
}

std::string key_text(const Bytes& key) {
  return is_reserved(key) ? "0x" + to_hex(key) : show_value(key);
}

// Keys that the two write sets do not agree on.
void compare_writes(const ledger::WriteSet& first, const ledger::WriteSet& second,
                    std::vector<Difference>& found) {
  const auto text = [](const ledger::WriteSet& writes, const Bytes& key) {
    const auto at = writes.find(key);
    if (at == writes.end()) return std::string("not written");
    return is_reserved(key) && at->second ? to_hex(*at->second) : leaf_text(at->second);
  };
  ledger::WriteSet all = first;
  all.insert(second.begin(), second.end());
  for (const auto& [key, value] : all) {
    const auto a = first.find(key);
    const auto b = second.find(key);
    if (a != first.end() && b != second.end() && a->second == b->second) continue;
    found.push_back({"key " + key_text(key), text(first, key), text(second, key)});
  }
}

Status compare_block(const ledger::Store& first, const ledger::Store& second,
                     ledger::Height height, std::vector<Difference>& found) {
  QUORATE_ASSIGN(const ledger::Record a, first.record(height));
  QUORATE_ASSIGN(const ledger::Record b, second.record(height));
  QUORATE_ASSIGN(const ledger::WriteSet writes_a, first.writes(height));
  QUORATE_ASSIGN(const ledger::WriteSet writes_b, second.writes(height));
  if (a == b && writes_a == writes_b) return {};
  if (a != b) found.push_back({"record", header_text(a), header_text(b)});
  QUORATE_ASSIGN(const ledger::StoredBlock block_a, first.block(height));
  QUORATE_ASSIGN(const ledger::StoredBlock block_b, second.block(height));
  const std::size_t count = std::min(block_a.results.size(), block_b.results.size());
  for (std::size_t i = 0; i < count; ++i) {
    const ledger::TxResult& one = block_a.results[i];
    const ledger::TxResult& other = block_b.results[i];
    if (one == other) continue;
    found.push_back({fmt::format("transaction {}", i),
                     fmt::format("{} {}", one.id.hex(), ledger::outcome_code(one.outcome)),
                     fmt::format("{} {}", other.id.hex(), ledger::outcome_code(other.outcome))});
    break;
  }
  compare_writes(writes_a, writes_b, found);
  return {};
}

Result<ExitCode> compare(const Options& options, Console& console) {
  constexpr std::size_t kShown = 20;
  QUORATE_ASSIGN(const ledger::StoppedStore a, open_ledger(options.ledger));
  QUORATE_ASSIGN(const ledger::StoppedStore b,
                 ledger::open_stopped_store(options.other, a.store->chain_id()));
  const ledger::Height from = next(std::max(a.store->base(), b.store->base()));
  const ledger::Height to = std::min(a.store->height(), b.store->height());
  std::vector<Difference> found;
  ledger::Height at = from;
  for (; at <= to; at = next(at)) {
    step(console, at.value, to.value);
    QUORATE_TRY(compare_block(*a.store, *b.store, at, found));
    if (!found.empty()) break;
  }
  boost::json::object object{{"from", from.value},
                             {"to", to.value},
                             {"heights", {a.store->height().value, b.store->height().value}},
                             {"diverged_at", nullptr}};
  if (found.empty()) {
    console.line(fmt::format("The ledgers agree in heights {} to {}; they end at {} and {}.",
                             from.value, to.value, a.store->height().value,
                             b.store->height().value));
    console.json(object);
    return ExitCode::kSuccess;
  }
  console.line(fmt::format("The ledgers diverge at height {}; up to there they agree.", at.value));
  boost::json::array differences;
  for (std::size_t i = 0; i < found.size() && i < kShown; ++i) {
    console.line("  " + found[i].part);
    console.line(fmt::format("    A {}", found[i].first));
    console.line(fmt::format("    B {}", found[i].second));
    differences.push_back(
        {{"part", found[i].part}, {"a", found[i].first}, {"b", found[i].second}});
  }
  if (found.size() > kShown) console.line(fmt::format("  and {} more", found.size() - kShown));
  object["diverged_at"] = at.value;
  object["differences"] = std::move(differences);
  console.json(object);
  return ExitCode::kCorrupt;
}

}  // namespace

void add_ledger_history_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "ledger history",
            .sentence = "Tell the life of a key: each change, by which transaction and when",
            .details = "One entry for each block that changed it: what it held afterwards, and the "
                       "applied transactions that named it.\nAn `until` that passes is no change.",
            .example = "  quorate ledger history testnet-data/default/replica-0 colour",
            .parameters = {ledger_folder_parameter(options->ledger),
                           {.name = "KEY", .help = "The key", .target = &options->key},
                           hex_parameter(options->format), base64_parameter(options->format),
                           expected_genesis_parameter(options->ledger)},
            .run = [options](Console& console) { return history(*options, console); }});
  line.add({.path = "ledger diff",
            .sentence = "Name the first block at which two ledgers of one network differ, down to "
                        "the keys",
            .details = "Compares records and write sets from the lowest height that both have. "
                       "Certificates may differ between honest\nreplicas and are not compared. "
                       "Exit code 8: they diverge.",
            .example = "  quorate ledger diff testnet-data/default/replica-0 "
                       "testnet-data/default/replica-1",
            .parameters = {ledger_folder_parameter(options->ledger),
                           {.name = "OTHER", .help = "The other one", .target = &options->other},
                           expected_genesis_parameter(options->ledger)},
            .run = [options](Console& console) { return compare(*options, console); }});
}

}  // namespace quorate::node
