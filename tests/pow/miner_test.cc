#include "pow/miner.h"

#include <gtest/gtest.h>

#include "crypto/header_hasher.h"
#include "tests/pow/pow_world.h"

namespace quorate::pow {
namespace {

const std::atomic<bool> kGoOn = false;

TEST(HeaderHasher, HashesAnyHeaderAsTwiceSha256) {
  Header header;
  for (std::uint32_t i = 0; i < 50; ++i) {
    header.previous.bytes[i % 32] = static_cast<std::uint8_t>(7 * i);
    header.merkle_root.bytes[(3 * i) % 32] = static_cast<std::uint8_t>(11 * i);
    header.time = i * 123'456'789;
    header.bits = {i << 20};
    header.nonce = i * 0x01234567;
    const crypto::HeaderHasher hasher(encode_header(header));
    EXPECT_EQ(hasher.hash(header.nonce), hash_of(header));
    header.nonce = ~header.nonce;
    EXPECT_EQ(hasher.hash(header.nonce), hash_of(header));
  }
}

TEST(Miner, FindsTheNoncesOfBitcoinsFirstBlocks) {
  const Header genesis = bitcoin_genesis();
  EXPECT_EQ(find_nonce(genesis, genesis.nonce - 500, 1000), genesis.nonce);
  EXPECT_EQ(find_nonce(genesis, genesis.nonce - 500, 500), std::nullopt);
  EXPECT_EQ(find_nonce(regtest_genesis(), 2, 1), 2U);  // its smallest is 0
}

TEST(Miner, TriesNoNonceTwiceAndNoneBeyondTheLast) {
  Header header = regtest_genesis();
  header.bits = Bits{0x03000001};  // nobody finds that
  EXPECT_EQ(find_nonce(header, 0xffff'fffe, 1000), std::nullopt);
  header.bits = Bits{0};
  EXPECT_EQ(find_nonce(header, 0, 1000), std::nullopt);
}

TEST(Miner, FindsTheSmallestNonceOnAnyNumberOfThreads) {
  Header header = regtest_genesis();
  header.bits = Bits{0x1f00ffff};  // one in 65,536
  const auto alone = find_nonce(header, 0, 1ULL << 32);
  ASSERT_TRUE(alone);
  EXPECT_EQ(search_nonce(header, 1, kGoOn).hashes, *alone + 1);
  for (const unsigned threads : {1U, 2U, 5U}) {
    const Search search = search_nonce(header, threads, kGoOn);
    ASSERT_TRUE(search.found);
    EXPECT_EQ(search.found->nonce, *alone);
    EXPECT_GE(search.hashes, *alone + 1);
  }
}

TEST(Miner, StopsWhenItIsTold) {
  Header header = regtest_genesis();
  header.bits = Bits{0x03000001};
  const std::atomic<bool> stop = true;
  const Search search = search_nonce(header, 2, stop);
  EXPECT_FALSE(search.found);
  EXPECT_EQ(search.hashes, 0U);
}

}  // namespace
}  // namespace quorate::pow
