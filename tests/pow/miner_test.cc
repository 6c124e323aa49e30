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

// Against whole hashes; one nonce in 16 is a candidate, so most searches end within the range.
TEST(HeaderHasher, FirstCandidateIsTheFirstWhoseHighestWordIsLowEnough) {
  constexpr std::uint64_t kTop = (std::uint64_t{1} << 60) - 1;
  const crypto::HeaderHasher hasher(encode_header(regtest_genesis()));
  const auto highest = [&](std::uint32_t nonce) {
    const Digest hash = hasher.hash(nonce);
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{hash.bytes[24 + i]} << (8 * i);
    return word;
  };
  for (const std::uint32_t first : {0U, 77U, 0x0123'4567U, 0xffff'ff00U}) {
    for (std::uint64_t count = 0; count <= 60; ++count) {
      std::optional<std::uint32_t> expected;
      for (std::uint64_t i = 0; i < count && !expected; ++i) {
        const auto nonce = static_cast<std::uint32_t>(first + i);
        if (highest(nonce) <= kTop) expected = nonce;
      }
      ASSERT_EQ(hasher.first_candidate(first, count, kTop), expected) << first << " " << count;
    }
  }
  const std::uint64_t exact = highest(5);
  EXPECT_EQ(hasher.first_candidate(5, 1, exact), 5U);
  EXPECT_EQ(hasher.first_candidate(5, 1, exact - 1), std::nullopt);
  EXPECT_EQ(hasher.first_candidate(0xffff'ffff, 1, ~std::uint64_t{0}), 0xffff'ffffU);
}

TEST(Miner, FindsTheNoncesOfBitcoinsFirstBlocks) {
  const Header genesis = bitcoin_genesis();
  EXPECT_EQ(find_nonce(genesis, genesis.nonce - 500, 1000), genesis.nonce);
  EXPECT_EQ(find_nonce(genesis, genesis.nonce - 500, 500), std::nullopt);
  EXPECT_EQ(find_nonce(regtest_genesis(), 2, 1), 2U);  // its smallest is 0
}

TEST(Miner, TriesNoNonceTwiceAndNoneBeyondTheLast) {
  Header header = regtest_genesis();
  header.bits = encode_target(u256(1));  // nobody finds that
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
  header.bits = encode_target(u256(1));
  const std::atomic<bool> stop = true;
  const Search search = search_nonce(header, 2, stop);
  EXPECT_FALSE(search.found);
  EXPECT_EQ(search.hashes, 0U);
}

}  // namespace
}  // namespace quorate::pow
