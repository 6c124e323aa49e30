// quorate evidence verify, quorate evidence show

#include "ledger/evidence.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "crypto/bcs.h"
#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/files.h"

namespace quorate::node {
namespace {

constexpr std::size_t kEvidenceBytesMax = 1 << 20;

struct Options {
  NetworkOptions network;
  std::string file;
};

Result<ledger::EvidenceFile> read_evidence(const std::string& file) {
  QUORATE_ASSIGN(const std::string bytes, read_file(file, kEvidenceBytesMax));
  auto evidence = crypto::decode<ledger::EvidenceFile>(as_bytes(bytes));
  if (evidence) return std::move(*evidence);
  return fail(ErrorKind::kCorrupt, "evidence-malformed",
              fmt::format("{} is not an evidence file: {}", file, evidence.error().message));
}

boost::json::object to_json(const ledger::EvidenceFile& file, bool verified) {
  return {{"replica", ledger::accused(file.evidence).value},
          {"sentence", ledger::evidence_sentence(file.evidence)},
          {"chain_id", file.chain_id.hex()},
          {"verified", verified}};
}

Result<ExitCode> show(const Options& options, Console& console) {
  QUORATE_ASSIGN(const ledger::EvidenceFile file, read_evidence(options.file));
  console.line("claims: " + ledger::evidence_sentence(file.evidence));
  console.line("network " + file.chain_id.hex());
  console.remark("Nothing was verified; `quorate evidence verify` does that.");
  console.json(to_json(file, false));
  return ExitCode::kSuccess;
}

Result<ExitCode> verify(const Options& options, Console& console) {
  QUORATE_ASSIGN(const ledger::EvidenceFile file, read_evidence(options.file));
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
  crypto::SignatureCache cache(1);
  const ledger::EvidenceVerifier verifier(ledger::chain_id_of(genesis.genesis), &cache);
  QUORATE_TRY(verifier.check(file, ledger::genesis_replicas(genesis.genesis)));
  const ledger::ReplicaId accused = ledger::accused(file.evidence);
  console.line("proved: " + ledger::evidence_sentence(file.evidence));
  console.line(fmt::format("        replica {} of \"{}\" is {}", accused.value,
                           genesis.genesis.name,
                           genesis.genesis.replicas[accused.value].name));
  if (!options.network.genesis) console.remark(fmt::format("genesis: {}", genesis.path));
  console.json(to_json(file, true));
  return ExitCode::kSuccess;
}

}  // namespace

void add_evidence_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("evidence", "Check proofs that a replica lied");
  line.add({.path = "evidence verify",
            .sentence = "Verify evidence offline, against nothing but the genesis document",
            .details = "Evidence is two statements, signed by one replica, of which an honest one "
                       "signs at most one.\nExit code 8: it does not verify.",
            .example = "  quorate evidence verify file.evidence --genesis genesis.json",
            .parameters = {{.name = "FILE", .help = "The evidence", .target = &options->file},
                           genesis_parameter(options->network)},
            .run = [options](Console& console) { return verify(*options, console); }});
  line.add({.path = "evidence show",
            .sentence = "Say in one sentence what an evidence file claims",
            .details = "Verifies nothing.",
            .example = "  quorate evidence show file.evidence",
            .parameters = {{.name = "FILE", .help = "The evidence", .target = &options->file}},
            .run = [options](Console& console) { return show(*options, console); }});
}

}  // namespace quorate::node
