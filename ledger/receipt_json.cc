// The bytes of a receipt, and its file form: facts for people, made from the proof beside them.

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/proof_file.h"
#include "ledger/receipt.h"
#include "ledger/transaction_json.h"

namespace quorate::ledger {
namespace {

constexpr ProofFileWords kWords = {"receipt", "receipt-malformed", "receipt-newer-format",
                                   "receipt-facts-differ"};

[[nodiscard]] JsonNode checkpoint_of(const StableEvidence& evidence) {
  JsonNode checkpoint = JsonNode::object();
  checkpoint.set("height", JsonNode::number(evidence.checkpoint.note.sequence.value));
  checkpoint.set("time_seconds", JsonNode::number(evidence.checkpoint.time_seconds));
  checkpoint.set("signers", signers_of(evidence.checkpoint.cosignatures));
  return checkpoint;
}

[[nodiscard]] JsonNode facts_of(const Receipt& receipt) {
  const BatchHeader& batch = receipt.record.batch;
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(receipt.format));
  facts.set("id", JsonNode::string(id_of(receipt.transaction.body).hex()));
  facts.set("chain_id", JsonNode::string(receipt.transaction.body.chain_id.hex()));
  facts.set("height", JsonNode::number(batch.sequence.value));
  facts.set("index", JsonNode::number(receipt.index));
  facts.set("outcome", JsonNode::string(std::string(outcome_code(receipt.result.outcome))));
  facts.set("failed_operation", receipt.result.failed_operation
                                    ? JsonNode::number(*receipt.result.failed_operation)
                                    : JsonNode::null());
  facts.set("agreed_time_ms", JsonNode::number(batch.time.value));
  const auto time = utc_text(batch.time);
  facts.set("agreed_time", time ? JsonNode::string(*time) : JsonNode::null());
  facts.set("effective_time_ms", JsonNode::number(receipt.record.effective_time.value));
  facts.set("transaction", to_json(receipt.transaction.body));
  facts.set("signers", signers_of(receipt.certificate.commits));
  if (receipt.checkpoint) facts.set("checkpoint", checkpoint_of(*receipt.checkpoint));
  if (!receipt.epochs.empty()) facts.set("epoch", JsonNode::number(receipt.record.epoch.value));
  set_proof(facts, encode_receipt(receipt));
  return facts;
}

}  // namespace

Bytes encode_receipt(const Receipt& receipt) {
  Bytes bytes = crypto::encode(receipt);
  if (receipt.epochs.empty()) bytes.pop_back();  // the count of none
  if (receipt.epochs.empty() && !receipt.checkpoint) bytes.pop_back();  // the option's tag
  return bytes;
}

Result<Receipt> decode_receipt(ByteView bytes) {
  Bytes whole(bytes.begin(), bytes.end());
  constexpr std::size_t kFormatBytes = sizeof(Receipt::format);
  if (whole.size() < kFormatBytes) return malformed(kWords, "proof: it is cut off");
  const auto format = crypto::decode<std::uint32_t>(bytes.first(kFormatBytes)).value();
  if (format == 0 || format > kReceiptFormat) {
    return fail(ErrorKind::kUnsupported, kWords.newer_format,
                fmt::format("the receipt has format {}; this program knows format 1 to {}", format,
                            kReceiptFormat),
                "Use the version of Quorate that made it, or a newer one.");
  }
  if (format == 1) whole.push_back(0);
  if (format < 3) whole.push_back(0);
  auto receipt = crypto::decode<Receipt>(whole);
  if (!receipt) return malformed(kWords, fmt::format("proof: {}", receipt.error().to_string()));
  if (format_of(*receipt) != format) {
    return malformed(kWords, fmt::format("proof: its parts are those of format {}, and it says {}",
                                         format_of(*receipt), format));
  }
  QUORATE_TRY(check_renderable(receipt->transaction.body, kWords));
  return receipt;
}

std::string receipt_to_json(const Receipt& receipt) { return to_json_text(facts_of(receipt)); }

Result<Receipt> parse_receipt(std::string_view json) {
  QUORATE_ASSIGN(const ProofFile file, open_proof_file(json, kWords, kReceiptFormat));
  QUORATE_ASSIGN(Receipt receipt, decode_receipt(file.proof));
  QUORATE_TRY(check_facts(file.root, facts_of(receipt), kWords));
  return receipt;
}

}  // namespace quorate::ledger
