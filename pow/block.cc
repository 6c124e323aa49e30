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
  std::vector<Digest> leaves;
};

tl::unexpected<BodyReject> damaged(Reject why, std::string found) {
  return tl::unexpected(BodyReject{why, false, std::move(found)});
}
tl::unexpected<BodyReject> condemned(Reject why, std::string found) {
  return tl::unexpected(BodyReject{why, true, std::move(found)});
}

tl::expected<Parts, BodyReject> take_apart(ByteView rest) {
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
    crypto::bcs::Reader reader(rest);
    SignedTransaction transaction;
    if (!crypto::bcs::read(reader, transaction, 0)) {
      return malformed("transaction " + std::to_string(i) + ": " + reader.error().message);
    }
    parts.leaves.push_back(sha256d(rest.first(rest.size() - reader.left())));
    rest = rest.last(reader.left());
    parts.transactions.push_back(std::move(transaction));
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

Bytes encoded(const TransactionPtr& transaction) {
  return crypto::encode(*transaction->signed_transaction);
}

}  // namespace

Bytes encode_coinbase(const Coinbase& coinbase) {
  Bytes out(coinbase.chain_id.bytes.begin(), coinbase.chain_id.bytes.end());
  put_number(out, coinbase.height.value, 8);
  put_number(out, coinbase.extranonce, 8);
  out.insert(out.end(), coinbase.miner.bytes.begin(), coinbase.miner.bytes.end());
  return out;
}

std::vector<Digest> block_leaves(const Coinbase& coinbase,
                                 const std::vector<TransactionPtr>& transactions) {
  std::vector<Digest> leaves{sha256d(encode_coinbase(coinbase))};
  leaves.reserve(transactions.size() + 1);
  for (const TransactionPtr& transaction : transactions) {
    leaves.push_back(sha256d(encoded(transaction)));
  }
  return leaves;
}

Block draft_block(const Digest& previous, const Coinbase& coinbase,
                  std::vector<TransactionPtr> transactions) {
  Block block;
  block.coinbase = coinbase;
  block.transactions = std::move(transactions);
  block.header.previous = previous;
  const auto root = merkle_root(block_leaves(coinbase, block.transactions));
  QUORATE_CHECK(root.has_value(), "a block names a transaction once");
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
  put_count(out, block.transactions.size() + 1);
  const Bytes coinbase = encode_coinbase(block.coinbase);
  out.insert(out.end(), coinbase.begin(), coinbase.end());
  for (const TransactionPtr& transaction : block.transactions) {
    crypto::encode_to(out, *transaction->signed_transaction);
  }
  return out;
}

std::size_t encoded_bytes(const Block& block) {
  std::size_t bytes = kHeaderBytes + count_bytes(block.transactions.size() + 1) + kCoinbaseBytes;
  for (const TransactionPtr& transaction : block.transactions) bytes += transaction->encoded_bytes;
  return bytes;
}

tl::expected<BlockPtr, BodyReject> BlockReader::read(ByteView bytes) const {
  if (bytes.size() > block_bytes_max_) {
    return damaged(Reject::kBlockTooLarge, "it has " + std::to_string(bytes.size()) +
                                               " bytes, expected at most " +
                                               std::to_string(block_bytes_max_));
  }
  auto parts = take_apart(bytes);
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
  if (const auto id = repeated_id(block->transactions)) {
    return condemned(Reject::kTransactionRepeated, "transaction " + id->hex() + " is in it twice");
  }
  return block;
}

}  // namespace quorate::pow
