// quorate proof verify

#include <fmt/format.h>

#include <memory>

#include "ledger/tlog_proof.h"
#include "node/commands/log_proof.h"
#include "node/commands/network_options.h"
#include "node/commands/proof_text.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/files.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

struct Options {
  NetworkOptions network;
  std::string file;
  std::optional<std::string> after;
};

boost::json::object print_read(Console& console, const ledger::ReadSubject& read,
                               const ledger::StatementVerdict& verdict) {
  boost::json::object object{{"about", "key"},
                             {"key", to_base64(read.key)},
                             {"found", verdict.entry.has_value()}};
  if (verdict.entry) {
    console.line(fmt::format("{} = {}", show_value(read.key), show_value(verdict.entry->value)));
    object["value"] = to_base64(verdict.entry->value);
  } else {
    console.line(fmt::format("{} is absent{}", show_value(read.key),
                             verdict.has_expired ? ": it has expired" : ""));
  }
  if (verdict.entry && verdict.entry->until) {
    console.line(fmt::format("until {}", time_to_text(*verdict.entry->until)));
    object["until_ms"] = verdict.entry->until->value;
  }
  return object;
}

boost::json::object print_fate(Console& console, const ledger::StatementVerdict& verdict) {
  console.line(fmt::format("transaction {}", verdict.id->hex()));
  console.line(fate_sentence(verdict));
  return {{"about", "transaction"},
          {"id", verdict.id->hex()},
          {"fate", ledger::fate_text(verdict.fate)}};
}

Result<ExitCode> verify(const Options& options, Console& console) {
  QUORATE_ASSIGN(const std::string text, read_file(options.file, ledger::kProofFileBytesMax));
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
  if (options.after && !text.starts_with(ledger::kConsistencyPrefix)) {
    return fail(ErrorKind::kUsage, "proof-after-what",
                fmt::format("--after is where a consistency proof begins; {} is none",
                            options.file),
                "Leave --after out, or name the proof that `ledger prove --from` wrote.");
  }
  if (is_log_proof(text)) return verify_log_proof(text, options.after, genesis, console);
  QUORATE_ASSIGN(const ledger::StateStatement statement, ledger::parse_statement(text));
  QUORATE_ASSIGN(const auto verdict, ledger::verify_statement(statement, genesis.genesis));
  const auto* read = std::get_if<ledger::ReadSubject>(&statement.subject);
  boost::json::object object =
      read != nullptr ? print_read(console, *read, verdict) : print_fate(console, verdict);
  console.line(proof_provenance(verdict));
  if (!options.network.genesis) console.remark(fmt::format("genesis: {}", genesis.path));
  for (const auto& member : proof_json(verdict)) object[member.key()] = member.value();
  console.json(object);
  return ExitCode::kSuccess;
}

}  // namespace

void add_proof_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("proof", "Check proofs about the state and the log");
  line.add({.path = "proof verify",
            .sentence = "Verify a proof about the state or the log offline, against nothing but "
                        "the genesis document",
            .details = "Says what the state held at one height that a quorum cosigned, and how "
                       "long ago that was; or what is in the\nlog that a quorum cosigned, or that "
                       "this log extends an earlier one. Exit code 8: it does not verify.",
            .example = "  quorate get colour --prove --out proof.json\n"
                       "  quorate proof verify proof.json --genesis genesis.json\n"
                       "  quorate proof verify block.tlog-proof\n"
                       "  quorate proof verify growth.txt --after old.note",
            .parameters = {{.name = "FILE",
                            .help = "What `get --prove`, `tx fate` or `ledger prove` wrote",
                            .target = &options->file},
                           {.name = "--after",
                            .value = "CHECKPOINT",
                            .help = "The signed note that a consistency proof begins at",
                            .target = &options->after},
                           genesis_parameter(options->network)},
            .run = [options](Console& console) { return verify(*options, console); }});
}

}  // namespace quorate::node
