#pragma once

// A receipt of a chain of proof of work: that a transaction stands in a block, and how much work
// stands on that block. Verified offline with the genesis document and the rules of the chain
// alone.
//
// It proves depth and work (pow/place_proof.h), and what the transaction did there only a node that
// executes the chain knows. The text is a file as ledger/proof_file.h has them; `proof` is BCS of
// DepthProof. Pure functions, thread-safe.

#include <string>

#include "pow/place_proof.h"

namespace quorate::pow {

struct DepthProof {
  PlaceProof place;
  ledger::SignedTransaction transaction;
};

struct DepthVerdict {
  ledger::TxId id;
  PlaceVerdict place;
};

// `body` is on the active chain and `index` among its transactions (checked). Error:
// "depth-receipt-too-large" (kUnsupported).
[[nodiscard]] Result<DepthProof> make_depth_proof(const Chain& chain, const Block& body,
                                                  std::size_t index);

// Errors: "depth-receipt-invalid" (kCorrupt) for what does not fit together, those of the headers'
// rules ("pow-..."), of the transaction ("tx-...") and of block 0 ("pow-genesis-wrong").
[[nodiscard]] Result<DepthVerdict> verify_depth(const DepthProof& proof,
                                                const ledger::Genesis& genesis,
                                                const Params& params);

[[nodiscard]] std::string depth_receipt_to_json(const DepthProof& proof);
// Errors: "depth-receipt-malformed" (kInvalid), "depth-receipt-newer" (kUnsupported),
// "depth-receipt-facts-differ" (kCorrupt).
[[nodiscard]] Result<DepthProof> parse_depth_receipt(std::string_view json);

}  // namespace quorate::pow
