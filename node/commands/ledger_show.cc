// quorate ledger show | blocks | tx

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <memory>

#include "ledger/published_checkpoint.h"
#include "ledger/recovery.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/ledger_json.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

struct Options {
  LedgerOptions ledger;
  std::uint64_t height = 0;
  std::optional<std::uint64_t> from;
  std::optional<std::uint64_t> count;
  std::string id;
};

std::string result_text(const ledger::TxResult& result) {
  std::string text(ledger::outcome_code(result.outcome));
  if (result.failed_operation) text += fmt::format(" by operation {}", *result.failed_operation);
  return text;
}

void print_transaction(Console& console, const ledger::StoredBlock& block, std::size_t index) {
  const ledger::Transaction& body = block.transactions[index].body;
  console.line(fmt::format("{:>5}  {}  {}", index, block.results[index].id.hex(),
                           result_text(block.results[index])));
  console.line(fmt::format("       of {}, nonce {}", body.sender.hex(), body.nonce));
  for (const auto& operation : body.operations) {
    console.line("       " + describe_operation(operation));
  }
}

Result<ExitCode> show(const Options& options, Console& console) {
  QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options.ledger));
  const ledger::Height height{options.height};
  QUORATE_ASSIGN(const ledger::StoredBlock block, opened.store->block(height));
  const ledger::Record& record = block.record;
  std::vector<std::uint16_t> signers;
  for (const auto& commit : block.certificate.commits) signers.push_back(commit.replica.value);
  console.line(fmt::format("block {}, hash {}", height.value, record_leaf(record).hex()));
  console.line(fmt::format("  agreed time {}, {} transactions{}",
                           time_to_text(record.effective_time), block.transactions.size(),
                           (record.batch.flags & ledger::kFlagNull) != 0 ? ", a null batch" : ""));
  const bool is_by_hand = block.certificate.view == ledger::kRecoveryView;
  console.line(fmt::format("  committed {} by replicas {}",
                           is_by_hand ? "by hand, in a recovery that was signed"
                                      : fmt::format("in view {}", block.certificate.view.value),
                           fmt::join(signers, ", ")));
  QUORATE_ASSIGN(const auto stable, ledger::covering(*opened.store, height));
  console.line(stable ? fmt::format("  stable: under the checkpoint of height {}",
                                    stable->note.sequence.value)
                      : std::string("  not stable: no checkpoint here covers it"));
  boost::json::object object = block_json(block);
  boost::json::array transactions;
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    print_transaction(console, block, i);
    if (console.is_json()) transactions.push_back(transaction_json(block, i));
  }
  object["transactions"] = std::move(transactions);
  console.json(object);
  return ExitCode::kSuccess;
}

Result<ExitCode> list(const Options& options, Console& console) {
  constexpr std::uint64_t kCountByDefault = 20;
  QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options.ledger));
  const ledger::Store& store = *opened.store;
  const std::uint64_t count = options.count.value_or(kCountByDefault);
  const std::uint64_t head = store.height().value;
  const std::uint64_t first = std::max(
      options.from.value_or(head >= count ? head - count + 1 : 1), store.base().value + 1);
  boost::json::array blocks;
  console.line(fmt::format("{:>10}  {:<24} {:>6}  {}", "height", "agreed time", "txs", "hash"));
  for (std::uint64_t at = first; at <= head && at - first < count; ++at) {
    QUORATE_ASSIGN(const ledger::StoredBlock block, store.block(ledger::Height{at}));
    console.line(fmt::format("{:>10}  {:<24} {:>6}  {}", at,
                             time_to_text(block.record.effective_time),
                             block.transactions.size(), record_leaf(block.record).hex()));
    if (console.is_json()) blocks.push_back(block_json(block));
  }
  console.json({{"height", head}, {"base", store.base().value}, {"blocks", std::move(blocks)}});
  return ExitCode::kSuccess;
}

Result<ExitCode> transaction(const Options& options, Console& console) {
  const auto id = crypto::parse_digest(options.id);
  if (!id) {
    return fail(ErrorKind::kUsage, "tx-id-malformed",
                fmt::format("Found \"{}\", expected a transaction's id: 64 hex digits",
                            options.id));
  }
  QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options.ledger));
  QUORATE_ASSIGN(const auto place, opened.store->find({*id}));
  if (!place) {
    return fail(ErrorKind::kNotFound, "tx-not-found",
                fmt::format("no transaction {} ended in heights {} to {} of this ledger", id->hex(),
                            opened.store->base().value + 1, opened.store->height().value),
                "One that is not ordered yet, or was skipped, is in no ledger's index.");
  }
  QUORATE_ASSIGN(const ledger::StoredBlock block, opened.store->block(place->height));
  if (place->index >= block.transactions.size() || block.results[place->index].id.digest != *id) {
    return fail(ErrorKind::kCorrupt, "ledger-corrupt",
                fmt::format("the place of transaction {} is height {}, transaction {}, which is "
                            "another one",
                            id->hex(), place->height.value, place->index),
                "Audit the ledger with `quorate ledger verify`.");
  }
  console.line(fmt::format("in the block at height {}, agreed time {}", place->height.value,
                           time_to_text(block.record.effective_time)));
  print_transaction(console, block, place->index);
  console.json(transaction_json(block, place->index));
  return ExitCode::kSuccess;
}

}  // namespace

void add_ledger_show_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  const Parameter folder = ledger_folder_parameter(options->ledger);
  const Parameter genesis = expected_genesis_parameter(options->ledger);
  line.add({.path = "ledger show",
            .sentence = "Show one block with its transactions and their results",
            .details = "Each part is held against the log. Whether the log is the network's, "
                       "`ledger verify` says.",
            .example = "  quorate ledger show testnet-data/default/replica-0 7",
            .parameters = {folder,
                           {.name = "HEIGHT", .help = "From 1 on", .target = &options->height},
                           genesis},
            .run = [options](Console& console) { return show(*options, console); }});
  line.add({.path = "ledger blocks",
            .sentence = "List blocks, the last twenty unless told otherwise",
            .example = "  quorate ledger blocks testnet-data/default/replica-0 --from 1 --count 50",
            .parameters = {folder,
                           {.name = "--from",
                            .value = "HEIGHT",
                            .help = "The first one",
                            .target = &options->from},
                           {.name = "--count",
                            .value = "N",
                            .help = "How many",
                            .target = &options->count},
                           genesis},
            .run = [options](Console& console) { return list(*options, console); }});
  line.add({.path = "ledger tx",
            .sentence = "Show a transaction by its id, where it stands and how it ended",
            .example = "  quorate ledger tx testnet-data/default/replica-0 $ID",
            .parameters = {folder,
                           {.name = "TXID", .help = "64 hex digits", .target = &options->id},
                           genesis},
            .run = [options](Console& console) { return transaction(*options, console); }});
}

}  // namespace quorate::node
