// The file form of a receipt: facts for people, made from the proof that stands beside them.

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/json_tree.h"
#include "ledger/receipt.h"
#include "ledger/transaction_json.h"

namespace quorate::ledger {
namespace {

// Above the largest transaction that a genesis can allow, in hex and again in base64.
constexpr std::size_t kReceiptBytesMax = 4 << 20;

[[nodiscard]] tl::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::kInvalid, "receipt-malformed", std::move(message),
              "Give the receipt file as the node wrote it, or fetch it again.");
}

[[nodiscard]] JsonNode facts_of(const Receipt& receipt) {
  const BatchHeader& batch = receipt.record.batch;
  const Bytes proof = crypto::encode(receipt);
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
  JsonNode signers = JsonNode::array();
  for (const Endorsement& commit : receipt.certificate.commits) {
    signers.push(JsonNode::number(commit.replica.value));
  }
  facts.set("signers", std::move(signers));
  // Ties facts and proof together byte by byte.
  facts.set("proof_sha256", JsonNode::string(crypto::sha256(proof).hex()));
  facts.set("proof", JsonNode::string(to_base64(proof)));
  return facts;
}

[[nodiscard]] std::string shown(const JsonNode* node) {
  return node == nullptr ? "nothing" : describe(*node);
}

// Precondition: they differ.
[[nodiscard]] tl::unexpected<Error> facts_differ(const JsonNode& file, const JsonNode& facts) {
  std::string what = "the order of its fields";
  for (const std::string& name : file.names) {
    const JsonNode* fact = facts.find(name);
    if (fact != nullptr && *fact == *file.find(name)) continue;
    what = fmt::format("the fact {} is {}; its proof says {}", describe(JsonNode::string(name)),
                       shown(file.find(name)), shown(fact));
    break;
  }
  for (const std::string& name : facts.names) {
    if (file.find(name) == nullptr) what = fmt::format("the fact \"{}\" is missing", name);
  }
  return fail(ErrorKind::kCorrupt, "receipt-facts-differ",
              fmt::format("the receipt does not say what its proof proves: {}", what),
              "Do not rely on this receipt; fetch it again, best from another node.");
}

}  // namespace

std::string receipt_to_json(const Receipt& receipt) { return to_json_text(facts_of(receipt)); }

Result<Receipt> parse_receipt(std::string_view json) {
  QUORATE_ASSIGN(const JsonNode root, parse_json(json, kReceiptBytesMax, "receipt-malformed"));
  if (root.kind != JsonKind::kObject) {
    return malformed(fmt::format("found {}; an object was expected", describe(root)));
  }
  const JsonNode* format = root.find("format");
  const std::string known = fmt::format("{}", kReceiptFormat);
  if (format == nullptr || format->kind != JsonKind::kNumber) {
    return malformed(fmt::format("format: found {}; {} was expected", shown(format), known));
  }
  if (format->text != known) {
    return fail(ErrorKind::kUnsupported, "receipt-newer-format",
                fmt::format("the receipt has format {}; this program knows format {}",
                            describe(*format), known),
                "Use the version of Quorate that made it, or a newer one.");
  }
  const JsonNode* proof = root.find("proof");
  if (proof == nullptr || proof->kind != JsonKind::kText) {
    return malformed(fmt::format("proof: found {}; base64 was expected", shown(proof)));
  }
  const auto bytes = from_base64(proof->text);
  if (!bytes) return malformed(fmt::format("proof: {}", bytes.error().message));
  auto receipt = crypto::decode<Receipt>(*bytes);
  if (!receipt) return malformed(fmt::format("proof: {}", receipt.error().to_string()));
  // What is rendered below stays within a small multiple of what was read.
  const std::size_t operations = receipt->transaction.body.operations.size();
  if (operations > kOperationsMax) {
    return malformed(fmt::format("proof: found {} operations; at most {} were expected", operations,
                                 kOperationsMax));
  }
  const JsonNode facts = facts_of(*receipt);
  if (facts != root) return facts_differ(root, facts);
  return std::move(*receipt);
}

}  // namespace quorate::ledger
