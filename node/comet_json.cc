#include "node/comet_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "crypto/signing.h"
#include "ledger/membership.h"
#include "node/time_text.h"
#include "node/tx_codes.h"
#include "pbft/message.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::size_t kAddressBytes = 20;
// CometBFT's block protocol, which these shapes follow, and our records' format.
constexpr std::string_view kBlockProtocol = "11";
constexpr std::string_view kRecordFormat = "1";
constexpr int kFlagAbsent = 1;
constexpr int kFlagCommit = 2;
constexpr std::string_view kNoTime = "0001-01-01T00:00:00Z";

json::object empty_block_id() {
  return {{"hash", ""}, {"parts", json::object{{"total", 0}, {"hash", ""}}}};
}

using Replicas = std::vector<ledger::ReplicaInfo>;

// Those of an epoch; empty where the state cannot be read.
Replicas replicas_of(const NodeView& view, ledger::Epoch epoch) {
  auto set = ledger::read_replicas(view.store.view(), view.genesis, epoch);
  return set && *set ? std::move((*set)->replicas) : Replicas{};
}

// Those of the block after this one.
Replicas replicas_after(const NodeView& view, const ledger::Record& record) {
  const auto start = ledger::read_epoch_start(view.store.view(), next(record.epoch));
  const bool is_last = start && *start && (*start)->boundary == record.batch.sequence;
  return replicas_of(view, is_last ? next(record.epoch) : record.epoch);
}

// The replicas whose keys vote.
std::string validators_hash(const Replicas& replicas) {
  std::vector<ledger::PublicKey> keys;
  for (const ledger::ReplicaInfo& replica : replicas) keys.push_back(replica.vote_key);
  return upper_hex(crypto::digest_of("comet-validators", keys).bytes);
}

std::string proposer_address(const Replicas& replicas,
                             const ledger::CommitCertificate& certificate) {
  if (replicas.empty()) return "";
  const ledger::ReplicaId primary = pbft::primary_of(certificate.view, replicas.size());
  return validator_address(replicas[primary.value].vote_key);
}

json::object absent_signature() {
  return {{"block_id_flag", kFlagAbsent},
          {"validator_address", ""},
          {"timestamp", kNoTime},
          {"signature", nullptr}};
}

}  // namespace

