#include "crypto/salted_hash.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_map>

namespace quorate::crypto {
namespace {

TEST(SaltedHash, IsTheSameForOneObjectAndItsCopies) {
  const SaltedHash hash;
  const SaltedHash copy = hash;
  EXPECT_EQ(hash(as_bytes("colour")), copy(as_bytes("colour")));
  EXPECT_EQ(hash.wide(as_bytes("colour")), copy.wide(as_bytes("colour")));
  EXPECT_NE(hash(as_bytes("colour")), hash(as_bytes("color")));
  EXPECT_NE(hash.wide(as_bytes("colour")), hash.wide(as_bytes("color")));
}

TEST(SaltedHash, ObjectsHashUnderKeysOfTheirOwn) {
  const SaltedHash one;
  const SaltedHash other;
  EXPECT_NE(one(as_bytes("colour")), other(as_bytes("colour")));
  EXPECT_NE(one.wide(as_bytes("colour")), other.wide(as_bytes("colour")));
}

TEST(SaltedHash, FindsByView) {
  std::unordered_map<Bytes, int, SaltedHash, BytesEqual> ages;
  for (int i = 0; i < 100; ++i) ages[to_bytes("key " + std::to_string(i))] = i;
  for (int i = 0; i < 100; ++i) {
    const auto found = ages.find(as_bytes("key " + std::to_string(i)));
    ASSERT_NE(found, ages.end());
    EXPECT_EQ(found->second, i);
  }
  EXPECT_EQ(ages.find(as_bytes("key 100")), ages.end());
  EXPECT_EQ(ages.find(ByteView{}), ages.end());
}

TEST(BytesLess, OrdersAsVectorsDo) {
  const Bytes some[] = {{}, {0}, {0, 0}, {0, 1}, {1}, {0x7f}, {0x80}, {0x80, 0}, {0xff}};
  for (const Bytes& a : some) {
    for (const Bytes& b : some) EXPECT_EQ(BytesLess{}(a, b), a < b);
  }
}

}  // namespace
}  // namespace quorate::crypto
