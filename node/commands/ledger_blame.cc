// quorate ledger blame

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <filesystem>
#include <memory>

#include "crypto/bcs.h"
#include "ledger/evidence_file.h"
#include "ledger/membership.h"
#include "ledger/quorum.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/files.h"
#include "pbft/blame.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using ledger::Height;

constexpr std::size_t kCachedSignatures = 1 << 14;
constexpr std::uint64_t kProgressEvery = 1 << 16;
constexpr int kFoldersUp = 3;  // from a ledger to where a testnet has its genesis document

struct Options {
  NetworkOptions network;
  std::string one;
  std::string other;
  std::vector<std::string> also;
  std::optional<std::string> evidence;
};

using Stores = std::vector<ledger::StoppedStore>;

// --genesis, else the document in or above the first ledger, else the testnet's.
Result<GenesisFile> genesis_of(const Options& options) {
  NetworkOptions network = options.network;
  std::error_code ignored;
  fs::path folder = fs::absolute(options.one, ignored);
  for (int i = 0; !network.genesis && i < kFoldersUp; ++i) {
    const fs::path file = folder / "genesis.json";
    if (fs::exists(file, ignored)) network.genesis = file.string();
    folder = folder.parent_path();
  }
  return find_genesis(network);
}

// The first height at which both hold blocks that differ; nullopt: none.
Result<std::optional<Height>> first_difference(const ledger::Store& one, const ledger::Store& other,
                                               Console& console) {
  const Height last = std::min(one.height(), other.height());
  for (Height at = next(std::max(one.base(), other.base())); at <= last;
       at = next(at)) {
    QUORATE_ASSIGN(const ledger::Record left, one.record(at));
    QUORATE_ASSIGN(const ledger::Record right, other.record(at));
    if (left != right) return at;
    if (at.value % kProgressEvery == 0) {
      console.progress(fmt::format("{} of {} blocks are alike", at.value, last.value));
    }
  }
  return std::nullopt;
}

Result<ledger::CommitCertificate> certificate_at(const ledger::Store& store, Height height,
                                                 const ledger::CertificateVerifier& verifier,
                                                 const ledger::ReplicaSet& replicas) {
  QUORATE_ASSIGN(ledger::CommitCertificate certificate, store.certificate(height));
  QUORATE_TRY(verifier.check(certificate, replicas));
  return certificate;
}

// From any of the ledgers. One that holds other bytes under that name is as good as none.
pbft::TranscriptReader reader_of(const Stores& stores, const pbft::BlameVerifier& verifier) {
  return [&](const ledger::Digest& new_view) -> Result<std::optional<pbft::Transcript>> {
    for (const ledger::StoppedStore& each : stores) {
      QUORATE_ASSIGN(const std::optional<Bytes> bytes, each.store->transcript(new_view));
      if (!bytes) continue;
      auto transcript = crypto::decode<pbft::Transcript>(*bytes);
      if (transcript && pbft::view_vote(transcript->new_view.body).content == new_view &&
          verifier.check(*transcript)) {
        return std::move(*transcript);
      }
    }
    return std::nullopt;
  };
}

std::vector<std::uint16_t> voters_of(const ledger::CommitCertificate& certificate) {
  std::vector<std::uint16_t> ids;
  for (const auto& commit : certificate.commits) ids.push_back(commit.replica.value);
  return ids;
}

json::object print_side(Console& console, const std::string& folder,
                        const ledger::CommitCertificate& certificate) {
  const auto voters = voters_of(certificate);
  console.line(fmt::format("  batch {} of view {}, committed by replicas {}: {}",
                           certificate.batch.short_hex(), certificate.view.value,
                           fmt::join(voters, ", "), folder));
  return {{"ledger", folder},
          {"batch", certificate.batch.hex()},
          {"view", certificate.view.value},
          {"replicas", json::array(voters.begin(), voters.end())}};
}

