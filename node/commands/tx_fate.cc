// quorate tx fate

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "ledger/receipt.h"
#include "node/commands/network_options.h"
#include "node/commands/proof_text.h"
#include "node/commands/registry.h"
#include "node/commands/tx_file.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/rpc_error.h"

namespace quorate::node {
namespace {

struct Options {
  NetworkOptions network;
  std::string file;
  std::optional<std::string> out;
};

// What a node answered, once it was verified.
struct Told {
  std::string fate;
  std::string sentence;
  std::string proof;  // the text of a file
  boost::json::object facts;
};

tl::unexpected<Error> other_than_asked(const std::string& url, std::string_view what) {
  return fail(ErrorKind::kCorrupt, "proof-other-transaction",
              fmt::format("{} proved something else than was asked: {}", url, what),
              "Ask another node with --node URL.");
}

// The transaction's own receipt, or that of the one that has its nonce.
Result<Told> take_receipt(const SignedDraft& draft, const std::string& text, bool is_own,
                          const ledger::Genesis& genesis, const std::string& url) {
  QUORATE_ASSIGN(const ledger::Receipt receipt, ledger::parse_receipt(text));
  QUORATE_ASSIGN(const auto verdict, ledger::verify_receipt(receipt, genesis));
  const ledger::Transaction& own = draft.transaction.body;
  const ledger::Transaction& proved = receipt.transaction.body;
  if (is_own != (verdict.id == draft.id) || proved.sender != own.sender ||
      proved.nonce != own.nonce || (!is_own && !ledger::uses_nonce(verdict.result.outcome))) {
    return other_than_asked(url, fmt::format("a receipt of {}", verdict.id.hex()));
  }
  Told told;
  told.fate = is_own ? "happened" : "nonce-taken";
  told.proof = text;
  const std::string place =
      fmt::format("at height {}, number {}, result {} ({})", verdict.height.value, verdict.index,
                  ledger::outcome_code(verdict.result.outcome),
                  verdict.result_proved ? "proved" : "claimed until a checkpoint covers it");
  told.sentence = is_own ? "happened: ordered " + place
                         : fmt::format("never: {} took its nonce, ordered {}", verdict.id.hex(),
                                       place);
  told.facts = {{"height", verdict.height.value}, {"result_proved", verdict.result_proved}};
  if (!is_own) told.facts["nonce_owner"] = verdict.id.hex();
  return told;
}

Result<Told> take_statement(const SignedDraft& draft, const std::string& text,
                            const ledger::Genesis& genesis, const std::string& url) {
  QUORATE_ASSIGN(const ledger::StateStatement statement, ledger::parse_statement(text));
  QUORATE_ASSIGN(const auto verdict, ledger::verify_statement(statement, genesis));
  if (verdict.id != draft.id) return other_than_asked(url, "the fate of another transaction");
  return Told{std::string(ledger::fate_text(verdict.fate)),
              fate_sentence(verdict) + "\n" + proof_provenance(verdict), text,
              proof_json(verdict)};
}

Result<Told> take(const SignedDraft& draft, const boost::json::value& answer,
                  const ledger::Genesis& genesis, const std::string& url) {
  const std::string fate = text_member(answer, "fate").value_or("");
  if (const auto receipt = text_member(answer, "receipt")) {
    return take_receipt(draft, *receipt, fate == "happened", genesis, url);
  }
  if (const auto proof = text_member(answer, "proof")) {
    return take_statement(draft, *proof, genesis, url);
  }
  const auto* error = find_member(answer, "error");
  const auto parsed = error == nullptr ? std::nullopt : error_from_json(*error);
  if (fate == "open" && parsed) return tl::unexpected(*parsed);
  return fail(ErrorKind::kCorrupt, "node-answer-malformed",
              fmt::format("{} answered with neither a receipt, a proof nor a reason", url),
              "Ask another node with --node URL.");
}

Result<ExitCode> fate(const Options& options, Console& console) {
  QUORATE_ASSIGN(const SignedDraft draft, read_signed_draft(options.file));
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const auto answer,
                 nodes.call("quorate_fate", {{"tx", to_base64(draft.encoded)}}));
  QUORATE_ASSIGN(const Told told, take(draft, answer, genesis.genesis, nodes.url()));
  if (options.out) QUORATE_TRY(create_file(*options.out, told.proof));
  console.line(fmt::format("transaction {}", draft.id.hex()));
  console.line(told.sentence);
  if (options.out) console.line(fmt::format("its proof is in {}", *options.out));
  boost::json::object object{{"id", draft.id.hex()}, {"fate", told.fate}};
  for (const auto& member : told.facts) object[member.key()] = member.value();
  if (options.out) object["file"] = *options.out;
  console.json(object);
  return ExitCode::kSuccess;
}

}  // namespace

void add_tx_fate_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "tx fate",
            .sentence = "Say what became of a signed transaction, or that it never can happen, "
                        "with the proof",
            .details = "Happened: its receipt. Its nonce went to another: that one's receipt. Or "
                       "never: agreed time\nis past its valid-until and its nonce is unused. What "
                       "the node sends is verified first.",
            .example = "  quorate tx put colour blue --save t.json\n  quorate tx fate t.json",
            .parameters = {{.name = "FILE",
                            .help = "A transaction that --save wrote",
                            .target = &options->file},
                           {.name = "--out",
                            .value = "FILE",
                            .help = "Write the receipt or the proof there",
                            .target = &options->out},
                           node_parameter(options->network), genesis_parameter(options->network)},
            .run = [options](Console& console) { return fate(*options, console); }});
}

}  // namespace quorate::node
