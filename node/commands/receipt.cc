// quorate receipt verify

#include "ledger/receipt.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/files.h"
#include "node/time_text.h"
#include "pow/anchored_receipt.h"

namespace quorate::node {
namespace {

constexpr std::size_t kReceiptBytesMax = 16 << 20;

struct Options {
  NetworkOptions network;
  std::string file;
};

std::string result_text(const ledger::TxResult& result) {
  std::string text(ledger::outcome_code(result.outcome));
  if (result.failed_operation) text += fmt::format(" by operation {}", *result.failed_operation);
  return text;
}

void print_verdict(Console& console, const ledger::Receipt& receipt,
                   const ledger::ReceiptVerdict& verdict, const GenesisFile& genesis) {
  const ledger::Transaction& body = receipt.transaction.body;
  console.line(fmt::format("transaction {}", verdict.id.hex()));
  console.line(fmt::format("  signed by {}, nonce {}", body.sender.hex(), body.nonce));
  for (const auto& operation : body.operations) console.line("  " + describe_operation(operation));
  console.line(fmt::format("proved:  the order. Number {} in the block at height {}, agreed time "
                           "{},",
                           verdict.index, verdict.height.value, time_to_text(verdict.agreed_time)));
  console.line(fmt::format("         committed by {} of {} replicas of \"{}\"", verdict.signers,
                           verdict.replicas, genesis.genesis.name));
  console.line(fmt::format("{} the result. {}{}", verdict.result_proved ? "proved: " : "claimed:",
                           result_text(verdict.result),
                           verdict.result_proved
                               ? ""
                               : " (a checkpoint proves it; this receipt holds none)"));
  if (!verdict.result_proved) return;
  console.line(fmt::format("         under the checkpoint of height {}, cosigned by {} of {} "
                           "replicas",
                           verdict.checkpoint.value, verdict.cosigners, verdict.replicas));
}

boost::json::object verdict_to_json(const ledger::ReceiptVerdict& verdict,
                                    const GenesisFile& genesis) {
  boost::json::object result{{"code", ledger::outcome_code(verdict.result.outcome)}};
  if (verdict.result.failed_operation) {
    result["failed_operation"] = *verdict.result.failed_operation;
  }
  boost::json::object object{
          {"id", verdict.id.hex()},
          {"chain_id", ledger::chain_id_of(genesis.genesis).hex()},
          {"height", verdict.height.value},
          {"index", verdict.index},
          {"agreed_time_ms", verdict.agreed_time.value},
          {"signers", verdict.signers},
          {"replicas", verdict.replicas},
          {"order_proved", verdict.order_proved},
          {"result_proved", verdict.result_proved},
          {"result", result}};
  if (verdict.result_proved) object["checkpoint"] = verdict.checkpoint.value;
  return object;
}

// What an anchor adds.
void print_anchor(Console& console, const pow::AnchoredVerdict& verdict) {
  const pow::PlaceVerdict& place = verdict.place;
  console.line(fmt::format("proved:  its record is under the anchor of size {}, which {} replicas "
                           "cosigned, in block {}",
                           verdict.note.head.size, verdict.cosigners,
                           pow::display_hex(place.block)));
  console.line(fmt::format("         at height {}, depth {}; in it and on it is the work of {} "
                           "hashes on average, up to {} of {}",
                           place.height.value, place.depth, pow::decimal_of(place.work),
                           pow::display_hex(place.tip),
                           time_to_text({std::uint64_t{place.tip_time} * 1000})));
  console.line("not proved: that no chain has more work, nor that no block below it anchors "
               "another history of that size");
}

boost::json::object anchor_to_json(const pow::AnchoredVerdict& verdict) {
  const pow::PlaceVerdict& place = verdict.place;
  return {{"size", verdict.note.head.size},
          {"root", verdict.note.head.root.hex()},
          {"cosigners", verdict.cosigners},
          {"block", pow::display_hex(place.block)},
          {"block_height", place.height.value},
          {"depth", place.depth},
          {"tip", pow::display_hex(place.tip)},
          {"work", pow::decimal_of(place.work)}};
}

Result<ExitCode> verify(const Options& options, Console& console) {
  QUORATE_ASSIGN(const std::string text, read_file(options.file, kReceiptBytesMax));
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
  if (pow::is_anchored_receipt(text)) {
    QUORATE_ASSIGN(const auto receipt, pow::parse_anchored_receipt(text));
    QUORATE_ASSIGN(const auto verdict, pow::verify_anchored(receipt, genesis.genesis));
    print_verdict(console, verdict.receipt, verdict.order, genesis);
    print_anchor(console, verdict);
    if (!options.network.genesis) console.remark(fmt::format("genesis: {}", genesis.path));
    boost::json::object out = verdict_to_json(verdict.order, genesis);
    out["anchor"] = anchor_to_json(verdict);
    console.json(out);
    return ExitCode::kSuccess;
  }
  QUORATE_ASSIGN(const ledger::Receipt receipt, ledger::parse_receipt(text));
  QUORATE_ASSIGN(const auto verdict, ledger::verify_receipt(receipt, genesis.genesis));
  print_verdict(console, receipt, verdict, genesis);
  if (!options.network.genesis) console.remark(fmt::format("genesis: {}", genesis.path));
  console.json(verdict_to_json(verdict, genesis));
  return ExitCode::kSuccess;
}

}  // namespace

void add_receipt_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("receipt", "Check receipts");
  line.add({.path = "receipt verify",
            .sentence = "Verify a receipt offline, against nothing but the genesis document",
            .details = "Says what the receipt proves: the order (where a quorum put the "
                       "transaction), and the\nresult if a checkpoint covers it; of an anchored "
                       "one also the work on it. Exit code 8: it does\nnot verify.",
            .example = "  quorate receipt verify receipt.json --genesis genesis.json",
            .parameters = {{.name = "FILE",
                            .help = "What `quorate tx receipt` printed",
                            .target = &options->file},
                           genesis_parameter(options->network)},
            .run = [options](Console& console) { return verify(*options, console); }});
}

}  // namespace quorate::node
