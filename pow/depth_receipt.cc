#include "pow/depth_receipt.h"

#include <algorithm>
#include <limits>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/proof_file.h"
#include "pow/header_run.h"
#include "pow/memory_chain.h"

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

tl::unexpected<Error> invalid_receipt(std::string message) {
  return fail(ErrorKind::kCorrupt, "depth-receipt-invalid", std::move(message),
              "Ask a node for the receipt anew; this one proves nothing.");
}

std::size_t header_count(const DepthProof& proof) { return proof.headers.size() / kHeaderBytes; }

Header header_at(const DepthProof& proof, std::size_t index) {
  return decode_header(
      ByteView(proof.headers).subspan(index * kHeaderBytes).first<kHeaderBytes>());
}

// Block 0 follows from the genesis document and the limit, but for its nonce.
Status check_first(const Header& header, const ledger::Genesis& genesis, const Params& params) {
  QUORATE_ASSIGN(Block draft, draft_block_0(genesis, params));
  Header expected = draft.header;
  expected.nonce = header.nonce;
  if (header != expected) {
    return fail(ErrorKind::kRejected, reject_code(Reject::kGenesisWrong),
                "block 0 of the receipt does not follow from this genesis document and these rules",
                "Name the genesis document and the rules that the chain was made with.");
  }
  return check_block_0(*finish_block(std::move(draft), header), genesis, params);
}

JsonNode facts_of(const DepthProof& proof) {
  const std::size_t count = header_count(proof);
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(kFormat));
  facts.set("kind", JsonNode::string("depth-receipt"));
  facts.set("id", JsonNode::string(ledger::id_of(proof.transaction.body).hex()));
  facts.set("chain_id", JsonNode::string(proof.transaction.body.chain_id.hex()));
  facts.set("height", JsonNode::number(proof.height));
  facts.set("depth", JsonNode::number(count - proof.height));
  facts.set("block", JsonNode::string(display_hex(hash_of(header_at(proof, proof.height)))));
  facts.set("tip", JsonNode::string(display_hex(hash_of(header_at(proof, count - 1)))));
  ledger::set_proof(facts, crypto::encode(proof));
  return facts;
}

// What everything else reads without looking.
Status check_shape(const DepthProof& proof) {
  const std::size_t count = header_count(proof);
  const bool is_whole = proof.headers.size() % kHeaderBytes == 0 && count >= 1 &&
                        count <= kReceiptHeadersMax && proof.height < count;
  if (is_whole && proof.branch.size() <= kMerkleDepthMax) return {};
  return malformed(kReceiptWords,
                   "proof: found " + std::to_string(proof.headers.size()) +
                       " bytes of headers and height " + std::to_string(proof.height) +
                       ", expected whole headers, the block's among them");
}

}  // namespace

Result<DepthProof> make_depth_proof(const Chain& chain, const Block& body, std::size_t index) {
  const TreeNode* node = chain.find(body.hash);
  QUORATE_CHECK(node != nullptr && chain.depth(body.hash), "the block is on the active chain");
  QUORATE_CHECK(index < body.transactions.size(), "the transaction is in the block");
  const std::uint64_t tip = chain.tip().height.value;
  if (tip >= kReceiptHeadersMax) {
    return fail(ErrorKind::kUnsupported, "depth-receipt-too-large",
                "the chain has " + std::to_string(tip + 1) + " headers, a receipt at most " +
                    std::to_string(kReceiptHeadersMax),
                "Verify the chain with a node of your own.");
  }
  DepthProof proof;
  for (std::uint64_t height = 0; height <= tip; ++height) {
    const HeaderBytes bytes = encode_header(chain.at({height})->header);
    proof.headers.insert(proof.headers.end(), bytes.begin(), bytes.end());
  }
  proof.height = node->height();
  proof.index = index + 1;
  proof.branch = merkle_branch(block_leaves(body.coinbase, body.transactions), index + 1);
  proof.transaction = *body.transactions[index]->signed_transaction;
  return proof;
}

Result<DepthVerdict> verify_depth(const DepthProof& proof, const ledger::Genesis& genesis,
                                  const Params& params) {
  QUORATE_TRY(check_shape(proof));
  const std::size_t count = header_count(proof);
  const Header first = header_at(proof, 0);
  QUORATE_TRY(check_first(first, genesis, params));
  Params rules = params;
  rules.genesis.reset();  // of Bitcoin's own networks; ours follows from the genesis document
  QUORATE_ASSIGN(HeaderRun run, HeaderRun::start(rules, Height{0}, first, std::nullopt));
  U256 work_below = u256(0);
  Digest block = run.tip().hash;
  for (std::size_t i = 1; i < count; ++i) {
    if (i == proof.height) work_below = run.tip().work;
    QUORATE_TRY(run.append(header_at(proof, i), std::numeric_limits<std::uint32_t>::max()));
    if (i == proof.height) block = run.tip().hash;
  }
  crypto::SignatureCache signatures;
  const ledger::TransactionVerifier verifier(genesis, ledger::chain_id_of(genesis), &signatures);
  QUORATE_ASSIGN(const auto transaction, verifier.check(ledger::SignedTransaction(
                                             proof.transaction)));
  const Digest leaf = sha256d(crypto::encode(proof.transaction));
  const auto root = root_of_branch(leaf, proof.index, proof.branch);
  const Digest expected = header_at(proof, proof.height).merkle_root;
  if (proof.index == 0 || !root || *root != expected) {
    return invalid_receipt("its Merkle branch does not lead from the transaction to the root " +
                           display_hex(expected) + " of the block at height " +
                           std::to_string(proof.height));
  }
  const ChainPoint& tip = run.tip();
  return DepthVerdict{transaction->id, Height{proof.height}, block, count - proof.height,
                      tip.hash,        tip.time,             difference(tip.work, work_below)};
}

std::string depth_receipt_to_json(const DepthProof& proof) {
  return to_json_text(facts_of(proof));
}

Result<DepthProof> parse_depth_receipt(std::string_view json) {
  QUORATE_ASSIGN(const ledger::ProofFile file,
                 ledger::open_proof_file(json, kReceiptWords, kFormat));
  auto proof = crypto::decode<DepthProof>(file.proof);
  if (!proof) return malformed(kReceiptWords, "proof: " + proof.error().message);
  QUORATE_TRY(check_shape(*proof));
  QUORATE_TRY(ledger::check_renderable(proof->transaction.body, kReceiptWords));
  QUORATE_TRY(ledger::check_facts(file.root, facts_of(*proof), kReceiptWords));
  return std::move(*proof);
}

}  // namespace quorate::pow
