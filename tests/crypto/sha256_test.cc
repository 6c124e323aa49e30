#include "crypto/sha256.h"

#include <gtest/gtest.h>

namespace quorate::crypto {
namespace {

// FIPS 180-4 examples.
TEST(Sha256, MatchesTheStandard) {
  EXPECT_EQ(sha256({}).hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(as_bytes("abc")).hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(Bytes(1'000'000, 'a')).hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesHashAsTheWhole) {
  Bytes whole(300);
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<std::uint8_t>(i * 7);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const Digest pieces =
        Sha256().update(ByteView(whole).first(cut)).update(ByteView(whole).subspan(cut)).finish();
    ASSERT_EQ(pieces, sha256(whole)) << cut;
  }
}

TEST(Sha256DeathTest, FinishingTwiceIsABug) {
  Sha256 hash;
  (void)hash.finish();
  EXPECT_DEATH((void)hash.finish(), "used once");
  EXPECT_DEATH((void)hash.update({}), "used once");
}

TEST(Digest, ParsesOnly64HexDigits) {
  const Digest digest = sha256(as_bytes("x"));
  EXPECT_EQ(parse_digest(digest.hex()).value(), digest);
  EXPECT_EQ(digest.short_hex(), digest.hex().substr(0, 8));
  EXPECT_TRUE(Digest{}.is_zero());
  EXPECT_FALSE(digest.is_zero());
  for (const std::size_t length : {0, 62, 63, 65, 66}) {
    EXPECT_EQ(parse_digest(std::string(length, '0')).error().code, "digest-malformed");
  }
  EXPECT_EQ(parse_digest(std::string(63, '0') + "x").error().code, "digest-malformed");
}

}  // namespace
}  // namespace quorate::crypto
