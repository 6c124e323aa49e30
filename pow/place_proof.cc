#include "pow/place_proof.h"

#include <limits>

#include "crypto/check.h"
#include "pow/header_run.h"
#include "pow/memory_chain.h"

namespace quorate::pow {
namespace {

tl::unexpected<Error> invalid_place(std::string message) {
  return fail(ErrorKind::kCorrupt, "depth-receipt-invalid", std::move(message),
              "Ask a node for the receipt anew; this one proves nothing.");
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

}  // namespace

std::size_t header_count(const PlaceProof& proof) { return proof.headers.size() / kHeaderBytes; }

Header header_at(const PlaceProof& proof, std::size_t index) {
  QUORATE_CHECK(index < header_count(proof), "a header of the proof");
  return decode_header(
      ByteView(proof.headers).subspan(index * kHeaderBytes).first<kHeaderBytes>());
}

bool is_whole(const PlaceProof& proof) {
  const std::size_t count = header_count(proof);
  return proof.headers.size() % kHeaderBytes == 0 && count >= 1 && count <= kReceiptHeadersMax &&
         proof.height < count && proof.branch.size() <= kMerkleDepthMax;
}

Result<PlaceProof> make_place_proof(const Chain& chain, const Block& body, std::size_t index) {
  const TreeNode* node = chain.find(body.hash);
  QUORATE_CHECK(node != nullptr && chain.depth(body.hash), "the block is on the active chain");
  QUORATE_CHECK(index < body.size(), "it is in the block");
  const std::uint64_t tip = chain.tip().height.value;
  if (tip >= kReceiptHeadersMax) {
    return fail(ErrorKind::kUnsupported, "depth-receipt-too-large",
                "the chain has " + std::to_string(tip + 1) + " headers, a receipt at most " +
                    std::to_string(kReceiptHeadersMax),
                "Verify the chain with a node of your own.");
  }
  PlaceProof proof;
  for (std::uint64_t height = 0; height <= tip; ++height) {
    const HeaderBytes bytes = encode_header(chain.at({height})->header);
    proof.headers.insert(proof.headers.end(), bytes.begin(), bytes.end());
  }
  proof.height = node->height();
  proof.index = index + 1;
  proof.branch = merkle_branch(block_leaves(body), index + 1);
  return proof;
}

Result<PlaceVerdict> verify_place(const PlaceProof& proof, ByteView entry,
                                  const ledger::Genesis& genesis, const Params& params) {
  QUORATE_CHECK(is_whole(proof), "looked at before");
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
  const auto root = root_of_branch(sha256d(entry), proof.index, proof.branch);
  const Digest expected = header_at(proof, proof.height).merkle_root;
  if (proof.index == 0 || !root || *root != expected) {
    return invalid_place("its Merkle branch does not lead from what it is about to the root " +
                         display_hex(expected) + " of the block at height " +
                         std::to_string(proof.height));
  }
  const ChainPoint& tip = run.tip();
  return PlaceVerdict{Height{proof.height}, block,    count - proof.height,
                      tip.hash,             tip.time, difference(tip.work, work_below)};
}

}  // namespace quorate::pow
