#include "pow/anchored_receipt.h"

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "crypto/merkle.h"
#include "ledger/proof_file.h"

namespace quorate::pow {
namespace {

using ledger::JsonNode;

constexpr std::uint32_t kFormat = 1;
constexpr std::string_view kKind = "anchored-receipt";
constexpr std::size_t kFileBytesMax = 16 << 20;
constexpr ledger::ProofFileWords kAnchoredWords = {
    .name = "anchored receipt",
    .malformed = "anchored-receipt-malformed",
    .newer_format = "anchored-receipt-newer",
    .differs = "anchored-receipt-facts-differ",
};

Result<ledger::Receipt> receipt_in(const AnchoredReceipt& proof) {
  QUORATE_ASSIGN(ledger::Receipt receipt, ledger::decode_receipt(proof.receipt));
  QUORATE_TRY(ledger::check_renderable(receipt.transaction.body, kAnchoredWords));
  return receipt;
}

JsonNode anchored_facts(const AnchoredReceipt& proof, const ledger::Receipt& receipt) {
  const PlaceProof& place = proof.place;
  const std::size_t count = header_count(place);
  const ledger::CheckpointNote& note = proof.anchor.checkpoint.note;
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(kFormat));
  facts.set("kind", JsonNode::string(std::string(kKind)));
  facts.set("id", JsonNode::string(ledger::id_of(receipt.transaction.body).hex()));
  facts.set("chain_id", JsonNode::string(receipt.transaction.body.chain_id.hex()));
  facts.set("height", JsonNode::number(receipt.record.batch.sequence.value));
  facts.set("outcome", JsonNode::string(std::string(ledger::outcome_code(receipt.result.outcome))));
  JsonNode anchor = JsonNode::object();
  anchor.set("size", JsonNode::number(note.head.size));
  anchor.set("root", JsonNode::string(note.head.root.hex()));
  anchor.set("block", JsonNode::string(display_hex(hash_of(header_at(place, place.height)))));
  anchor.set("block_height", JsonNode::number(place.height));
  anchor.set("depth", JsonNode::number(count - place.height));
  anchor.set("tip", JsonNode::string(display_hex(hash_of(header_at(place, count - 1)))));
  facts.set("anchor", std::move(anchor));
  ledger::set_proof(facts, crypto::encode(proof));
  return facts;
}

Status check_anchored_shape(const AnchoredReceipt& proof) {
  if (is_whole(proof.place)) return {};
  return malformed(kAnchoredWords,
                   "proof: found " + std::to_string(proof.place.headers.size()) +
                       " bytes of headers and height " + std::to_string(proof.place.height) +
                       ", expected whole headers, the block's among them");
}

}  // namespace

Result<Params> anchor_params(const ledger::Genesis& genesis) {
  if (genesis.pow && genesis.pow->carries == ledger::ChainCarries::kAnchors) {
    return params_of(*genesis.pow);
  }
  return fail(ErrorKind::kUnsupported, "genesis-without-anchors",
              "the genesis document of \"" + genesis.name +
                  "\" has no chain of proof of work that carries anchors, and one was expected",
              "Anchors are of networks with both engines: `quorate testnet up --engine both`.");
}

Result<AnchoredReceipt> make_anchored_receipt(const ledger::Store& store, const ledger::TxId& id,
                                              const Chain& chain, const Block& body,
                                              std::size_t anchor_index) {
  QUORATE_CHECK(anchor_index < body.anchors.size(), "the anchor is in the block");
  const AnchorPtr& anchor = body.anchors[anchor_index];
  QUORATE_ASSIGN(const ledger::Receipt receipt, ledger::make_receipt(store, id));
  AnchoredReceipt proof;
  proof.receipt = ledger::encode_receipt(receipt);
  proof.anchor = anchor->anchor;
  QUORATE_ASSIGN(proof.record_path, store.inclusion_path(receipt.record.batch.sequence,
                                                         anchor->note().head.size));
  QUORATE_ASSIGN(proof.place, make_place_proof(chain, body, anchor_index));
  return proof;
}

Result<AnchoredVerdict> verify_anchored(const AnchoredReceipt& proof,
                                        const ledger::Genesis& genesis) {
  QUORATE_TRY(check_anchored_shape(proof));
  QUORATE_ASSIGN(const Params params, anchor_params(genesis));
  QUORATE_ASSIGN(ledger::Receipt receipt, receipt_in(proof));
  QUORATE_ASSIGN(const ledger::ReceiptVerdict order, ledger::verify_receipt(receipt, genesis));
  QUORATE_ASSIGN(const AnchorPtr anchor, AnchorVerifier(genesis).check(proof.anchor));
  const ledger::TreeHead& head = anchor->note().head;
  const std::uint64_t sequence = receipt.record.batch.sequence.value;
  if (!crypto::merkle::verify_inclusion(ledger::record_leaf(receipt.record), sequence - 1,
                                        head.size, proof.record_path, head.root)) {
    return fail(ErrorKind::kCorrupt, "anchored-receipt-other-history",
                "the record of sequence " + std::to_string(sequence) +
                    " is not in the log of " + std::to_string(head.size) + " records with root " +
                    head.root.hex() + " that the anchor names",
                "Ask a node for the receipt anew; if the anchor is in the chain with the most "
                "work, the history that this receipt is from is not the one that was anchored.");
  }
  QUORATE_ASSIGN(const PlaceVerdict place,
                 verify_place(proof.place, crypto::encode(proof.anchor), genesis, params));
  return AnchoredVerdict{std::move(receipt), order, anchor->note(),
                         anchor->anchor.checkpoint.cosignatures.size(), place};
}

std::string anchored_receipt_to_json(const AnchoredReceipt& proof) {
  const auto receipt = receipt_in(proof);
  QUORATE_CHECK(receipt && is_whole(proof.place), "a proof that was made or parsed here");
  return to_json_text(anchored_facts(proof, *receipt));
}

Result<AnchoredReceipt> parse_anchored_receipt(std::string_view json) {
  QUORATE_ASSIGN(const ledger::ProofFile file,
                 ledger::open_proof_file(json, kAnchoredWords, kFormat));
  auto proof = crypto::decode<AnchoredReceipt>(file.proof);
  if (!proof) return malformed(kAnchoredWords, "proof: " + proof.error().message);
  QUORATE_TRY(check_anchored_shape(*proof));
  QUORATE_ASSIGN(const ledger::Receipt receipt, receipt_in(*proof));
  QUORATE_TRY(ledger::check_facts(file.root, anchored_facts(*proof, receipt), kAnchoredWords));
  return std::move(*proof);
}

bool is_anchored_receipt(std::string_view json) {
  const auto root = ledger::parse_json(json, kFileBytesMax, kAnchoredWords.malformed);
  const JsonNode* kind = root ? root->find("kind") : nullptr;
  return kind != nullptr && kind->kind == ledger::JsonKind::kText && kind->text == kKind;
}

}  // namespace quorate::pow
