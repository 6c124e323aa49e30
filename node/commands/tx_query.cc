// quorate tx status | receipt

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "ledger/receipt.h"
#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/commands/tx_life.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/remote_status.h"
#include "pow/anchored_receipt.h"

namespace quorate::node {
namespace {

struct Options {
  NetworkOptions network;
  std::string id;
  std::optional<std::string> out;
  bool anchored = false;
};

Result<ledger::TxId> parse_id(const std::string& text) {
  const auto digest = crypto::parse_digest(text);
  if (!digest) {
    return fail(ErrorKind::kUsage, "tx-id-malformed",
                fmt::format("Found \"{}\", expected a transaction's id: 64 hex digits", text));
  }
  return ledger::TxId{*digest};
}

// The first node that knows it: one that was down for a while may not.
Result<RemoteStatus> status_from_any(NodePool& nodes, const ledger::TxId& id) {
  auto status = ask_status(nodes, id);
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    if (status || status.error().kind != ErrorKind::kNotFound) return status;
    nodes.move_on();
    status = ask_status(nodes, id);
  }
  return status;
}

Result<ExitCode> show_status(const Options& options, Console& console) {
  QUORATE_ASSIGN(const ledger::TxId id, parse_id(options.id));
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const RemoteStatus status, status_from_any(nodes, id));
  LifePrinter printer(console);
  printer.set_id(id);
  for (const LevelChange& change : status.history) printer.print(change);
  print_result(console, status);
  if (status.level == Level::kAnchored) {
    console.line(fmt::format("level: anchored at depth {}, says {}", status.depth.value_or(0),
                             nodes.url()));
  } else if (status.depth.value_or(0) > 0) {
    console.line(fmt::format("depth: {}, says {}", *status.depth, nodes.url()));
  } else {
    console.line(fmt::format("{}: {}, says {}", is_end(status.level) ? "ended" : "level",
                             level_text(status.level), nodes.url()));
  }
  console.json(remote_status_to_json(status));
  return ExitCode::kSuccess;
}

Result<std::string> receipt_from_any(NodePool& nodes, std::string_view method,
                                     const ledger::TxId& id) {
  Error last = nodes.nobody_reached();
  for (std::size_t i = 0; i < nodes.size(); ++i, nodes.move_on()) {
    const auto answer = nodes.call_current(method, {{"id", id.hex()}});
    if (answer) {
      if (auto text = text_member(*answer, "receipt")) return std::move(*text);
      last = {ErrorKind::kCorrupt, "node-answer-malformed",
              fmt::format("{} sent no receipt in its answer", nodes.url()), "Ask another node."};
    } else if (answer.error().code != "node-unreachable" || nodes.size() == 1) {
      last = answer.error();
    }
  }
  return tl::unexpected(last);
}

// What a node sends is held against the genesis document before it is handed on, if there is one.
Status check_receipt(const std::string& text, const ledger::TxId& id, const Options& options) {
  const auto genesis = find_genesis(options.network);
  ledger::ReceiptVerdict verdict;
  if (options.anchored) {
    QUORATE_ASSIGN(const pow::AnchoredReceipt receipt, pow::parse_anchored_receipt(text));
    if (!genesis) return {};
    QUORATE_ASSIGN(const auto anchored, pow::verify_anchored(receipt, genesis->genesis));
    verdict = anchored.order;
  } else {
    QUORATE_ASSIGN(const ledger::Receipt receipt, ledger::parse_receipt(text));
    if (!genesis) return {};
    QUORATE_ASSIGN(verdict, ledger::verify_receipt(receipt, genesis->genesis));
  }
  if (verdict.id == id) return {};
  return fail(ErrorKind::kCorrupt, "receipt-other-transaction",
              fmt::format("Asked for the receipt of {}, got that of {}", id.hex(),
                          verdict.id.hex()),
              "Ask another node with --node URL.");
}

Result<ExitCode> fetch_receipt(const Options& options, Console& console) {
  QUORATE_ASSIGN(const ledger::TxId id, parse_id(options.id));
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const std::string text, receipt_from_any(nodes,
                                                          options.anchored
                                                              ? "quorate_anchored_receipt"
                                                              : "quorate_receipt",
                                                          id));
  QUORATE_TRY(check_receipt(text, id, options));
  if (!options.out) {
    console.raw(text);
    return ExitCode::kSuccess;
  }
  QUORATE_TRY(create_file(*options.out, text));
  console.line(fmt::format("receipt written to {}", *options.out));
  console.line(fmt::format("verify it with `quorate receipt verify {} --genesis FILE`",
                           *options.out));
  console.json(boost::json::object{{"id", id.hex()}, {"file", *options.out}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_tx_query_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  const Parameter id{.name = "TXID", .help = "Its id, 64 hex digits", .target = &options->id};
  line.add({.path = "tx status",
            .sentence = "Say how far a transaction has come, and its outcome",
            .example = "  quorate tx status $ID",
            .parameters = {id, node_parameter(options->network)},
            .run = [options](Console& console) { return show_status(*options, console); }});
  line.add({.path = "tx receipt",
            .sentence = "Fetch the receipt of a transaction: a proof that needs no node",
            .example = "  quorate tx receipt $ID > receipt.json\n"
                       "  quorate tx receipt $ID --anchored --out anchored.json",
            .parameters = {id,
                           {.name = "--anchored",
                            .help = "With the work on its anchor, in a network of both engines",
                            .target = &options->anchored},
                           {.name = "--out",
                            .value = "FILE",
                            .help = "Write it there; else to standard output",
                            .target = &options->out},
                           node_parameter(options->network), genesis_parameter(options->network)},
            .run = [options](Console& console) { return fetch_receipt(*options, console); }});
}

}  // namespace quorate::node
