#pragma once

// Where something stands in a chain, for someone who has the genesis document alone: all headers
// from block 0 on, and the Merkle branch from the thing's bytes to its block's root.
//
// So the work is computed and not claimed. It proves work, and no more: who can do the work of
// these headers again can make another chain, in which it does not stand. Pure functions,
// thread-safe.

#include "ledger/genesis.h"
#include "pow/chain.h"
#include "pow/merkle.h"

namespace quorate::pow {

// Headers above this make a file that nobody reads.
inline constexpr std::size_t kReceiptHeadersMax = 30'000;

struct PlaceProof {
  Bytes headers;             // 80 bytes each, block 0 first
  std::uint64_t height = 0;  // of the block
  std::uint64_t index = 0;   // among its leaves; 0 is the coinbase
  MerkleBranch branch;
};

struct PlaceVerdict {
  Height height;
  Digest block;
  std::uint64_t depth = 0;  // 1: the block is the last one of the proof
  Digest tip;
  std::uint32_t tip_time = 0;
  U256 work;  // of the block and those on it
};

// `body` is on the active chain and `index` among its entries without the coinbase (checked).
// Error: "depth-receipt-too-large" (kUnsupported).
[[nodiscard]] Result<PlaceProof> make_place_proof(const Chain& chain, const Block& body,
                                                  std::size_t index);

// What everything else reads without looking: whole headers, not too many, the block's among them.
[[nodiscard]] bool is_whole(const PlaceProof& proof);
// Precondition: is_whole (checked).
[[nodiscard]] std::size_t header_count(const PlaceProof& proof);
[[nodiscard]] Header header_at(const PlaceProof& proof, std::size_t index);

// `entry` is the bytes of what stands there. Errors: "depth-receipt-invalid" (kCorrupt) for what
// does not fit together, those of the headers' rules ("pow-...") and of block 0
// ("pow-genesis-wrong").
[[nodiscard]] Result<PlaceVerdict> verify_place(const PlaceProof& proof, ByteView entry,
                                                const ledger::Genesis& genesis,
                                                const Params& params);

}  // namespace quorate::pow
