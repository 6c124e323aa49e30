#include "pow/depth_receipt.h"

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/proof_file.h"

namespace quorate::pow {
namespace {

using ledger::JsonNode;

constexpr std::uint32_t kFormat = 1;
constexpr ledger::ProofFileWords kReceiptWords = {
    .name = "depth receipt",
    .malformed = "depth-receipt-malformed",
    .newer_format = "depth-receipt-newer",
    .differs = "depth-receipt-facts-differ",
};

JsonNode facts_of(const DepthProof& proof) {
  const PlaceProof& place = proof.place;
  const std::size_t count = header_count(place);
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(kFormat));
  facts.set("kind", JsonNode::string("depth-receipt"));
  facts.set("id", JsonNode::string(ledger::id_of(proof.transaction.body).hex()));
  facts.set("chain_id", JsonNode::string(proof.transaction.body.chain_id.hex()));
  facts.set("height", JsonNode::number(place.height));
  facts.set("depth", JsonNode::number(count - place.height));
  facts.set("block", JsonNode::string(display_hex(hash_of(header_at(place, place.height)))));
  facts.set("tip", JsonNode::string(display_hex(hash_of(header_at(place, count - 1)))));
  ledger::set_proof(facts, crypto::encode(proof));
  return facts;
}

Status check_shape(const PlaceProof& place) {
  if (is_whole(place)) return {};
  return malformed(kReceiptWords,
                   "proof: found " + std::to_string(place.headers.size()) +
                       " bytes of headers and height " + std::to_string(place.height) +
                       ", expected whole headers, the block's among them");
}

}  // namespace

Result<DepthProof> make_depth_proof(const Chain& chain, const Block& body, std::size_t index) {
  QUORATE_CHECK(index < body.transactions.size(), "the transaction is in the block");
  QUORATE_ASSIGN(PlaceProof place, make_place_proof(chain, body, index));
  return DepthProof{std::move(place), *body.transactions[index]->signed_transaction};
}

Result<DepthVerdict> verify_depth(const DepthProof& proof, const ledger::Genesis& genesis,
                                  const Params& params) {
  QUORATE_TRY(check_shape(proof.place));
  QUORATE_ASSIGN(const PlaceVerdict place,
                 verify_place(proof.place, crypto::encode(proof.transaction), genesis, params));
  crypto::SignatureCache signatures;
  const ledger::TransactionVerifier verifier(genesis, ledger::chain_id_of(genesis), &signatures);
  QUORATE_ASSIGN(const auto transaction, verifier.check(ledger::SignedTransaction(
                                             proof.transaction)));
  return DepthVerdict{transaction->id, place};
}

std::string depth_receipt_to_json(const DepthProof& proof) {
  return to_json_text(facts_of(proof));
}

Result<DepthProof> parse_depth_receipt(std::string_view json) {
  QUORATE_ASSIGN(const ledger::ProofFile file,
                 ledger::open_proof_file(json, kReceiptWords, kFormat));
  auto proof = crypto::decode<DepthProof>(file.proof);
  if (!proof) return malformed(kReceiptWords, "proof: " + proof.error().message);
  QUORATE_TRY(check_shape(proof->place));
  QUORATE_TRY(ledger::check_renderable(proof->transaction.body, kReceiptWords));
  QUORATE_TRY(ledger::check_facts(file.root, facts_of(*proof), kReceiptWords));
  return std::move(*proof);
}

}  // namespace quorate::pow
