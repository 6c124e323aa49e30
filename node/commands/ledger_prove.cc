// quorate ledger prove

#include <fmt/format.h>

#include <memory>

#include "ledger/proved_state.h"
#include "ledger/receipt.h"
#include "ledger/tlog_proof.h"
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
  std::optional<std::uint64_t> height;
  std::optional<std::uint64_t> from;
  std::optional<std::uint64_t> to;
  bool is_tlog = false;
  ValueFormat format;
  std::optional<std::string> out;
};

// What a proof is about, for the reader and for what is said of it.
struct Proof {
  std::string text;
  std::string_view about;     // "transaction"
  std::string_view verified;  // the command that verifies it
};

Result<ledger::TxId> parse_id(const std::string& text) {
  const auto id = crypto::parse_digest(text);
  if (id) return ledger::TxId{*id};
  return fail(ErrorKind::kUsage, "tx-id-malformed",
              fmt::format("Found \"{}\", expected a transaction's id: 64 hex digits", text));
}

Result<std::string> prove_transaction(const ledger::Store& store, const std::string& text) {
  QUORATE_ASSIGN(const ledger::TxId id, parse_id(text));
  QUORATE_ASSIGN(const ledger::Receipt receipt, ledger::make_receipt(store, id));
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

// What ends with a checkpoint as the world reads it, for which the replicas' keys are needed.
Result<std::string> prove_in_log(const Options& options, const ledger::Store& store) {
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.ledger.network));
  if (ledger::chain_id_of(genesis.genesis) != store.chain_id()) {
    return fail(ErrorKind::kConflict, "ledger-other-chain",
                fmt::format("{} is of another network than this ledger", genesis.path),
                "Name the genesis document of its network: --genesis FILE");
  }
  const ledger::ReplicaSet replicas = ledger::genesis_replicas(genesis.genesis);
  if (options.from) {
    QUORATE_ASSIGN(const auto proof,
                   ledger::prove_growth(store, *options.from, options.to, replicas));
    return ledger::consistency_proof_text(proof);
  }
  if (options.height) {
    QUORATE_ASSIGN(const auto proof,
                   ledger::prove_record(store, ledger::Height{*options.height}, replicas));
    return ledger::tlog_proof_text(proof);
  }
  QUORATE_ASSIGN(const ledger::TxId id, parse_id(options.id.value()));
  QUORATE_ASSIGN(const auto proof, ledger::prove_logged(store, id, replicas));
  return ledger::tlog_proof_text(proof);
}

Result<Proof> make_proof(const Options& options, const ledger::Store& store) {
  Proof proof{{}, "key", "proof"};
  if (options.key) {
    QUORATE_ASSIGN(const Bytes key, parse_value(*options.key, options.format));
    QUORATE_ASSIGN(proof.text, prove_key(store, key));
    return proof;
  }
  if (options.id && !options.is_tlog) {
    QUORATE_ASSIGN(proof.text, prove_transaction(store, *options.id));
    proof.about = "transaction";
    proof.verified = "receipt";
    return proof;
  }
  QUORATE_ASSIGN(proof.text, prove_in_log(options, store));
  proof.about = options.from ? "growth" : options.height ? "block" : "transaction";
  return proof;
}

Status check_subject(const Options& options) {
  const int subjects = int{options.id.has_value()} + int{options.key.has_value()} +
                       int{options.height.has_value()} + int{options.from.has_value()};
  if (subjects != 1) {
    return fail(ErrorKind::kUsage, "proof-of-what",
                "one of --tx, --key, --height and --from is expected",
                "`quorate ledger prove --help` shows an example of each.");
  }
  if (options.to && !options.from) {
    return fail(ErrorKind::kUsage, "proof-of-what", "--to is the end of a proof that has --from",
                "Give --from SIZE as well.");
  }
  if (options.from == 0) {
    return fail(ErrorKind::kUsage, "proof-of-what",
                "Found --from 0, expected a size from 1 on: every log extends the empty one",
                "Give the size of a checkpoint that you hold.");
  }
  if (options.is_tlog && !options.id) {
    return fail(ErrorKind::kUsage, "proof-of-what",
                "--tlog says how --tx is proved; --key, --height and --from have one form each",
                "Leave --tlog out.");
  }
  return {};
}

Result<ExitCode> prove(const Options& options, Console& console) {
  QUORATE_TRY(check_subject(options));
  QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options.ledger));
  QUORATE_ASSIGN(const Proof proof, make_proof(options, *opened.store));
  if (!options.out) {
    console.raw(proof.text);
    return ExitCode::kSuccess;
  }
  QUORATE_TRY(create_file(*options.out, proof.text));
  console.line(fmt::format("proof written to {}; verify it with `quorate {} verify {}{} --genesis "
                           "FILE`",
                           *options.out, proof.verified, *options.out,
                           options.from ? " --after CHECKPOINT" : ""));
  console.json({{"file", *options.out}, {"about", proof.about}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_ledger_prove_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add(
      {.path = "ledger prove",
       .sentence = "Make a proof without a node: of a transaction, a key, a block, or that the log "
                   "only grew",
       .details =
           "--tx and --key make the files that `tx receipt` and `get --prove` write. A key is "
           "proved as of the newest stable\ncheckpoint in this ledger. --height, and --tx with "
           "--tlog, make a C2SP tlog-proof under the first stable checkpoint\nthat covers it. "
           "--from makes a consistency proof between two sizes of the log, as C2SP's witnesses "
           "take it; its end is a\nstable checkpoint. All are verified by `receipt verify` and "
           "`proof verify` with the genesis document alone.",
       .example = "  quorate ledger prove testnet-data/default/replica-0 --tx $ID --out "
                  "receipt.json\n"
                  "  quorate ledger prove copy/ledger --key colour --out proof.json\n"
                  "  quorate ledger prove copy/ledger --tx $ID --tlog --out tx.tlog-proof\n"
                  "  quorate ledger prove copy/ledger --from 16 --to 48 --genesis genesis.json",
       .parameters = {ledger_folder_parameter(options->ledger),
                      {.name = "--tx",
                       .value = "TXID",
                       .help = "The transaction: 64 hex digits",
                       .target = &options->id},
                      {.name = "--key",
                       .value = "KEY",
                       .help = "The key, present or absent",
                       .target = &options->key},
                      {.name = "--height",
                       .value = "HEIGHT",
                       .help = "The block, whose record is in the log",
                       .target = &options->height},
                      {.name = "--from",
                       .value = "SIZE",
                       .help = "The size of the smaller log",
                       .target = &options->from},
                      {.name = "--to",
                       .value = "SIZE",
                       .help = "With --from: that of the larger; else the newest stable one",
                       .target = &options->to},
                      {.name = "--tlog",
                       .help = "With --tx: a C2SP tlog-proof",
                       .target = &options->is_tlog},
                      hex_parameter(options->format), base64_parameter(options->format),
                      {.name = "--out",
                       .value = "FILE",
                       .help = "Write it there; else to standard output",
                       .target = &options->out},
                      expected_genesis_parameter(options->ledger)},
       .run = [options](Console& console) { return prove(*options, console); }});
}

}  // namespace quorate::node
