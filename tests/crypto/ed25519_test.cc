#include "crypto/ed25519.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <new>
#include <set>

#include "tests/crypto/test_data.h"

namespace quorate::crypto {
namespace {

template <class T>
T from_hex_field(const boost::json::value& hex) {
  T out;
  const Bytes bytes = from_hex(hex.as_string()).value();
  EXPECT_EQ(bytes.size(), out.bytes.size());
  std::copy_n(bytes.begin(), out.bytes.size(), out.bytes.begin());
  return out;
}

SecretKey key_of_seed(std::string_view hex) { return SecretKey::from_seed(from_hex(hex).value()); }

// RFC 8032 §7.1, tests 1 and 2.
TEST(Ed25519, SignsAsTheRfcDoes) {
  const SecretKey first =
      key_of_seed("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  EXPECT_EQ(first.public_key().hex(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(
      to_hex(first.sign({}).bytes),
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e397"
      "01cf9b46bd25bf5f0595bbe24655141438e7a100b");
  const SecretKey second =
      key_of_seed("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  EXPECT_EQ(
      to_hex(second.sign(Bytes{0x72}).bytes),
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f361"
      "3d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Ed25519, AcceptsItsOwnSignaturesAndNoOthers) {
  const SecretKey key = SecretKey::generate();
  const Bytes message = to_bytes("pay the bearer");
  const Signature signature = key.sign(message);
  EXPECT_TRUE(verify(key.public_key(), message, signature));
  EXPECT_FALSE(verify(key.public_key(), to_bytes("pay the bearer!"), signature));
  EXPECT_FALSE(verify(SecretKey::generate().public_key(), message, signature));
  for (std::size_t i = 0; i < signature.bytes.size(); ++i) {
    Signature bad = signature;
    bad.bytes[i] ^= 1;
    EXPECT_FALSE(verify(key.public_key(), message, bad)) << i;
  }
}

TEST(Ed25519, GeneratesAnotherKeyEachTime) {
  std::set<PublicKey> keys;
  for (int i = 0; i < 20; ++i) keys.insert(SecretKey::generate().public_key());
  EXPECT_EQ(keys.size(), 20U);
}

TEST(Ed25519, MovingAKeyWipesItsOldPlace) {
  SecretKey key = SecretKey::generate();
  const std::string seed = to_hex(key.seed());
  SecretKey moved = std::move(key);
  EXPECT_EQ(to_hex(moved.seed()), seed);
  EXPECT_EQ(to_hex(key.seed()), std::string(64, '0'));
  SecretKey assigned = SecretKey::generate();
  assigned = std::move(moved);
  EXPECT_EQ(to_hex(assigned.seed()), seed);
  EXPECT_EQ(to_hex(moved.seed()), std::string(64, '0'));
}

TEST(Ed25519, DestroyingAKeyWipesItsMemory) {
  alignas(SecretKey) std::array<unsigned char, sizeof(SecretKey)> place;
  auto* key = new (place.data()) SecretKey(SecretKey::generate());
  const Bytes seed(key->seed().begin(), key->seed().end());
  ASSERT_NE(std::search(place.begin(), place.end(), seed.begin(), seed.end()), place.end());
  key->~SecretKey();
  EXPECT_EQ(std::search(place.begin(), place.end(), seed.begin(), seed.end()), place.end());
}

TEST(Ed25519DeathTest, SigningWithAMovedKeyIsABug) {
  SecretKey key = SecretKey::generate();
  const SecretKey moved = std::move(key);
  EXPECT_DEATH((void)key.sign({}), "moved away");
  EXPECT_DEATH((void)SecretKey::from_seed(Bytes(31)), "32 bytes");
}

TEST(Ed25519, SelfTestHoldsWithThisLibrary) {
  const Status status = self_test();
  EXPECT_TRUE(status) << status.error().to_string();
}

// Another library's reading of RFC 8032, as a changed libsodium would be.
bool verify_by_openssl(const PublicKey& key, ByteView message, const Signature& signature) {
  EVP_PKEY* pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(), 32);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool valid =
      EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, pkey) == 1 &&
      EVP_DigestVerify(context, signature.bytes.data(), 64, message.data(), message.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(pkey);
  return valid;
}

TEST(Ed25519, SelfTestRefusesAnotherRule) {
  const Status status = hold_to_pinned_rule(verify_by_openssl);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, "ed25519-rule-changed");
  EXPECT_EQ(status.error().kind, ErrorKind::kUnsupported);
  VerifyFunction* nobody = [](const PublicKey&, ByteView, const Signature&) { return false; };
  EXPECT_FALSE(hold_to_pinned_rule(*nobody));
}

TEST(Ed25519, AdmitsOnlyCanonicalPointsOfThePrimeOrderSubgroup) {
  EXPECT_TRUE(admit_public_key(SecretKey::generate().public_key()));
  for (const char* hex : {
           "0000000000000000000000000000000000000000000000000000000000000000",  // order 4
           "0100000000000000000000000000000000000000000000000000000000000000",  // neutral
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 2
           "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",  // order 8
           "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",  // mixed order
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",  // not canonical
           "0200000000000000000000000000000000000000000000000000000000000000",  // not a point
       }) {
    const auto admitted = admit_public_key(parse_public_key(hex).value());
    ASSERT_FALSE(admitted) << hex;
    EXPECT_EQ(admitted.error().code, "key-invalid-point");
  }
}

TEST(Ed25519, ParsesOnly64HexDigits) {
  const SecretKey key = SecretKey::generate();
  EXPECT_EQ(parse_public_key(key.public_key().hex()).value(), key.public_key());
  const std::string good(64, 'a');
  for (const std::string& bad : {std::string(), good + "a", good + "aa", good.substr(1),
                                 good.substr(2), "0x" + good.substr(2), good.substr(1) + "g"}) {
    EXPECT_EQ(parse_public_key(bad).error().code, "key-malformed") << bad;
  }
}

TEST(Ed25519Vectors, OfTheSpecCheckOnlyNumberThreeIsAccepted) {
  const auto cases = test::read_json("ed25519_speccheck_cases.json");
  if (cases.is_null()) GTEST_SKIP() << test::kNoData << "ed25519_speccheck_cases.json";
  ASSERT_EQ(cases.as_array().size(), 12U);
  int number = 0;
  for (const auto& c : cases.as_array()) {
    const bool valid = verify(from_hex_field<PublicKey>(c.at("pub_key")),
                              from_hex(c.at("message").as_string()).value(),
                              from_hex_field<Signature>(c.at("signature")));
    EXPECT_EQ(valid, number == 3) << number;
    ++number;
  }
}

TEST(Ed25519Vectors, NoKeyWithSmallOrderPartOrSecondSpellingIsAdmitted) {
  const auto cases = test::read_json("cctv_ed25519vectors.json");
  if (cases.is_null()) GTEST_SKIP() << test::kNoData << "cctv_ed25519vectors.json";
  int bad = 0;
  for (const auto& c : cases.as_array()) {
    bool flawed = false;
    if (!c.at("flags").is_array()) continue;
    for (const auto& flag : c.at("flags").as_array()) {
      flawed = flawed || flag == "low_order_A" || flag == "low_order_component_A" ||
               flag == "non_canonical_A";
    }
    if (!flawed) continue;
    ++bad;
    EXPECT_FALSE(admit_public_key(from_hex_field<PublicKey>(c.at("key")))) << c.at("key");
  }
  EXPECT_GT(bad, 100);
}

// The pinned digest covers one byte, 0 or 1, for each of the 914 verdicts in order.
TEST(Ed25519Vectors, OfTheCctvVectors43AreAcceptedAndAlwaysTheSame) {
  const auto cases = test::read_json("cctv_ed25519vectors.json");
  if (cases.is_null()) GTEST_SKIP() << test::kNoData << "cctv_ed25519vectors.json";
  Bytes verdicts;
  int accepted = 0;
  for (const auto& c : cases.as_array()) {
    const bool valid =
        verify(from_hex_field<PublicKey>(c.at("key")), as_bytes(c.at("msg").as_string()),
               from_hex_field<Signature>(c.at("sig")));
    verdicts.push_back(valid ? 1 : 0);
    accepted += valid ? 1 : 0;
  }
  EXPECT_EQ(verdicts.size(), 914U);
  EXPECT_EQ(accepted, 43);
  EXPECT_EQ(sha256(verdicts).hex(),
            "b17169718feaea53f9257be099afc9cad8a209a9ecae1fe38b8acf889a7621ab");
}

}  // namespace
}  // namespace quorate::crypto
