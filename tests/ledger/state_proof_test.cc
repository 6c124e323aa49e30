// Proofs of presence and absence: what is true is proved, and nothing else.

#include "ledger/state_proof.h"

#include <gtest/gtest.h>

#include "crypto/bcs.h"
#include "tests/ledger/state_twin.h"

namespace quorate::ledger {
namespace {

using namespace test;

class StateProofTest : public testing::Test {
 protected:
  void fill(std::size_t names, std::size_t count) {
    tree_.apply(any_(names, false, count));
  }
  [[nodiscard]] const PagesInMemory::Version& state() const { return tree_.versions.back(); }
  [[nodiscard]] Digest root() const { return digest_of(state().root); }
  [[nodiscard]] std::optional<Bytes> value_of(const Bytes& key) const {
    const auto found = state().state.find(key);
    if (found == state().state.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] StateProof prove(const Bytes& key) const {
    auto proof = prove_key(state().root, key, tree_.reader(), [this](ByteView other) {
      return Result<std::optional<Bytes>>(value_of(Bytes(other.begin(), other.end())));
    });
    EXPECT_TRUE(proof) << proof.error().to_string();
    return *proof;
  }
  [[nodiscard]] bool holds(const StateProof& proof, const Bytes& key,
                           const std::optional<Bytes>& value) const {
    return verify_key(proof, key, value, root()).has_value();
  }

  AnyWrites any_{21};
  PagesInMemory tree_;
};

TEST_F(StateProofTest, EveryKeyIsProvedAndNoOtherValueOfIt) {
  for (const std::size_t names : {1, 2, 3, 20, 400}) {
    tree_ = {};
    fill(names, 3 * names + 2);
    for (std::size_t i = 0; i < 2 * names + 5; ++i) {
      const Bytes key = to_bytes("key " + std::to_string(i));
      const StateProof proof = prove(key);
      const auto value = value_of(key);
      ASSERT_TRUE(holds(proof, key, value)) << i;
      EXPECT_FALSE(holds(proof, key, to_bytes("value 9")));
      EXPECT_FALSE(holds(proof, key, value ? std::nullopt : std::optional(to_bytes("value 1"))));
      EXPECT_FALSE(holds(proof, to_bytes("key " + std::to_string(i + 1)), value) &&
                   value_of(to_bytes("key " + std::to_string(i + 1))) != value);
      Digest other_root = root();
      other_root.bytes[31] ^= 1;
      EXPECT_EQ(refusal(verify_key(proof, key, value, other_root)), "state-proof-other-root");
    }
  }
}

TEST_F(StateProofTest, TheEmptyStateHasNoKey) {
  const StateProof proof = prove(to_bytes("k"));
  EXPECT_EQ(proof.depth, 0);
  EXPECT_TRUE(holds(proof, to_bytes("k"), std::nullopt));
  EXPECT_FALSE(holds(proof, to_bytes("k"), Bytes{}));
}

// A proof of one thing never proves another, whatever key and value it is held against.
TEST_F(StateProofTest, AbsenceCannotBeClaimedForAPresentKey) {
  fill(60, 100);
  std::vector<StateProof> proofs;
  for (int i = 0; i < 120; ++i) proofs.push_back(prove(to_bytes("key " + std::to_string(i))));
  for (const auto& [key, value] : state().state) {
    const Digest key_hash = crypto::sha256(key);
    for (StateProof proof : proofs) {
      ASSERT_FALSE(holds(proof, key, std::nullopt));
      proof.other = StateLeaf{key_hash, crypto::sha256(value)};
      ASSERT_FALSE(holds(proof, key, std::nullopt));
      proof.other = StateLeaf{key_hash, {}};
      ASSERT_FALSE(holds(proof, key, std::nullopt));
    }
    // Its own way, cut short at each level: an inner node or a zero is no leaf.
    StateProof shorter = prove(key);
    while (shorter.depth > 0) {
      --shorter.depth;
      const auto mask = static_cast<std::uint8_t>(0x80 >> shorter.depth % 8);
      if ((shorter.filled.back() & mask) != 0) shorter.siblings.pop_back();
      shorter.filled.back() &= static_cast<std::uint8_t>(~mask);
      if (shorter.depth % 8 == 0) shorter.filled.pop_back();
      ASSERT_FALSE(holds(shorter, key, std::nullopt));
      ASSERT_FALSE(holds(shorter, key, value));
    }
  }
}

TEST_F(StateProofTest, EveryChangedByteIsRefused) {
  fill(80, 160);
  for (int i = 0; i < 100; i += 3) {
    const Bytes key = to_bytes("key " + std::to_string(i));
    const auto value = value_of(key);
    const Bytes good = crypto::encode(prove(key));
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const int mask : {0x01, 0x80, 0xff}) {
        Bytes bytes = good;
        bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ mask);
        const auto proof = crypto::decode<StateProof>(bytes);
        ASSERT_FALSE(proof && holds(*proof, key, value)) << i << ", byte " << at;
      }
    }
    for (std::size_t length = 0; length < good.size(); ++length) {
      ASSERT_FALSE(crypto::decode<StateProof>(ByteView(good).first(length)));
    }
  }
}

TEST_F(StateProofTest, OneStatementHasOneProof) {
  fill(80, 160);
  const Bytes key = state().state.begin()->first;
  const Bytes value = state().state.begin()->second;
  const StateProof good = prove(key);
  ASSERT_GT(good.depth, 3);
  const auto refused = [&](const char* code, auto change) {
    StateProof proof = good;
    change(proof);
    EXPECT_EQ(refusal(verify_key(proof, key, value, root())), code);
  };
  const char* malformed = "state-proof-malformed";
  refused(malformed, [](StateProof& proof) { proof.depth = 257; });
  refused(malformed, [](StateProof& proof) { proof.filled.push_back(0); });
  refused(malformed, [](StateProof& proof) { proof.filled.back() |= 1; });
  refused(malformed, [](StateProof& proof) { proof.siblings.pop_back(); });
  refused(malformed, [](StateProof& proof) { proof.siblings.push_back(proof.siblings[0]); });
  refused(malformed, [](StateProof& proof) { proof.siblings[1] = {}; });
  refused(malformed, [](StateProof& proof) { proof.other = StateLeaf{}; });
  refused("state-proof-other-root",
          [](StateProof& proof) { std::swap(proof.siblings[0], proof.siblings[1]); });
  refused("state-proof-other-root", [](StateProof& proof) {
    proof.depth = 0;
    proof.filled.clear();
    proof.siblings.clear();
  });
}

TEST_F(StateProofTest, AProofStaysGoodForItsOwnStateOnly) {
  fill(60, 100);
  for (int step = 0; step < 50; ++step) {
    const Digest before = root();
    const Bytes key = to_bytes("key " + std::to_string(any_.below(80)));
    const StateProof proof = prove(key);
    const auto value = value_of(key);
    tree_.apply(any_(60, true, 5));
    EXPECT_TRUE(verify_key(proof, key, value, before));
    EXPECT_EQ(holds(proof, key, value), root() == before);
  }
}

TEST_F(StateProofTest, AValueThatIsNotItsLeafsIsNotProved) {
  fill(60, 100);
  int refused = 0;
  for (int i = 60; i < 160; ++i) {
    const auto proof =
        prove_key(state().root, to_bytes("key " + std::to_string(i)), tree_.reader(),
                  [](ByteView) { return Result<std::optional<Bytes>>(to_bytes("forged")); });
    if (proof) continue;
    EXPECT_EQ(proof.error().code, "state-page-other");
    ++refused;
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace quorate::ledger