std::string upper_hex(ByteView bytes) {
  std::string text = to_hex(bytes);
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

std::string decimal(std::uint64_t number) { return std::to_string(number); }

RpcExpected<CometBlock> read_comet_block(const ledger::Store& store, ledger::Height height) {
  CometBlock block;
  QUORATE_ASSIGN(block.record, answered(store.record(height)));
  QUORATE_ASSIGN(block.certificate, answered(store.certificate(height)));
  if (height.value > store.base().value + 1) {
    QUORATE_ASSIGN(block.previous, answered(store.record({height.value - 1})));
  }
  return block;
}

RpcExpected<ledger::Height> height_param(const NodeView& view, const RpcParams& params) {
  const ledger::Height latest = view.store.height();
  QUORATE_ASSIGN(const auto height, params.number("height", 1, UINT64_MAX));
  if (height && *height <= latest.value) return ledger::Height{*height};
  if (!height && latest.value > 0) return latest;
  return tl::unexpected(rpc_error_of(
      {ErrorKind::kNotFound, "block-not-found",
       height ? fmt::format("There is no block {} here; the latest is {}", *height, latest.value)
              : std::string("There is no block here yet"),
       "Ask for an earlier one, or wait: the node may be catching up, and an idle network makes no "
       "blocks."}));
}

std::string validator_address(const ledger::PublicKey& vote_key) {
  const ledger::Digest digest = crypto::sha256(vote_key.bytes);
  return upper_hex(ByteView(digest.bytes).first(kAddressBytes));
}

json::object public_key_json(const ledger::PublicKey& key) {
  return {{"type", "tendermint/PubKeyEd25519"}, {"value", to_base64(key.bytes)}};
}

std::string block_hash(const ledger::Record& record) {
  return upper_hex(ledger::record_leaf(record).bytes);
}

std::string app_hash(const ledger::Record& record) { return upper_hex(record.results_root.bytes); }

json::object block_id_json(const ledger::Record& record) {
  return {{"hash", block_hash(record)},
          {"parts", json::object{{"total", 1},
                                 {"hash", upper_hex(digest_of_batch(record.batch).bytes)}}}};
}

json::object header_json(const NodeView& view, const CometBlock& block) {
  const Replicas replicas = replicas_of(view, block.record.epoch);
  return {{"version", json::object{{"block", kBlockProtocol}, {"app", kRecordFormat}}},
          {"chain_id", view.chain_id.hex()},
          {"height", decimal(block.height().value)},
          {"time", time_to_text(block.record.effective_time)},
          {"last_block_id", block.previous ? block_id_json(*block.previous) : empty_block_id()},
          {"last_commit_hash", ""},
          {"data_hash", upper_hex(block.record.batch.transaction_root.bytes)},
          {"validators_hash", validators_hash(replicas)},
          {"next_validators_hash", validators_hash(replicas_after(view, block.record))},
          {"consensus_hash", upper_hex(view.chain_id.bytes)},
          {"app_hash", app_hash(block.record)},
          {"last_results_hash", block.previous ? app_hash(*block.previous) : ""},
          {"evidence_hash", ""},
          {"proposer_address", proposer_address(replicas, block.certificate)}};
}

json::object commit_json(const NodeView& view, const ledger::Record& record,
                         const ledger::CommitCertificate& certificate) {
  json::array signatures;
  const Replicas replicas = replicas_of(view, certificate.epoch);
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    const auto vote = std::find_if(
        certificate.commits.begin(), certificate.commits.end(),
        [i](const ledger::Endorsement& commit) { return commit.replica.value == i; });
    if (vote == certificate.commits.end()) {
      signatures.push_back(absent_signature());
      continue;
    }
    signatures.push_back(json::object{
        {"block_id_flag", kFlagCommit},
        {"validator_address", validator_address(replicas[i].vote_key)},
        {"timestamp", time_to_text(record.effective_time)},
        {"signature", to_base64(vote->signature.bytes)}});
  }
  return {{"height", decimal(certificate.sequence.value)},
          {"round", certificate.view.value},
          {"block_id", block_id_json(record)},
          {"signatures", std::move(signatures)}};
}

json::object block_extras(const CometBlock& block) {
  const ledger::BatchHeader& batch = block.record.batch;
  return {{"epoch", block.record.epoch.value},
          {"view", block.certificate.view.value},
          {"sequence", batch.sequence.value},
          {"level", level_text(Level::kReplicated)},
          {"is_null", (batch.flags & ledger::kFlagNull) != 0},
          {"agreed_time_ms", batch.time.value},
          {"effective_time_ms", block.record.effective_time.value},
          {"batch_digest", digest_of_batch(batch).hex()},
          {"record", to_base64(crypto::encode(block.record))},
          {"certificate", to_base64(crypto::encode(block.certificate))}};
}

json::object tx_result_json(ledger::Outcome outcome,
                            std::optional<std::uint32_t> failed_operation) {
  const bool applied = outcome == ledger::Outcome::kApplied;
  json::object result{{"code", number_of_outcome(outcome)},
                      {"data", ""},
                      {"log", applied ? std::string_view() : outcome_sentence(outcome)},
                      {"info", ""},
                      {"gas_wanted", "0"},
                      {"gas_used", "0"},
                      {"events", json::array{}},
                      {"codespace", applied ? std::string_view() : kCodespace}};
  json::object extras{{"code", outcome_code(outcome)}};
  if (failed_operation) extras["failed_operation"] = *failed_operation;
  result["quorate"] = std::move(extras);
  return result;
}

}  // namespace quorate::node
