#include "ledger/batch.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

TxId id(std::string_view name) { return {crypto::sha256(as_bytes(name))}; }

// RFC 9162 §2.1.1 spelt out, beside crypto/merkle.
Digest hash_of(std::string_view prefix, const Digest& a, const Digest* b = nullptr) {
  crypto::Sha256 hash;
  hash.update(as_bytes(prefix)).update(a.bytes);
  if (b != nullptr) hash.update(b->bytes);
  return hash.finish();
}
const std::string kLeaf(1, '\0');
const std::string kNode(1, '\1');

TEST(Batch, RootIsTheTreeOverTheIdsInOrder) {
  const TxId a = id("a");
  const TxId b = id("b");
  const TxId c = id("c");
  EXPECT_EQ(transaction_root({}), crypto::sha256({}));
  const Digest leaf_a = hash_of(kLeaf, a.digest);
  const Digest leaf_b = hash_of(kLeaf, b.digest);
  const Digest leaf_c = hash_of(kLeaf, c.digest);
  EXPECT_EQ(transaction_root({a}), leaf_a);
  const Digest ab = hash_of(kNode, leaf_a, &leaf_b);
  EXPECT_EQ(transaction_root({a, b}), ab);
  EXPECT_EQ(transaction_root({a, b, c}), hash_of(kNode, ab, &leaf_c));
  EXPECT_NE(transaction_root({a, b}), transaction_root({b, a}));
}

TEST(Batch, DigestCoversEveryFieldOfTheHeader) {
  const BatchHeader good = make_batch({7}, {1000}, kFlagCheckpoint, {id("a"), id("b")}).header;
  std::vector<BatchHeader> others(5, good);
  others[0].sequence = {8};
  others[1].time = {1001};
  others[2].flags = 0;
  others[3].transaction_count = 3;
  others[4].transaction_root.bytes[31] ^= 1;
  for (const BatchHeader& other : others) EXPECT_NE(digest_of_batch(other), digest_of_batch(good));
}

TEST(Batch, WhatIsMadeHereIsWellFormed) {
  EXPECT_TRUE(is_well_formed(make_batch({1}, {0}, 0, {}), 0));
  EXPECT_TRUE(is_well_formed(make_batch({1}, {5}, kFlagCheckpoint, {id("a"), id("b")}), 2));
  EXPECT_TRUE(is_well_formed(null_batch({9}), 0));
}

TEST(Batch, EverySequenceHasOneNullBatch) {
  const Batch batch = null_batch({9});
  EXPECT_EQ(batch.header.time, TimeMs{0});
  EXPECT_EQ(batch.header.flags, kFlagNull);
  EXPECT_TRUE(batch.ids.empty());
  EXPECT_NE(digest_of_batch(batch.header), digest_of_batch(null_batch({10}).header));
}

struct Malformation {
  const char* name;
  std::function<void(Batch&)> apply;
};

TEST(Batch, RefusesEveryMalformation) {
  const auto remake = [](Batch& batch, std::uint32_t flags, TimeMs time, std::vector<TxId> ids) {
    batch = make_batch(batch.header.sequence, time, flags, std::move(ids));
  };
  const std::vector<Malformation> malformations = {
      {"sequence 0", [](Batch& b) { b.header.sequence = {0}; }},
      {"unknown flag", [](Batch& b) { b.header.flags |= 4; }},
      {"highest flag", [](Batch& b) { b.header.flags |= 0x8000'0000; }},
      {"count too low", [](Batch& b) { b.header.transaction_count = 1; }},
      {"count too high", [](Batch& b) { b.header.transaction_count = 3; }},
      {"another root", [](Batch& b) { b.header.transaction_root.bytes[0] ^= 1; }},
      {"ids in another order", [](Batch& b) { std::swap(b.ids[0], b.ids[1]); }},
      {"an id missing", [](Batch& b) { b.ids.pop_back(); }},
      {"an id twice",
       [&](Batch& b) {
         remake(b, 0, {5}, {id("a"), id("b"), id("a")});
       }},
      {"too many ids",
       [&](Batch& b) {
         remake(b, 0, {5}, {id("a"), id("b"), id("c"), id("d")});
       }},
      {"null with ids", [&](Batch& b) { remake(b, kFlagNull, {0}, {id("a")}); }},
      {"null with a time", [&](Batch& b) { remake(b, kFlagNull, {1}, {}); }},
      {"null with a checkpoint flag",
       [&](Batch& b) { remake(b, kFlagNull | kFlagCheckpoint, {0}, {}); }},
  };
  for (const Malformation& malformation : malformations) {
    Batch batch = make_batch({1}, {5}, 0, {id("a"), id("b")});
    ASSERT_TRUE(is_well_formed(batch, 3));
    malformation.apply(batch);
    EXPECT_FALSE(is_well_formed(batch, 3)) << malformation.name;
  }
}

TEST(Batch, AnotherSignatureOnATransactionIsTheSameBatch) {
  const Genesis genesis = example_genesis();
  const Transaction body = example_body(genesis, 1, {put("colour", "blue")});
  SignedTransaction signed_once = sign(body);
  SignedTransaction signed_again = signed_once;
  signed_again.signature.bytes[0] ^= 1;
  EXPECT_EQ(id_of(signed_once.body), id_of(signed_again.body));
}

}  // namespace
}  // namespace quorate::ledger
