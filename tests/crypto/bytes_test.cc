#include "crypto/bytes.h"

#include <gtest/gtest.h>

#include "crypto/check.h"

namespace quorate {
namespace {

TEST(Hex, RoundTripsAndTakesBothCases) {
  const Bytes bytes = {0x00, 0x0f, 0xa5, 0xff};
  EXPECT_EQ(to_hex(bytes), "000fa5ff");
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(from_hex("000fA5Ff").value(), bytes);
  EXPECT_TRUE(from_hex("").value().empty());
}

TEST(Hex, RefusesWhatIsNotPairsOfDigits) {
  for (const char* bad : {"0", "000", "0g", "g0", " 00", "00 ", "0 0", "0x00", "00\n", "é"}) {
    EXPECT_EQ(from_hex(bad).error().code, "hex-malformed") << bad;
  }
  EXPECT_EQ(from_hex(std::string_view("00\0"
                                      "0",
                                      4))
                .error()
                .code,
            "hex-malformed");
}

// RFC 4648 §10.
TEST(Base64, MatchesTheRfc) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(from_base64(encoded).value(), to_bytes(plain));
  }
  EXPECT_EQ(to_base64(Bytes{0xfb, 0xff}), "+/8=");
}

TEST(Base64, RefusesEverySecondSpelling) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "Zg==Zg==", "Zm9v\n",
                          " Zm9v", "Zm 9v", "-_8=", "====", "=", "Zm9v====", "Zm9vé"}) {
    EXPECT_EQ(from_base64(bad).error().code, "base64-malformed") << bad;
  }
}

// Found by the fuzzer of notes: libsodium takes some of them for characters.
TEST(Base64, RefusesEveryByteThatIsNoCharacterOfIt) {
  const std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int byte = 0; byte < 256; ++byte) {
    const char character = static_cast<char>(byte);
    const std::string text{'A', character, 'A', 'A'};
    const bool is_known = kAlphabet.find(character) != std::string_view::npos;
    EXPECT_EQ(from_base64(text).has_value(), is_known) << byte;
  }
}

TEST(Base64, ShortStringsHaveOneSpelling) {
  static constexpr std::string_view kAlphabet = "AQZgw/+=9- ";
  for (const char a : kAlphabet) {
    for (const char b : kAlphabet) {
      for (const char c : kAlphabet) {
        for (const char d : kAlphabet) {
          const std::string text = {a, b, c, d};
          const auto bytes = from_base64(text);
          if (!bytes) continue;
          EXPECT_EQ(to_base64(*bytes), text);
        }
      }
    }
  }
}

TEST(Error, ReadsAsOneLine) {
  const Error error{ErrorKind::kInvalid, "some-code", "found 3, expected 4", "Give one more."};
  EXPECT_EQ(error.to_string(), "found 3, expected 4 (some-code). Give one more.");
  const Error bare{ErrorKind::kInvalid, "some-code", "found 3, expected 4.", ""};
  EXPECT_EQ(bare.to_string(), "found 3, expected 4 (some-code).");
}

TEST(CheckDeathTest, FailedCheckNamesItsCondition) {
  const int found = 3;
  EXPECT_DEATH(QUORATE_CHECK(found == 4, "four was promised"), "found == 4: four was promised");
}

}  // namespace
}  // namespace quorate
