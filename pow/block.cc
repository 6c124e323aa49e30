#include "pow/block.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "pow/merkle.h"

namespace quorate::pow {
namespace {

using ledger::SignedTransaction;
using ledger::TxId;

constexpr std::uint8_t kCount16 = 0xfd;
constexpr std::uint8_t kCount32 = 0xfe;

void put_number(Bytes& out, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

std::uint64_t get_number(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::uint64_t{bytes[i]} << 8 * i;
  return value;
}

std::size_t count_bytes(std::size_t count) {
  if (count < kCount16) return 1;
  return count <= std::numeric_limits<std::uint16_t>::max() ? 3 : 5;
}

void put_count(Bytes& out, std::size_t count) {
  const std::size_t width = count_bytes(count) - 1;
  if (width == 0) return out.push_back(static_cast<std::uint8_t>(count));
  out.push_back(width == 2 ? kCount16 : kCount32);
  put_number(out, count, width);
}

// Takes the front off `rest`; nullopt where it is shorter.
std::optional<ByteView> take(ByteView& rest, std::size_t bytes) {
  if (rest.size() < bytes) return std::nullopt;
  const ByteView front = rest.first(bytes);
  rest = rest.subspan(bytes);
  return front;
}

std::optional<std::size_t> take_count(ByteView& rest) {
  const auto first = take(rest, 1);
  if (!first) return std::nullopt;
  const std::uint8_t mark = first->front();
  if (mark < kCount16) return mark;
  if (mark > kCount32) return std::nullopt;
  const std::size_t width = mark == kCount16 ? 2 : 4;
  const auto number = take(rest, width);
  if (!number) return std::nullopt;
  const std::size_t count = get_number(*number);
  if (count_bytes(count) != width + 1) return std::nullopt;
  return count;
}

Coinbase decode_coinbase(ByteView bytes) {
  Coinbase coinbase;
  std::memcpy(coinbase.chain_id.bytes.data(), &bytes[0], 32);
  coinbase.height = {get_number(bytes.subspan(32, 8))};
  coinbase.extranonce = get_number(bytes.subspan(40, 8));
  std::memcpy(coinbase.miner.bytes.data(), &bytes[48], 32);
  return coinbase;
}

// A block's bytes taken apart, nothing judged but the form.
struct Parts {
  Header header;
  Coinbase coinbase;
  std::vector<SignedTransaction> transactions;
  std::vector<Anchor> anchors;
  std::vector<Digest> leaves;
};

// Takes one value off `rest` and adds its leaf; else what is wrong with it.
template <class T>
std::optional<std::string> take_entry(ByteView& rest, std::vector<T>& out,
                                      std::vector<Digest>& leaves) {
  crypto::bcs::Reader reader(rest);
  T value;
  if (!crypto::bcs::read(reader, value, 0)) return reader.error().message;
  leaves.push_back(sha256d(rest.first(rest.size() - reader.left())));
  rest = rest.last(reader.left());
  out.push_back(std::move(value));
  return std::nullopt;
}

tl::unexpected<BodyReject> damaged(Reject why, std::string found) {
  return tl::unexpected(BodyReject{why, false, std::move(found)});
}
tl::unexpected<BodyReject> condemned(Reject why, std::string found) {
  return tl::unexpected(BodyReject{why, true, std::move(found)});
}

tl::expected<Parts, BodyReject> take_apart(ByteView rest, bool has_anchors) {
  const auto malformed = [](std::string found) {
    return damaged(Reject::kBlockMalformed, std::move(found));
  };
  Parts parts;
  const auto header = take(rest, kHeaderBytes);
  if (!header) return malformed("the bytes end inside the header");
  parts.header = decode_header(std::span<const std::uint8_t, kHeaderBytes>(*header));
  const auto count = take_count(rest);
  if (!count) return malformed("the count of transactions is cut off or not in its shortest form");
  if (*count == 0) return malformed("it has no transactions, expected a coinbase at least");
  const auto coinbase = take(rest, kCoinbaseBytes);
  if (!coinbase) return malformed("the bytes end inside the coinbase");
  parts.coinbase = decode_coinbase(*coinbase);
  parts.leaves.push_back(sha256d(*coinbase));
  // No more than the bytes can hold, whatever the count says.
  for (std::size_t i = 1; i < *count; ++i) {
    const auto wrong = has_anchors ? take_entry(rest, parts.anchors, parts.leaves)
                                   : take_entry(rest, parts.transactions, parts.leaves);
    if (wrong) {
      return malformed((has_anchors ? "anchor " : "transaction ") + std::to_string(i) + ": " +
                       *wrong);
    }
  }
  if (!rest.empty()) {
    return malformed(std::to_string(rest.size()) + " bytes follow the last transaction");
  }
  return parts;
}

std::optional<TxId> repeated_id(const std::vector<TransactionPtr>& transactions) {
  std::vector<TxId> ids;
  ids.reserve(transactions.size());
  for (const TransactionPtr& transaction : transactions) ids.push_back(transaction->id);
  std::sort(ids.begin(), ids.end());
  const auto found = std::adjacent_find(ids.begin(), ids.end());
  if (found == ids.end()) return std::nullopt;
  return *found;
}

// Judges the anchors of a block into it.
std::optional<BodyReject> take_anchors(std::vector<Anchor> anchors, const AnchorVerifier& verifier,
                                       Block& block) {
  if (anchors.size() > kAnchorsMax) {
    return BodyReject{Reject::kAnchorOrder, true,
                      "it has " + std::to_string(anchors.size()) + " anchors, expected at most " +
                          std::to_string(kAnchorsMax)};
  }
  for (Anchor& anchor : anchors) {
    const ledger::Sequence sequence = anchor.checkpoint.note.sequence;
    if (!block.anchors.empty() && sequence <= block.anchors.back()->sequence()) {
      return BodyReject{Reject::kAnchorOrder, true,
                        "an anchor of size " + std::to_string(sequence.value) +
                            " follows one of size " +
                            std::to_string(block.anchors.back()->sequence().value)};
    }
    auto checked = verifier.check(std::move(anchor));
    if (!checked) {
      return BodyReject{Reject::kAnchorBad, true,
                        "its anchor of size " + std::to_string(sequence.value) + ": " +
                            checked.error().message + " (" + std::string(checked.error().code) +
                            ")"};
    }
    block.anchors.push_back(std::move(*checked));
  }
  return std::nullopt;
}

}  // namespace

Bytes encode_coinbase(const Coinbase& coinbase) {
  Bytes out(coinbase.chain_id.bytes.begin(), coinbase.chain_id.bytes.end());
  put_number(out, coinbase.height.value, 8);
  put_number(out, coinbase.extranonce, 8);
  out.insert(out.end(), coinbase.miner.bytes.begin(), coinbase.miner.bytes.end());
  return out;
}

Bytes encoded_entry(const Block& block, std::size_t index) {
  QUORATE_CHECK(index < block.size(), "an entry of the block");
  if (index < block.transactions.size()) {
    return crypto::encode(*block.transactions[index]->signed_transaction);
  }
  return crypto::encode(block.anchors[index - block.transactions.size()]->anchor);
}

std::vector<Digest> block_leaves(const Block& block) {
  std::vector<Digest> leaves{sha256d(encode_coinbase(block.coinbase))};
  leaves.reserve(block.size() + 1);
  for (std::size_t i = 0; i < block.size(); ++i) {
    leaves.push_back(sha256d(encoded_entry(block, i)));
  }
  return leaves;
}

Block draft_block(const Digest& previous, const Coinbase& coinbase,
                  std::vector<TransactionPtr> transactions, std::vector<AnchorPtr> anchors) {
  QUORATE_CHECK(transactions.empty() || anchors.empty(), "a block carries one of the two");
  Block block;
  block.coinbase = coinbase;
  block.transactions = std::move(transactions);
  block.anchors = std::move(anchors);
  block.header.previous = previous;
  const auto root = merkle_root(block_leaves(block));
  QUORATE_CHECK(root.has_value(), "a block names each entry once");
  block.header.merkle_root = *root;
  return block;
}

BlockPtr finish_block(Block draft, const Header& header) {
  QUORATE_CHECK(header.previous == draft.header.previous &&
                    header.merkle_root == draft.header.merkle_root,
                "a header of this block");
  draft.header = header;
  draft.hash = hash_of(header);
  return std::make_shared<const Block>(std::move(draft));
}

Bytes encode_block(const Block& block) {
  const HeaderBytes header = encode_header(block.header);
  Bytes out(header.begin(), header.end());
  out.reserve(encoded_bytes(block));
  put_count(out, block.size() + 1);
  const Bytes coinbase = encode_coinbase(block.coinbase);
  out.insert(out.end(), coinbase.begin(), coinbase.end());
  for (const TransactionPtr& transaction : block.transactions) {
    crypto::encode_to(out, *transaction->signed_transaction);
  }
  for (const AnchorPtr& anchor : block.anchors) crypto::encode_to(out, anchor->anchor);
  return out;
}

std::size_t encoded_bytes(const Block& block) {
  std::size_t bytes = kHeaderBytes + count_bytes(block.size() + 1) + kCoinbaseBytes;
  for (const TransactionPtr& transaction : block.transactions) bytes += transaction->encoded_bytes;
  for (const AnchorPtr& anchor : block.anchors) bytes += anchor->encoded_bytes;
  return bytes;
}

tl::expected<BlockPtr, BodyReject> BlockReader::read(ByteView bytes) const {
  if (bytes.size() > block_bytes_max_) {
    return damaged(Reject::kBlockTooLarge, "it has " + std::to_string(bytes.size()) +
                                               " bytes, expected at most " +
                                               std::to_string(block_bytes_max_));
  }
  auto parts = take_apart(bytes, anchors_ != nullptr);
  if (!parts) return tl::unexpected(std::move(parts).error());
  const auto root = merkle_root(parts->leaves);
  if (!root) {
    return damaged(Reject::kMerkleAmbiguous,
                   "two transactions that form a pair are the same, so other lists have its root");
  }
  if (*root != parts->header.merkle_root) {
    return damaged(Reject::kMerkleRootWrong,
                   "its transactions have the Merkle root " + display_hex(*root) +
                       ", expected the header's " + display_hex(parts->header.merkle_root));
  }
  if (parts->coinbase.chain_id != transactions_.chain_id()) {
    return condemned(Reject::kCoinbaseOfAnotherChain,
                     "its coinbase names chain " + parts->coinbase.chain_id.hex() + ", expected " +
                         transactions_.chain_id().hex());
  }
  auto block = std::make_shared<Block>();
  block->header = parts->header;
  block->hash = hash_of(parts->header);
  block->coinbase = parts->coinbase;
  block->transactions.reserve(parts->transactions.size());
  for (SignedTransaction& transaction : parts->transactions) {
    auto checked = transactions_.check(std::move(transaction));
    if (!checked) {
      return condemned(Reject::kTransactionBad,
                       "transaction " + std::to_string(block->transactions.size() + 1) + ": " +
                           checked.error().message + " (" + std::string(checked.error().code) +
                           ")");
    }
    block->transactions.push_back(std::move(*checked));
  }
  if (anchors_ != nullptr) {
    auto reject = take_anchors(std::move(parts->anchors), *anchors_, *block);
    if (reject) return tl::unexpected(std::move(*reject));
  }
  if (const auto id = repeated_id(block->transactions)) {
    return condemned(Reject::kTransactionRepeated, "transaction " + id->hex() + " is in it twice");
  }
  return block;
}

}  // namespace quorate::pow
