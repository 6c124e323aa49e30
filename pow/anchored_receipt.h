#pragma once

// A receipt of a transaction whose checkpoint is buried in the network's chain of proof of work:
// what replicas signed (ledger/receipt.h), and the work that stands on it. Verified offline with
// the genesis document alone, which has the rules of the chain.
//
// The record of the transaction is in the log that the anchor names, and the anchor stands in a
// block of these headers. It proves that a history with this record was cosigned before that work
// was done; not that no chain has more work, nor that no block below carries another anchor of that
// size: who must know that asks a node, or audits a ledger against a chain. The text is a file as
// ledger/proof_file.h has them; `proof` is BCS of AnchoredReceipt. Pure functions, thread-safe.

#include <string>

#include "ledger/receipt.h"
#include "pow/anchor.h"
#include "pow/place_proof.h"

namespace quorate::pow {

struct AnchoredReceipt {
  Bytes receipt;                     // encode_receipt
  Anchor anchor;
  std::vector<Digest> record_path;   // record -> anchor's root
  PlaceProof place;                  // of the anchor
};

struct AnchoredVerdict {
  ledger::Receipt receipt;
  ledger::ReceiptVerdict order;
  ledger::CheckpointNote note;  // of the anchor
  std::size_t cosigners = 0;    // of the anchor
  PlaceVerdict place;
};

// The rules of a chain that carries anchors. Error: "genesis-without-anchors" (kUnsupported).
[[nodiscard]] Result<Params> anchor_params(const ledger::Genesis& genesis);

// Of a transaction at or below the anchor's size. Preconditions: the anchor counts on this chain,
// and `body` is its block (checked). Errors: those of make_receipt, of Store::inclusion_path and of
// make_place_proof.
[[nodiscard]] Result<AnchoredReceipt> make_anchored_receipt(const ledger::Store& store,
                                                            const ledger::TxId& id,
                                                            const Chain& chain, const Block& body,
                                                            std::size_t anchor_index);

// Errors: those of decode_receipt, verify_receipt, AnchorVerifier::check, verify_place and of
// anchor_params; "anchored-receipt-other-history" (kCorrupt) if the record is not in the log that
// the anchor names; "anchored-receipt-malformed".
[[nodiscard]] Result<AnchoredVerdict> verify_anchored(const AnchoredReceipt& proof,
                                                      const ledger::Genesis& genesis);

[[nodiscard]] std::string anchored_receipt_to_json(const AnchoredReceipt& proof);
// Errors: "anchored-receipt-malformed" (kInvalid), "anchored-receipt-newer" (kUnsupported),
// "anchored-receipt-facts-differ" (kCorrupt).
[[nodiscard]] Result<AnchoredReceipt> parse_anchored_receipt(std::string_view json);
// Whether a file says that it is one, whatever it is worth.
[[nodiscard]] bool is_anchored_receipt(std::string_view json);

}  // namespace quorate::pow
