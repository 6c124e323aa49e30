// quorate ledger export

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <memory>

#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/ledger_json.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

struct Options {
  LedgerOptions ledger;
  bool is_csv = false;
  std::optional<std::uint64_t> from;
  std::optional<std::uint64_t> to;
};

std::string json_lines(const ledger::StoredBlock& block) {
  boost::json::object head{{"type", "block"}};
  const boost::json::object members = block_json(block);
  for (const auto& member : members) head[member.key()] = member.value();
  std::string lines = boost::json::serialize(head) + "\n";
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    boost::json::object object{{"type", "transaction"}};
    const boost::json::object fields = transaction_json(block, i);
    for (const auto& member : fields) object[member.key()] = member.value();
    object["agreed_time_ms"] = block.record.effective_time.value;
    object["signature"] = to_base64(block.transactions[i].signature.bytes);
    lines += boost::json::serialize(object) + "\n";
  }
  return lines;
}

// RFC 4180: in quotes, and quotes doubled, where it is needed.
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char each : text) {
    quoted += each;
    if (each == '"') quoted += each;
  }
  return quoted + "\"";
}

// What stands in the columns op, key, value, expected, until_ms, delta, to, amount.
struct Columns {
  std::string operator()(const ledger::Put& op) const {
    return row("put", op.key, show_value(op.value), "",
               op.until ? fmt::format("{}", op.until->value) : "");
  }
  std::string operator()(const ledger::Delete& op) const {
    return row("delete", op.key, "", "", "");
  }
  std::string operator()(const ledger::CompareAndSet& op) const {
    return row("compare-and-set", op.key, show_value(op.value),
               op.expected ? show_value(*op.expected) : "", "");
  }
  std::string operator()(const ledger::Add& op) const {
    return fmt::format("add,{},,,,{},,", cell(show_value(op.key)), op.delta);
  }
  std::string operator()(const ledger::Transfer& op) const {
    return fmt::format("transfer,,,,,,{},{}", op.to.hex(), op.amount);
  }
  std::string operator()(const ledger::RecordEvidence& op) const {
    return fmt::format("record-evidence,,{},,,,,", cell(evidence_sentence(op.evidence)));
  }
  std::string operator()(const ledger::ChangeMembership& op) const {
    return fmt::format("change-membership,,{},,,,,", cell(change_sentence(op.body.change)));
  }

 private:
  static std::string row(std::string_view name, const Bytes& key, const std::string& value,
                         const std::string& expected, const std::string& until) {
    return fmt::format("{},{},{},{},{},,,", name, cell(show_value(key)), cell(value),
                       cell(expected), until);
  }
};

constexpr std::string_view kCsvHead =
    "height,agreed_time,index,id,sender,nonce,outcome,operation,op,key,value,expected,until_ms,"
    "delta,to,amount\r\n";

std::string csv_rows(const ledger::StoredBlock& block) {
  std::string rows;
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    const ledger::Transaction& body = block.transactions[i].body;
    for (std::size_t op = 0; op < body.operations.size(); ++op) {
      rows += fmt::format("{},{},{},{},{},{},{},{},{}\r\n", block.record.batch.sequence.value,
                          time_to_text(block.record.effective_time), i, block.results[i].id.hex(),
                          body.sender.hex(), body.nonce,
                          ledger::outcome_code(block.results[i].outcome), op,
                          std::visit(Columns{}, body.operations[op]));
    }
  }
  return rows;
}

Result<ExitCode> take_out(const Options& options, Console& console) {
  QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options.ledger));
  const ledger::Store& store = *opened.store;
  const std::uint64_t first = options.from.value_or(store.base().value + 1);
  const std::uint64_t last = std::min(options.to.value_or(store.height().value),
                                      store.height().value);
  if (options.is_csv) console.raw(kCsvHead);
  std::uint64_t transactions = 0;
  for (std::uint64_t at = first; at <= last; ++at) {
    QUORATE_ASSIGN(const ledger::StoredBlock block, store.block(ledger::Height{at}));
    console.raw(options.is_csv ? csv_rows(block) : json_lines(block));
    transactions += block.transactions.size();
    if (console.is_on_terminal() && at % 256 == 0) {
      console.progress(fmt::format("height {} of {}", at, last));
    }
  }
  console.remark(fmt::format("{} transactions in heights {} to {}", transactions, first, last));
  return ExitCode::kSuccess;
}

}  // namespace

void add_ledger_export_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "ledger export",
            .sentence = "Write blocks and transactions to standard output, as JSON Lines or CSV",
            .details = "JSON Lines: an object of type \"block\" for each block, then one of type "
                       "\"transaction\" for each of its transactions.\nCSV (RFC 4180): a row for "
                       "each operation. Keys and values that are no text stand as hex. What is "
                       "damaged ends the\noutput with an error; nothing wrong is written.",
            .example = "  quorate ledger export testnet-data/default/replica-0 > ledger.jsonl\n"
                       "  quorate ledger export copy/ledger --csv --from 100 --to 200 > some.csv",
            .parameters = {ledger_folder_parameter(options->ledger),
                           {.name = "--csv", .help = "CSV", .target = &options->is_csv},
                           {.name = "--from",
                            .value = "HEIGHT",
                            .help = "The first block",
                            .target = &options->from},
                           {.name = "--to",
                            .value = "HEIGHT",
                            .help = "The last block",
                            .target = &options->to},
                           expected_genesis_parameter(options->ledger)},
            .run = [options](Console& console) { return take_out(*options, console); }});
}

}  // namespace quorate::node
