#pragma once

// A receipt of a chain of proof of work: that a transaction stands in a block, and how much work
// stands on that block. Verified offline with the genesis document and the rules of the chain
// alone.
//
// It holds every header from block 0 on, so the work is computed and not claimed. What it proves is
// work, and no more: who can do the work of these headers again can make another chain in which the
// transaction does not stand, and what the transaction did there only a node that executes the
// chain knows. The text is a file as ledger/proof_file.h has them; `proof` is BCS of DepthProof.
// Pure functions, thread-safe.

#include <string>

#include "ledger/genesis.h"
#include "pow/chain.h"
#include "pow/merkle.h"

namespace quorate::pow {

// Headers above this make a file that nobody reads ("depth-receipt-too-large").
inline constexpr std::size_t kReceiptHeadersMax = 30'000;

struct DepthProof {
  Bytes headers;             // 80 bytes each, block 0 first
  std::uint64_t height = 0;  // of the block
  std::uint64_t index = 0;   // among its leaves; 0 is the coinbase
  MerkleBranch branch;
  ledger::SignedTransaction transaction;
};

struct DepthVerdict {
  ledger::TxId id;
  Height height;
  Digest block;
  std::uint64_t depth = 0;  // 1: the block is the last one of the receipt
  Digest tip;
  std::uint32_t tip_time = 0;
  U256 work;  // of the block and those on it
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