// A proof of what live replicas can find as well goes into a file as they write it.
Bytes file_of(const pbft::BlameProof& proof, const ledger::Digest& chain_id) {
  if (const auto* votes = std::get_if<ledger::VoteEvidence>(&proof)) {
    return crypto::encode(ledger::EvidenceFile{ledger::kEvidenceFormat, chain_id, *votes});
  }
  return crypto::encode(pbft::BlameFile{pbft::kBlameFormat, chain_id, proof});
}

// Whose votes are contradicted, and what proves that they were the replicas. Both ledgers agree on
// all that came before, so on who voted.
struct Voters {
  ledger::ReplicaSet set;
  std::vector<ledger::EpochProof> epochs;
};
Result<Voters> voters_at(const ledger::Store& store, Height height,
                         const ledger::Genesis& genesis) {
  QUORATE_ASSIGN(const auto membership, ledger::Membership::read(store, genesis));
  const ledger::Epoch epoch = membership.epoch_at(height);
  QUORATE_ASSIGN(auto epochs, store.epoch_proofs(epoch));
  return Voters{membership.set_of(epoch), std::move(epochs)};
}

Result<std::string> write_proof(const Options& options, Height height,
                                const pbft::BlameProof& proof, const ledger::Digest& chain_id,
                                const std::vector<ledger::EpochProof>& epochs) {
  const fs::path folder(*options.evidence);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return fail(ErrorKind::kEnvironment, "evidence-write-failed",
                fmt::format("{}: {}", folder.string(), error.message()),
                "Name a folder of yours: --evidence DIR");
  }
  const fs::path file = folder / fmt::format("sequence-{}-replica-{}.evidence", height.value,
                                             pbft::accused(proof).value);
  QUORATE_TRY(replace_file(
      file, as_text(ledger::with_epochs(file_of(proof, chain_id), epochs))));
  return file.string();
}

Result<json::array> print_guilty(Console& console, const Options& options, Height height,
                                 const pbft::Blame& blame, const GenesisFile& genesis,
                                 const pbft::BlameVerifier& verifier,
                                 const std::vector<ledger::EpochProof>& epochs) {
  json::array guilty;
  for (const pbft::BlameStep& step : blame.steps) console.line("  " + pbft::blame_step_text(step));
  std::string first;
  for (const pbft::BlameProof& proof : blame.proofs) {
    QUORATE_TRY(verifier.check(proof));
    const std::uint16_t id = pbft::accused(proof).value;
    const std::string sentence = pbft::blame_sentence(proof);
    console.line(fmt::format("guilty  {}: {}", verifier.replicas().replicas[id].name, sentence));
    json::object object{{"replica", id}, {"sentence", sentence}};
    if (options.evidence) {
      QUORATE_ASSIGN(const std::string file,
                     write_proof(options, height, proof, verifier.chain_id(), epochs));
      object["evidence_file"] = file;
      if (first.empty()) first = file;
    }
    guilty.push_back(std::move(object));
  }
  const std::size_t n = verifier.replicas().size();
  console.line(fmt::format("{} of {} replicas are proved guilty; agreement holds while at most {} "
                           "are faulty", guilty.size(), n, ledger::faults_tolerated(n)));
  if (options.evidence) {
    console.line(fmt::format("  verify: quorate evidence verify {} --genesis {}", first,
                             genesis.path));
  } else {
    console.remark("--evidence DIR writes the proofs, for `quorate evidence verify`.");
  }
  return guilty;
}

ExitCode say_alike(Console& console, const ledger::Store& one, const ledger::Store& other) {
  const std::uint64_t from = std::max(one.base(), other.base()).value + 1;
  const std::uint64_t to = std::min(one.height(), other.height()).value;
  console.line(to < from ? "no contradiction: no block stands in both ledgers"
                         : fmt::format("no contradiction: sequences {} to {} are alike", from, to));
  console.json(json::object{{"contradiction", false}, {"first", from}, {"last", to}});
  return ExitCode::kSuccess;
}

