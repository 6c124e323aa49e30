// quorate ledger prove

#include <fmt/format.h>

#include <memory>

#include "ledger/proved_state.h"
#include "ledger/receipt.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/files.h"

namespace quorate::node {
namespace {

struct Options {
  LedgerOptions ledger;
  std::optional<std::string> id;
  std::optional<std::string> key;
  ValueFormat format;
  std::optional<std::string> out;
};

Result<std::string> prove_transaction(const ledger::Store& store, const std::string& text) {
  const auto id = crypto::parse_digest(text);
  if (!id) {
    return fail(ErrorKind::kUsage, "tx-id-malformed",
                fmt::format("Found \"{}\", expected a transaction's id: 64 hex digits", text));
  }
  QUORATE_ASSIGN(const ledger::Receipt receipt, ledger::make_receipt(store, {*id}));
  return ledger::receipt_to_json(receipt);
}

Result<std::string> prove_key(const ledger::Store& store, const Bytes& key) {
  const auto view = store.stable_view();
  if (!view) {
    return fail(ErrorKind::kUnavailable, "nothing-stable",
                "no checkpoint in this ledger was cosigned by a quorum, so nothing is proved about "
                "the state",
                "Ask a ledger that goes further.");
  }
  QUORATE_ASSIGN(const ledger::StateStatement statement, ledger::prove_read(*view, key));
  return ledger::statement_to_json(statement);
}

Result<ExitCode> prove(const Options& options, Console& console) {
  if (options.id.has_value() == options.key.has_value()) {
    return fail(ErrorKind::kUsage, "proof-of-what",
                "one of --tx and --key is expected",
                "`quorate ledger prove --help` shows an example of each.");
  }
  QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options.ledger));
  std::string text;
  if (options.id) {
    QUORATE_ASSIGN(text, prove_transaction(*opened.store, *options.id));
  } else {
    QUORATE_ASSIGN(const Bytes key, parse_value(*options.key, options.format));
    QUORATE_ASSIGN(text, prove_key(*opened.store, key));
  }
  if (!options.out) {
    console.raw(text);
    return ExitCode::kSuccess;
  }
  QUORATE_TRY(create_file(*options.out, text));
  console.line(fmt::format("proof written to {}; verify it with `quorate {} verify {} --genesis "
                           "FILE`",
                           *options.out, options.id ? "receipt" : "proof", *options.out));
  console.json({{"file", *options.out}, {"about", options.id ? "transaction" : "key"}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_ledger_prove_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "ledger prove",
            .sentence = "Make a proof without a node: a transaction's receipt, or what a key holds",
            .details = "The same files as `tx receipt` and `get --prove` write, to be verified by "
                       "`receipt verify` and `proof verify`\nwith the genesis document alone. "
                       "A key is proved as of the newest stable checkpoint in this ledger.",
            .example = "  quorate ledger prove testnet-data/default/replica-0 --tx $ID --out "
                       "receipt.json\n"
                       "  quorate ledger prove copy/ledger --key colour --out proof.json",
            .parameters = {ledger_folder_parameter(options->ledger),
                           {.name = "--tx",
                            .value = "TXID",
                            .help = "The transaction: 64 hex digits",
                            .target = &options->id},
                           {.name = "--key",
                            .value = "KEY",
                            .help = "The key, present or absent",
                            .target = &options->key},
                           hex_parameter(options->format), base64_parameter(options->format),
                           {.name = "--out",
                            .value = "FILE",
                            .help = "Write it there; else to standard output",
                            .target = &options->out},
                           expected_genesis_parameter(options->ledger)},
            .run = [options](Console& console) { return prove(*options, console); }});
}

}  // namespace quorate::node
