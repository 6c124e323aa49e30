#include "crypto/signing.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include "crypto/verified.h"

namespace quorate::crypto {
namespace {

struct Body {
  std::uint64_t amount = 0;
  std::string to;
};

constexpr Purpose kPurposes[] = {Purpose::kTransaction, Purpose::kPrePrepare, Purpose::kPrepare,
                                 Purpose::kCommit, Purpose::kReply,
                                 Purpose::kViewChange, Purpose::kNewView,
                                 Purpose::kMembership, Purpose::kMembershipConsent};

Digest chain(std::string_view name) { return sha256(as_bytes(name)); }

TEST(Signing, SignedBytesAreTextZeroChainBody) {
  Digest chain_id;
  chain_id.bytes.fill(0x11);
  EXPECT_EQ(to_hex(signing_bytes(Purpose::kPrepare, chain_id, encode(Body{5, "bob"}))),
            to_hex(as_bytes("quorate:pbft-prepare")) + "00" + chain_id.hex() +
                "0500000000000000"
                "03626f62");
}

// The example of crypto/README.md; the body stands for an encoded struct.
TEST(Signing, ExampleInTheReadmeIsRight) {
  const Bytes body = from_hex("037465612c0101050201000000020000000102c3a9").value();
  const Bytes signed_bytes = signing_bytes(Purpose::kPrepare, chain("example"), body);
  EXPECT_EQ(to_hex(signed_bytes),
            "71756f726174653a"
            "706266742d70726570617265"
            "00"
            "50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c"
            "037465612c0101050201000000020000000102c3a9");
  const SecretKey key = SecretKey::from_seed(Bytes(32, 0x01));
  EXPECT_EQ(key.public_key().hex(),
            "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
  EXPECT_EQ(to_hex(key.sign(signed_bytes).bytes),
            "62316e3b2e0b5dc8c07a709a527fb2d6abf166a4c3c10905e5ac1d5899699956"
            "214dc40f24ade0034d950c96a106f6472cff03904c602b3fb0df3f8d9895ca0d");
  Bytes named = to_bytes("quorate:item");
  named.push_back(0);
  named.insert(named.end(), body.begin(), body.end());
  EXPECT_EQ(sha256(named).hex(),
            "a08f4c86cd72fd201ddc492a4963fdcd279c9f2137e27f00b81ac783d946e520");
}

TEST(Signing, NoTwoPurposesShareAText) {
  std::set<std::string> texts;
  for (const Purpose purpose : kPurposes) {
    const std::string text(purpose_text(purpose));
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text.find('\0'), std::string::npos);
    EXPECT_TRUE(texts.insert(text).second) << text;
  }
}

TEST(Signing, SignatureIsGoodForItsPurposeChainBodyAndKeyOnly) {
  const KeySigner signer(SecretKey::generate());
  const Body body{5, "bob"};
  for (const Purpose purpose : kPurposes) {
    const Signature signature = sign_body(signer, purpose, chain("here"), body);
    const PublicKey& key = signer.public_key();
    EXPECT_TRUE(verify_body(key, purpose, chain("here"), body, signature));
    EXPECT_FALSE(verify_body(key, purpose, chain("there"), body, signature));
    EXPECT_FALSE(verify_body(key, purpose, chain("here"), Body{6, "bob"}, signature));
    EXPECT_FALSE(
        verify_body(SecretKey::generate().public_key(), purpose, chain("here"), body, signature));
    for (const Purpose other : kPurposes) {
      if (other == purpose) continue;
      EXPECT_FALSE(verify_body(key, other, chain("here"), body, signature));
    }
  }
}

TEST(Signing, DigestsOfDifferentKindsDiffer) {
  const Body body{5, "bob"};
  EXPECT_NE(digest_of("batch", body), digest_of("block", body));
  EXPECT_EQ(digest_of("batch", body),
            sha256(from_hex(to_hex(as_bytes("quorate:batch")) + "00"
                                                                "0500000000000000"
                                                                "03626f62")
                       .value()));
}

// --- SignatureCache ---------------------------------------------------------------------------

class Cache : public ::testing::Test {
 protected:
  Signature sign(std::string_view text) const { return key_.sign(as_bytes(text)); }

