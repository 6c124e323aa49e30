#include "pow/merkle.h"

#include <gtest/gtest.h>

#include <random>

#include "crypto/bytes.h"

namespace quorate::pow {
namespace {

std::vector<Digest> leaves(std::size_t count, std::uint32_t salt = 0) {
  std::vector<Digest> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(sha256d(as_bytes(std::to_string(salt) + "/" + std::to_string(i))));
  }
  return out;
}

// The tree as a definition: the root of a list is the hash of the roots of its two parts, the list
// first filled up with copies of its end, level by level.
Digest twin_root(std::vector<Digest> list) {
  std::size_t width = 1;
  while (width < list.size()) {
    if (list.size() % (2 * width) != 0 && list.size() > width) {
      const std::vector<Digest> end(list.end() - static_cast<std::ptrdiff_t>(width), list.end());
      list.insert(list.end(), end.begin(), end.end());
    }
    width *= 2;
  }
  while (list.size() > 1) {
    std::vector<Digest> above;
    for (std::size_t i = 0; i < list.size(); i += 2) {
      Bytes both(list[i].bytes.begin(), list[i].bytes.end());
      both.insert(both.end(), list[i + 1].bytes.begin(), list[i + 1].bytes.end());
      above.push_back(sha256d(both));
    }
    list = above;
  }
  return list.front();
}

TEST(Merkle, RootOfBitcoinsBlock100000) {
  std::vector<Digest> ids;
  for (const char* hex : {"8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
                          "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
                          "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
                          "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d"}) {
    ids.push_back(parse_display_hex(hex).value());
  }
  EXPECT_EQ(display_hex(merkle_root(ids).value()),
            "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766");
}

TEST(Merkle, OneTransactionIsTheRootAndNoneHasNone) {
  EXPECT_EQ(merkle_root(leaves(1)).value(), leaves(1)[0]);
  EXPECT_FALSE(merkle_root({}));
}

TEST(Merkle, AgreesWithTheDefinition) {
  for (std::size_t count = 1; count <= 40; ++count) {
    EXPECT_EQ(merkle_root(leaves(count)).value(), twin_root(leaves(count))) << count;
  }
}

// CVE-2012-2459: each list whose end, repeated, has the same root. `block` leaves are repeated
// wherever a level is odd.
TEST(Merkle, ListWithItsEndRepeatedHasTheSameRootAndIsRefused) {
  int pairs = 0;
  for (std::size_t count = 1; count <= 40; ++count) {
    for (std::size_t block = 1; block <= count; block *= 2) {
      if (count % block != 0 || count / block % 2 == 0 || count == block) continue;
      std::vector<Digest> longer = leaves(count);
      const std::vector<Digest> end(longer.end() - static_cast<std::ptrdiff_t>(block),
                                    longer.end());
      longer.insert(longer.end(), end.begin(), end.end());
      ASSERT_EQ(twin_root(longer), merkle_root(leaves(count)).value()) << count << " " << block;
      EXPECT_FALSE(merkle_root(longer)) << count << " " << block;
      ++pairs;
    }
  }
  EXPECT_GT(pairs, 20);
}

TEST(Merkle, BranchLeadsEachLeafToTheRootAndNothingElse) {
  std::mt19937 dice(5);
  for (std::size_t count = 1; count <= 33; ++count) {
    const std::vector<Digest> all = leaves(count);
    const Digest root = merkle_root(all).value();
    for (std::size_t i = 0; i < count; ++i) {
      const MerkleBranch branch = merkle_branch(all, i);
      ASSERT_EQ(root_of_branch(all[i], i, branch), root) << count << " " << i;
      EXPECT_NE(root_of_branch(leaves(1, 7)[0], i, branch), root);
      if (branch.empty()) continue;
      EXPECT_FALSE(root_of_branch(all[i], i + (1U << branch.size()), branch));
      // The twin of the last leaf, which is not there, must not be provable.
      if (i + 1 == count && count % 2 == 1) {
        EXPECT_FALSE(root_of_branch(all[i], i + 1, branch));
      }
      MerkleBranch bent = branch;
      bent[dice() % bent.size()].bytes[dice() % 32] ^= 1;
      EXPECT_NE(root_of_branch(all[i], i, bent), root);
    }
  }
}

TEST(Merkle, BranchThatIsTooLongIsRefused) {
  const MerkleBranch branch(kMerkleDepthMax + 1, leaves(1)[0]);
  EXPECT_FALSE(root_of_branch(leaves(1, 1)[0], 0, branch));
  EXPECT_TRUE(root_of_branch(leaves(1, 1)[0], 0, std::span(branch).first(kMerkleDepthMax)));
}

}  // namespace
}  // namespace quorate::pow
