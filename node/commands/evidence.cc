// quorate evidence verify, quorate evidence show

#include "ledger/evidence.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>
#include <variant>

#include "crypto/bcs.h"
#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/files.h"
#include "pbft/blame.h"

namespace quorate::node {
namespace {

// A proof against a vote carries what its view began with: VIEW-CHANGEs of a quorum.
constexpr std::size_t kEvidenceBytesMax = 64 << 20;
constexpr std::size_t kCachedSignatures = 1 << 12;

struct Options {
  NetworkOptions network;
  std::string file;
};

// What live replicas find, and what two ledgers prove (pbft/blame.h).
using AnyEvidence = std::variant<ledger::EvidenceFile, pbft::BlameFile>;

template <class File>
Result<AnyEvidence> decode_as(const std::string& name, ByteView bytes) {
  auto file = crypto::decode<File>(bytes);
  if (file) return AnyEvidence(std::move(*file));
  return fail(ErrorKind::kCorrupt, "evidence-malformed",
              fmt::format("{} is not an evidence file: {}", name, file.error().message));
}

// The format stands first, little-endian.
Result<AnyEvidence> read_evidence(const std::string& name) {
  QUORATE_ASSIGN(const std::string text, read_file(name, kEvidenceBytesMax));
  const ByteView bytes = as_bytes(text);
  const bool is_blame = bytes.size() >= 4 && bytes[0] == pbft::kBlameFormat && bytes[1] == 0 &&
                        bytes[2] == 0 && bytes[3] == 0;
  return is_blame ? decode_as<pbft::BlameFile>(name, bytes)
                  : decode_as<ledger::EvidenceFile>(name, bytes);
}

struct Claim {
  ledger::ReplicaId replica;
  std::string sentence;
  ledger::Digest chain_id;
};

Claim claim_of(const AnyEvidence& evidence) {
  if (const auto* found = std::get_if<ledger::EvidenceFile>(&evidence)) {
    return {ledger::accused(found->evidence), ledger::evidence_sentence(found->evidence),
            found->chain_id};
  }
  const auto& blame = std::get<pbft::BlameFile>(evidence);
  return {pbft::accused(blame.proof), pbft::blame_sentence(blame.proof), blame.chain_id};
}

Status check(const AnyEvidence& evidence, const ledger::Genesis& genesis) {
  crypto::SignatureCache cache(kCachedSignatures);
  const ledger::Digest chain_id = ledger::chain_id_of(genesis);
  const ledger::ReplicaSet replicas = ledger::genesis_replicas(genesis);
  if (const auto* found = std::get_if<ledger::EvidenceFile>(&evidence)) {
    return ledger::EvidenceVerifier(chain_id, &cache).check(*found, replicas);
  }
  return pbft::BlameVerifier(chain_id, &cache, replicas, genesis.parameters)
      .check(std::get<pbft::BlameFile>(evidence));
}

boost::json::object to_json(const Claim& claim, bool verified) {
  return {{"replica", claim.replica.value},
          {"sentence", claim.sentence},
          {"chain_id", claim.chain_id.hex()},
          {"verified", verified}};
}

Result<ExitCode> show(const Options& options, Console& console) {
  QUORATE_ASSIGN(const AnyEvidence evidence, read_evidence(options.file));
  const Claim claim = claim_of(evidence);
  console.line("claims: " + claim.sentence);
  console.line("network " + claim.chain_id.hex());
  console.remark("Nothing was verified; `quorate evidence verify` does that.");
  console.json(to_json(claim, false));
  return ExitCode::kSuccess;
}

Result<ExitCode> verify(const Options& options, Console& console) {
  QUORATE_ASSIGN(const AnyEvidence evidence, read_evidence(options.file));
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
  QUORATE_TRY(check(evidence, genesis.genesis));
  const Claim claim = claim_of(evidence);
  console.line("proved: " + claim.sentence);
  console.line(fmt::format("        replica {} of \"{}\" is {}", claim.replica.value,
                           genesis.genesis.name,
                           genesis.genesis.replicas[claim.replica.value].name));
  if (!options.network.genesis) console.remark(fmt::format("genesis: {}", genesis.path));
  console.json(to_json(claim, true));
  return ExitCode::kSuccess;
}

}  // namespace

void add_evidence_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("evidence", "Check proofs that a replica lied");
  line.add({.path = "evidence verify",
            .sentence = "Verify evidence offline, against nothing but the genesis document",
            .details = "Evidence is statements, signed by one replica, that an honest one does not "
                       "sign together.\nExit code 8: it does not verify.",
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