  SecretKey key_ = SecretKey::generate();
};

TEST_F(Cache, SecondLookIsAHit) {
  SignatureCache cache;
  const Signature signature = sign("m");
  EXPECT_TRUE(cache.verify(key_.public_key(), as_bytes("m"), signature));
  EXPECT_TRUE(cache.verify(key_.public_key(), as_bytes("m"), signature));
  EXPECT_EQ(cache.counters().hits, 1U);
  EXPECT_EQ(cache.counters().misses, 1U);
}

TEST_F(Cache, WrongSignatureNeverHits) {
  SignatureCache cache(1);  // everything shares the one slot
  const Signature good = sign("m");
  ASSERT_TRUE(cache.verify(key_.public_key(), as_bytes("m"), good));
  for (std::size_t i = 0; i < good.bytes.size(); ++i) {
    Signature bad = good;
    bad.bytes[i] ^= 1;
    EXPECT_FALSE(cache.verify(key_.public_key(), as_bytes("m"), bad)) << i;
    EXPECT_FALSE(cache.verify(key_.public_key(), as_bytes("m"), bad)) << i;
  }
  EXPECT_FALSE(cache.verify(key_.public_key(), as_bytes("n"), good));
  EXPECT_FALSE(cache.verify(SecretKey::generate().public_key(), as_bytes("m"), good));
  EXPECT_EQ(cache.counters().hits, 0U);
  EXPECT_TRUE(cache.verify(key_.public_key(), as_bytes("m"), good));
  EXPECT_EQ(cache.counters().hits, 1U) << "failures must not evict";
}

TEST_F(Cache, BytesDoNotShiftBetweenSignatureAndMessage) {
  SignatureCache cache(1);
  const Signature signature = sign("m");
  ASSERT_TRUE(cache.verify(key_.public_key(), as_bytes("m"), signature));
  EXPECT_FALSE(cache.verify(key_.public_key(), as_bytes(""), signature));
  EXPECT_FALSE(cache.verify(key_.public_key(), as_bytes("mm"), signature));
}

TEST_F(Cache, NewEntryReplacesAnOldOne) {
  SignatureCache cache(1);
  const Signature first = sign("1");
  const Signature second = sign("2");
  EXPECT_TRUE(cache.verify(key_.public_key(), as_bytes("1"), first));
  EXPECT_TRUE(cache.verify(key_.public_key(), as_bytes("2"), second));
  EXPECT_TRUE(cache.verify(key_.public_key(), as_bytes("1"), first));
  EXPECT_EQ(cache.counters().hits, 0U);
}

TEST_F(Cache, SharedByThreadsItStaysRight) {
  SignatureCache cache(4);
  std::vector<Signature> good;
  for (char c = 'a'; c < 'i'; ++c) good.push_back(sign(std::string(1, c)));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < good.size(); ++i) {
          const std::string text(1, static_cast<char>('a' + i));
          if (!cache.verify(key_.public_key(), as_bytes(text), good[i])) ++wrong;
          if (cache.verify(key_.public_key(), as_bytes("x"), good[i])) ++wrong;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(cache.counters().hits + cache.counters().misses, 4U * 20 * 8 * 2);
}

// --- Verifier ---------------------------------------------------------------------------------

class BodyVerifier : public Verifier {
 public:
  using Verifier::Verifier;
  std::optional<Verified<Body>> check(const PublicKey& key, Body body,
                                      const Signature& signature) const {
    if (!verify_signature(key, Purpose::kTransaction, body, signature)) return std::nullopt;
    return vouch(std::move(body));
  }
};

static_assert(!std::is_constructible_v<Verified<Body>, Body>, "only a verifier makes one");
static_assert(!std::is_default_constructible_v<Verified<Body>>);

TEST(Verifier, VouchesForWhatItVerifiedOnItsChain) {
  SignatureCache cache;
  const KeySigner signer(SecretKey::generate());
  const BodyVerifier verifier(chain("here"), &cache);
  const Signature signature =
      sign_body(signer, Purpose::kTransaction, chain("here"), Body{5, "bob"});
  const auto verified = verifier.check(signer.public_key(), Body{5, "bob"}, signature);
  ASSERT_TRUE(verified);
  EXPECT_EQ((*verified)->amount, 5U);
  EXPECT_EQ((**verified).to, "bob");
  EXPECT_FALSE(verifier.check(signer.public_key(), Body{5, "eve"}, signature));
  const BodyVerifier elsewhere(chain("there"), &cache);
  EXPECT_FALSE(elsewhere.check(signer.public_key(), Body{5, "bob"}, signature));
}

TEST(SignatureCache, WhatWasSignedHereIsNotJudgedAgainAndAnythingElseIs) {
  const KeySigner key(SecretKey::from_seed(Bytes(SecretKey::kSeedBytes, 7)));
  SignatureCache cache(16);
  const RememberingSigner signer(key, cache);
  const Bytes message = to_bytes("what was said");
  const Signature signature = signer.sign(message);
  EXPECT_EQ(signature, key.sign(message));
  EXPECT_TRUE(cache.verify(signer.public_key(), message, signature));
  EXPECT_EQ(cache.counters().hits, 1U);
  EXPECT_EQ(cache.counters().misses, 0U);
  EXPECT_FALSE(cache.verify(signer.public_key(), to_bytes("what was not"), signature));
  EXPECT_EQ(cache.counters().misses, 1U);
}

bool is_empty_message(const PublicKey&, ByteView message, const Signature&) {
  return message.empty();
}

TEST(SignatureCache, RuleJudgesWhatIsNotRemembered) {
  SignatureCache cache(16, is_empty_message);
  EXPECT_TRUE(cache.verify({}, {}, {}));
  EXPECT_FALSE(cache.verify({}, to_bytes("a word"), {}));
}

}  // namespace
}  // namespace quorate::crypto
