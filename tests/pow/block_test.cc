#include "pow/block.h"

#include <gtest/gtest.h>

#include "pow/merkle.h"
#include "tests/pow/chain_world.h"

namespace quorate::pow {
namespace {

using namespace test;
using ledger::test::example_body;
using ledger::test::sign;

class BlockTest : public testing::Test {
 protected:
  tl::expected<BlockPtr, BodyReject> read(const Bytes& bytes) const {
    return BlockReader(verifier_, 1 << 20).read(bytes);
  }
  // "code", with " condemns" where it does; "read" where nothing is wrong.
  std::string verdict(const Bytes& bytes) const {
    const auto block = read(bytes);
    if (block) return "read";
    EXPECT_FALSE(block.error().found.empty());
    return std::string(reject_code(block.error().why)) +
           (block.error().condemns ? " condemns" : "");
  }
  std::string verdict(Block draft) const { return verdict(encode_block(draft)); }

  std::vector<TransactionPtr> puts(std::uint64_t count) const {
    std::vector<TransactionPtr> out;
    for (std::uint64_t i = 1; i <= count; ++i) out.push_back(world_.put(i, "colour", "blue"));
    return out;
  }
  Coinbase coinbase() const { return {ledger::chain_id_of(world_.genesis), {1}, 5, {}}; }
  Block draft(std::vector<TransactionPtr> transactions) const {
    return draft_block(world_.block_0->hash, coinbase(), std::move(transactions));
  }

  ChainWorld world_;
  crypto::SignatureCache cache_;
  ledger::TransactionVerifier verifier_{world_.genesis, ledger::chain_id_of(world_.genesis),
                                        &cache_};
};

TEST_F(BlockTest, IsReadAsItWasWritten) {
  for (const std::uint64_t count : {0, 1, 2, 5}) {
    const Block block = draft(puts(count));
    const Bytes bytes = encode_block(block);
    EXPECT_EQ(bytes.size(), encoded_bytes(block));
    const auto read = this->read(bytes);
    ASSERT_TRUE(read) << read.error().found;
    EXPECT_EQ((*read)->header, block.header);
    EXPECT_EQ((*read)->hash, hash_of(block.header));
    EXPECT_EQ((*read)->coinbase, block.coinbase);
    ASSERT_EQ((*read)->transactions.size(), count);
    EXPECT_EQ(encode_block(**read), bytes);
  }
}

TEST_F(BlockTest, MinersSeeBitcoinsTreeOverTheBytesAsTheyStand) {
  const Block block = draft(puts(2));
  const Bytes bytes = encode_block(block);
  const std::size_t one = block.transactions[0]->encoded_bytes;
  const ByteView body = ByteView(bytes).subspan(kHeaderBytes + 1);
  const std::vector<Digest> leaves{sha256d(body.first(kCoinbaseBytes)),
                                   sha256d(body.subspan(kCoinbaseBytes, one)),
                                   sha256d(body.subspan(kCoinbaseBytes + one))};
  EXPECT_EQ(block.header.merkle_root, merkle_root(leaves).value());
}

TEST_F(BlockTest, CountHasOneFormAtEachSize) {
  for (const std::size_t count : {251U, 252U, 253U}) {  // and the coinbase
    const Bytes bytes = encode_block(draft(puts(count)));
    EXPECT_EQ(bytes[kHeaderBytes], count + 1 < 253 ? count + 1 : 0xfd);
    EXPECT_EQ(verdict(bytes), "read");
  }
  Bytes bytes = encode_block(draft(puts(1)));
  bytes[kHeaderBytes] = 0xfd;
  bytes.insert(bytes.begin() + kHeaderBytes + 1, {2, 0});
  EXPECT_EQ(verdict(bytes), "pow-block-malformed");
  bytes[kHeaderBytes] = 0xfe;
  bytes.insert(bytes.begin() + kHeaderBytes + 3, {0, 0});
  EXPECT_EQ(verdict(bytes), "pow-block-malformed");
  bytes[kHeaderBytes] = 0xff;
  EXPECT_EQ(verdict(bytes), "pow-block-malformed");
}

TEST_F(BlockTest, EveryCutAndEveryAddedByteIsRefused) {
  const Bytes bytes = encode_block(draft(puts(2)));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(verdict(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))),
              "pow-block-malformed")
        << size;
  }
  Bytes more = bytes;
  more.push_back(0);
  EXPECT_EQ(verdict(more), "pow-block-malformed");
}

TEST_F(BlockTest, EveryChangedByteOfABodyIsRefusedAndSaysNothingAboutTheBlock) {
  const Bytes bytes = encode_block(draft(puts(2)));
  for (std::size_t i = kHeaderBytes; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] ^= 0x10;
    const std::string found = verdict(changed);
    ASSERT_TRUE(found == "pow-block-malformed" || found == "pow-merkle-root-wrong")
        << i << " " << found;
  }
}

TEST_F(BlockTest, ACountBeyondTheBytesCostsNothing) {
  Bytes bytes = encode_block(draft({}));
  bytes[kHeaderBytes] = 0xfe;
  bytes.insert(bytes.begin() + kHeaderBytes + 1, {0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(verdict(bytes), "pow-block-malformed");
  bytes = encode_block(draft({}));
  bytes[kHeaderBytes] = 0;
  EXPECT_EQ(verdict(bytes), "pow-block-malformed");
}

TEST_F(BlockTest, LargerThanAllowedIsRefused) {
  const Bytes bytes = encode_block(draft(puts(2)));
  EXPECT_TRUE(BlockReader(verifier_, bytes.size()).read(bytes));
  const auto block = BlockReader(verifier_, bytes.size() - 1).read(bytes);
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().why, Reject::kBlockTooLarge);
}

TEST_F(BlockTest, ARepeatedEndIsRefusedAndTheListWithoutItIsGood) {
  const Block good = draft(puts(2));  // three leaves: the tree doubles the last
  EXPECT_EQ(verdict(encode_block(good)), "read");
  Block doubled = good;
  doubled.transactions.push_back(good.transactions.back());
  EXPECT_EQ(verdict(encode_block(doubled)), "pow-merkle-ambiguous");
}

TEST_F(BlockTest, CondemnsWhatTheHeaderCommitsTo) {
  const auto two = puts(2);
  EXPECT_EQ(verdict(draft({two[0], two[1], two[0]})), "pow-transaction-repeated condemns");

  Coinbase other = coinbase();
  other.chain_id.bytes[0] ^= 1;
  EXPECT_EQ(verdict(draft_block(world_.block_0->hash, other, {})),
            "pow-coinbase-of-another-chain condemns");

  auto forged = sign(example_body(world_.genesis, 1, {ledger::test::put("colour", "blue")}));
  forged.signature.bytes[3] ^= 1;
  EXPECT_EQ(verdict(draft({ledger::test::Trusting::trust(forged)})),
            "pow-transaction-bad condemns");

  auto empty = sign(example_body(world_.genesis, 1, {}));
  EXPECT_EQ(verdict(draft({ledger::test::Trusting::trust(empty)})),
            "pow-transaction-bad condemns");
}

TEST_F(BlockTest, NoTransactionHasTheSizeOfAnInnerNode) {
  ledger::Transaction least = example_body(world_.genesis, 1, {});
  EXPECT_GT(crypto::encode(ledger::SignedTransaction{least, {}}).size(), 64U);
  EXPECT_NE(encode_coinbase({}).size(), 64U);
  EXPECT_EQ(encode_coinbase({}).size(), kCoinbaseBytes);
}

}  // namespace
}  // namespace quorate::pow
