#pragma once

// Blocks: a header, a coinbase, and the ledger's signed transactions; or, where replicas agree on
// the transactions, anchors (pow/anchor.h) in their place.
//
//   block    = header:80 count coinbase:80 transaction...
//   count    = of coinbase and transactions, as Bitcoin's compact size: one byte below 253, else fd
//              and a u16, else fe and a u32; in the shortest form
//   coinbase = chain_id:32 height:u64 extranonce:u64 miner:32              ; little-endian
//   transaction = BCS(ledger::SignedTransaction), or BCS(Anchor)
//
// These are the bytes that a miner hands to `submitblock`, and Bitcoin's tree over SHA256d of each
// transaction is what the header commits to: so a miner that knows nothing of Quorate can mine
// them. A coinbase names chain and height, so no two blocks of different heights share one; its
// extranonce gives new nonces to a miner that has used up the header's. No units are made.
//
// No transaction has 64 bytes, which the tree could take for an inner node (CVE-2017-12842): a
// coinbase has 80, and the signature and keys of a transaction alone more than 130.

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "ledger/transaction.h"
#include "pow/anchor.h"
#include "pow/params.h"

namespace quorate::pow {

using crypto::PublicKey;
using ledger::Height;
using ledger::TransactionPtr;

inline constexpr std::size_t kCoinbaseBytes = 80;

struct Coinbase {
  Digest chain_id;
  Height height;
  std::uint64_t extranonce = 0;
  PublicKey miner;  // for people

  friend bool operator==(const Coinbase&, const Coinbase&) = default;
};

// A block whose header commits to what is in it. Immutable, shared between threads. It has
// transactions or anchors, never both.
struct Block {
  Header header;
  Digest hash;
  Coinbase coinbase;
  std::vector<TransactionPtr> transactions;  // without the coinbase
  std::vector<AnchorPtr> anchors;            // ascending by sequence

  // Without the coinbase.
  [[nodiscard]] std::size_t size() const { return transactions.size() + anchors.size(); }
};
using BlockPtr = std::shared_ptr<const Block>;

// Leaf 0 is the coinbase's.
[[nodiscard]] std::vector<Digest> block_leaves(const Block& block);
// What stands at a place after the coinbase. Precondition: index < block.size() (checked).
[[nodiscard]] Bytes encoded_entry(const Block& block, std::size_t index);
// The block with its Merkle root filled in, for someone to mine: all but time, bits and nonce.
[[nodiscard]] Block draft_block(const Digest& previous, const Coinbase& coinbase,
                                std::vector<TransactionPtr> transactions,
                                std::vector<AnchorPtr> anchors = {});
// The same with its final header. Precondition: previous and Merkle root are those of `draft`
// (checked).
[[nodiscard]] BlockPtr finish_block(Block draft, const Header& header);

[[nodiscard]] Bytes encode_coinbase(const Coinbase& coinbase);
[[nodiscard]] Bytes encode_block(const Block& block);
[[nodiscard]] std::size_t encoded_bytes(const Block& block);

// What is wrong with a body. `condemns`: the header commits to these very bytes, so no other body
// can mend it and the block is invalid for ever. Else the bytes were damaged or forged on their
// way, and say nothing about the block.
struct BodyReject {
  Reject why = Reject::kBlockMalformed;
  bool condemns = false;
  std::string found;  // what was found and expected, a clause
};

// Reads and judges bodies: the only maker of blocks from bytes. Thread-safe, so a pool may run it.
// It judges signatures, which cost much: let the chain judge the header first.
class BlockReader {
 public:
  // `transactions` outlives this; it names the chain. With `anchors`, which outlives this, blocks
  // carry anchors and no transactions.
  BlockReader(const ledger::TransactionVerifier& transactions, std::size_t block_bytes_max,
              const AnchorVerifier* anchors = nullptr)
      : transactions_(transactions), anchors_(anchors), block_bytes_max_(block_bytes_max) {}

  // In this order: kBlockTooLarge, kBlockMalformed, kMerkleAmbiguous, kMerkleRootWrong (of which
  // none condemns: for the third, the list without its repetition may be good);
  // kCoinbaseOfAnotherChain, kTransactionBad, kTransactionRepeated (all condemn); of anchors
  // kAnchorBad and kAnchorOrder in the place of the last two.
  // Not judged here: the header (pow/rules.h), and the height, known where the block's place is.
  [[nodiscard]] tl::expected<BlockPtr, BodyReject> read(ByteView bytes) const;

 private:
  const ledger::TransactionVerifier& transactions_;
  const AnchorVerifier* anchors_;
  std::size_t block_bytes_max_;
};

}  // namespace quorate::pow
