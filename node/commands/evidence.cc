// quorate evidence list, export, verify, show

#include "ledger/evidence.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <variant>

#include "crypto/bcs.h"
#include "crypto/bytes.h"
#include "ledger/evidence_file.h"
#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/time_text.h"
#include "pbft/blame.h"

namespace quorate::node {
namespace {

// A proof against a vote carries what its view began with: VIEW-CHANGEs of a quorum.
constexpr std::size_t kEvidenceBytesMax = 64 << 20;
constexpr std::size_t kCachedSignatures = 1 << 12;

struct Options {
  NetworkOptions network;
  std::string file;
  std::string offence;
  std::optional<std::uint64_t> replica;
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

struct ReadEvidence {
  AnyEvidence evidence;
  std::vector<ledger::EpochProof> epochs;
};

// The format stands first, little-endian.
Result<AnyEvidence> decode_file(const std::string& name, ByteView bytes) {
  const bool is_blame = bytes.size() >= 4 && bytes[0] == pbft::kBlameFormat && bytes[1] == 0 &&
                        bytes[2] == 0 && bytes[3] == 0;
  return is_blame ? decode_as<pbft::BlameFile>(name, bytes)
                  : decode_as<ledger::EvidenceFile>(name, bytes);
}

Result<ReadEvidence> read_evidence(const std::string& name) {
  QUORATE_ASSIGN(const std::string text, read_file(name, kEvidenceBytesMax));
  QUORATE_ASSIGN(ledger::OpenedEvidence opened, ledger::open_evidence(as_bytes(text)));
  QUORATE_ASSIGN(AnyEvidence evidence, decode_file(name, opened.file));
  return ReadEvidence{std::move(evidence), std::move(opened.epochs)};
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

// The replicas of the epoch that it is about, if it proves something.
Result<ledger::ReplicaSet> check(const ReadEvidence& read, const ledger::Genesis& genesis) {
  crypto::SignatureCache cache(kCachedSignatures);
  const ledger::Digest chain_id = ledger::chain_id_of(genesis);
  QUORATE_ASSIGN(const auto membership,
                 ledger::verify_epochs(read.epochs, {read.epochs.size()}, genesis, cache));
  const ledger::ReplicaSet& replicas = membership.current();
  if (const auto* found = std::get_if<ledger::EvidenceFile>(&read.evidence)) {
    QUORATE_TRY(ledger::EvidenceVerifier(chain_id, &cache).check(*found, replicas));
  } else {
    QUORATE_TRY(pbft::BlameVerifier(chain_id, &cache, replicas, genesis.parameters)
                    .check(std::get<pbft::BlameFile>(read.evidence)));
  }
  return replicas;
}

boost::json::object to_json(const Claim& claim, bool verified) {
  return {{"replica", claim.replica.value},
          {"sentence", claim.sentence},
          {"chain_id", claim.chain_id.hex()},
          {"verified", verified}};
}

Result<ExitCode> show(const Options& options, Console& console) {
  QUORATE_ASSIGN(const ReadEvidence read, read_evidence(options.file));
  const Claim claim = claim_of(read.evidence);
  console.line("claims: " + claim.sentence);
  console.line("network " + claim.chain_id.hex());
  console.remark("Nothing was verified; `quorate evidence verify` does that.");
  console.json(to_json(claim, false));
  return ExitCode::kSuccess;
}

Result<ExitCode> verify(const Options& options, Console& console) {
  QUORATE_ASSIGN(const ReadEvidence read, read_evidence(options.file));
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
  QUORATE_ASSIGN(const ledger::ReplicaSet replicas, check(read, genesis.genesis));
  const Claim claim = claim_of(read.evidence);
  console.line("proved: " + claim.sentence);
  console.line(fmt::format("        replica {} of \"{}\" is {}", claim.replica.value,
                           genesis.genesis.name,
                           replicas.replicas[claim.replica.value].name));
  if (!options.network.genesis) console.remark(fmt::format("genesis: {}", genesis.path));
  console.json(to_json(claim, true));
  return ExitCode::kSuccess;
}

Result<boost::json::value> ask(const Options& options) {
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  boost::json::object parameters;
  if (options.replica) parameters["replica"] = *options.replica;
  return nodes.call("quorate_evidence", parameters);
}

const boost::json::array& entries_of(const boost::json::value& answer) {
  static const boost::json::array kNone;
  const boost::json::value* entries = find_member(answer, "evidence");
  return entries != nullptr && entries->is_array() ? entries->get_array() : kNone;
}

Result<ExitCode> list(const Options& options, Console& console) {
  QUORATE_ASSIGN(const boost::json::value answer, ask(options));
  const boost::json::array& entries = entries_of(answer);
  for (const boost::json::value& each : entries) {
    console.line(text_member(each, "sentence").value_or("?"));
    console.line(fmt::format("  offence {}  recorded at height {}, {}",
                             text_member(each, "offence").value_or("?").substr(0, 16),
                             number_member(each, "height").value_or(0),
                             time_to_text({number_member(each, "time_ms").value_or(0)})));
    console.line(fmt::format("  transaction {}", text_member(each, "tx").value_or("?")));
  }
  if (entries.empty()) console.line("The ledger holds nothing against any replica.");
  if (!entries.empty()) {
    console.remark("Take one out with `quorate evidence export OFFENCE > FILE`.");
  }
  console.json(answer);
  return ExitCode::kSuccess;
}

Result<ExitCode> export_one(const Options& options, Console& console) {
  QUORATE_ASSIGN(const boost::json::value answer, ask(options));
  const boost::json::value* found = nullptr;
  for (const boost::json::value& each : entries_of(answer)) {
    if (options.offence.empty()) break;
    if (!text_member(each, "offence").value_or("").starts_with(options.offence)) continue;
    if (found != nullptr) {
      return fail(ErrorKind::kUsage, "offence-ambiguous",
                  fmt::format("Several offences begin with \"{}\"", options.offence),
                  "Give more digits of it.");
    }
    found = &each;
  }
  if (found == nullptr) {
    return fail(ErrorKind::kNotFound, "offence-not-found",
                fmt::format("The ledger holds no offence that begins with \"{}\"",
                            options.offence),
                "`quorate evidence list` names them.");
  }
  const auto bytes = from_base64(text_member(*found, "file").value_or("?"));
  if (!bytes) return tl::unexpected(bytes.error());
  console.raw(as_text(*bytes));
  console.remark(text_member(*found, "sentence").value_or("?"));
  return ExitCode::kSuccess;
}

}  // namespace

void add_evidence_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add_group("evidence", "Proofs that a replica lied: in the ledger, and in files");
  line.add({.path = "evidence list",
            .sentence = "List what the ledger holds against replicas",
            .details = "A node that finds two contradicting statements of one replica sends them "
                       "as a transaction,\nand each replica verifies them before they are "
                       "recorded: one proof an offence.",
            .example = "  quorate evidence list\n"
                       "  quorate evidence list --replica 3 --node http://127.0.0.1:26650 --json",
            .parameters = {node_parameter(options->network),
                           {.name = "--replica",
                            .value = "N",
                            .help = "Of this one alone",
                            .target = &options->replica}},
            .run = [options](Console& console) { return list(*options, console); }});
  line.add({.path = "evidence export",
            .sentence = "Take one proof out of the ledger, as a file for `evidence verify`",
            .details = "Writes to standard output.",
            .example = "  quorate evidence export 5f21 > liar.evidence\n"
                       "  quorate evidence verify liar.evidence --genesis genesis.json",
            .parameters = {{.name = "OFFENCE",
                            .help = "As `evidence list` names it; its first digits are enough",
                            .target = &options->offence},
                           node_parameter(options->network)},
            .run = [options](Console& console) { return export_one(*options, console); }});
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