Result<ExitCode> blame(const Options& options, Console& console) {
  QUORATE_ASSIGN(const GenesisFile genesis, genesis_of(options));
  const ledger::Digest chain_id = ledger::chain_id_of(genesis.genesis);
  if (!options.network.genesis) console.remark(fmt::format("genesis: {}", genesis.path));
  std::vector<std::string> folders = {options.one, options.other};
  folders.insert(folders.end(), options.also.begin(), options.also.end());
  Stores stores;
  for (const std::string& folder : folders) {
    QUORATE_ASSIGN(auto opened, ledger::open_stopped_store(folder, chain_id));
    stores.push_back(std::move(opened));
  }
  const ledger::Store& one = *stores[0].store;
  const ledger::Store& other = *stores[1].store;
  QUORATE_ASSIGN(const auto height, first_difference(one, other, console));
  if (!height) return say_alike(console, one, other);
  QUORATE_ASSIGN(const Voters voters, voters_at(one, *height, genesis.genesis));
  const ledger::ReplicaSet& replicas = voters.set;
  crypto::SignatureCache cache(kCachedSignatures);
  const ledger::CertificateVerifier certificates(chain_id, &cache);
  QUORATE_ASSIGN(const auto left, certificate_at(one, *height, certificates, replicas));
  QUORATE_ASSIGN(const auto right, certificate_at(other, *height, certificates, replicas));
  if (left.batch == right.batch) {
    return fail(ErrorKind::kCorrupt, "blame-results-differ",
                fmt::format("At sequence {} both ledgers have batch {}, and other results of it",
                            height->value, left.batch.short_hex()),
                "No vote contradicts another: one of the two executed wrongly. Audit both with "
                "`quorate ledger verify`.");
  }
  console.line(fmt::format("contradiction at sequence {}", height->value));
  json::array sides;
  sides.push_back(print_side(console, options.one, left));
  sides.push_back(print_side(console, options.other, right));
  const pbft::BlameVerifier verifier(chain_id, &cache, replicas, genesis.genesis.parameters);
  QUORATE_ASSIGN(const pbft::Blame found,
                 pbft::assign_blame(left, right, reader_of(stores, verifier), verifier));
  QUORATE_ASSIGN(json::array guilty,
                 print_guilty(console, options, *height, found, genesis, verifier, voters.epochs));
  json::array steps;
  for (const pbft::BlameStep& step : found.steps) steps.push_back(
      json::string(pbft::blame_step_text(step)));
  console.json(json::object{{"contradiction", true},
                            {"sequence", height->value},
                            {"sides", std::move(sides)},
                            {"steps", std::move(steps)},
                            {"guilty", std::move(guilty)}});
  return ExitCode::kUnsafe;
}

}  // namespace

void add_ledger_blame_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "ledger blame",
            .sentence = "Say who broke agreement, with proofs, from two ledgers that differ",
            .details =
                "Looks for the first sequence at which a quorum committed one batch in the first "
                "ledger and another in the second. That takes more than f liars; f+1 of them are "
                "named, each with a proof that anyone can verify, and never a correct replica. "
                "Where the two were committed in different views, it takes what opened the views, "
                "which ledgers keep.\nExit code 0: no contradiction; 13: there is one.",
            .example = "  quorate ledger blame left/replica-2 left/replica-3 --evidence proofs\n"
                       "  quorate ledger blame a/ledger b/ledger --genesis genesis.json --json",
            .parameters = {{.name = "LEDGER_A",
                            .help = "A ledger's folder, or the home of a stopped node",
                            .target = &options->one},
                           {.name = "LEDGER_B", .help = "Another's", .target = &options->other},
                           {.name = "--also", .value = "LEDGER",
                            .help = "One more, for what opened views; may be repeated",
                            .target = &options->also},
                           genesis_parameter(options->network),
                           {.name = "--evidence", .value = "DIR",
                            .help = "Write each proof to a file in this folder",
                            .target = &options->evidence}},
            .run = [options](Console& console) { return blame(*options, console); }});
}

}  // namespace quorate::node
