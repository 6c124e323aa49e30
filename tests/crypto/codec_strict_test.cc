// What the codec refuses, and with which code.

#include <gtest/gtest.h>

#include "crypto/bcs.h"
#include "tests/crypto/codec_types.h"

namespace quorate::crypto {
namespace {

using namespace test;

template <class T>
std::string_view refusal(ByteView bytes) {
  const auto value = decode<T>(bytes);
  return value ? std::string_view("none") : value.error().code;
}
template <class T>
std::string_view refusal(std::string_view hex) {
  return refusal<T>(from_hex(hex).value());
}

TEST(CodecStrict, RefusesBytesThatEndInsideAValue) {
  EXPECT_EQ(refusal<bool>(""), "bcs-truncated");
  EXPECT_EQ(refusal<std::uint8_t>(""), "bcs-truncated");
  EXPECT_EQ(refusal<std::uint64_t>("00000000000000"), "bcs-truncated");
  EXPECT_EQ(refusal<std::int64_t>("00"), "bcs-truncated");
  EXPECT_EQ(refusal<Digest>(std::string(62, '0')), "bcs-truncated");
  EXPECT_EQ(refusal<Fruit>(""), "bcs-truncated");
  EXPECT_EQ(refusal<Fruit>("80"), "bcs-truncated");
  EXPECT_EQ(refusal<Bytes>(""), "bcs-truncated");
  EXPECT_EQ(refusal<std::string>("ff"), "bcs-truncated");
  EXPECT_EQ(refusal<std::optional<bool>>(""), "bcs-truncated");
  EXPECT_EQ(refusal<std::optional<bool>>("01"), "bcs-truncated");
  EXPECT_EQ(refusal<Choice>(""), "bcs-truncated");
  EXPECT_EQ(refusal<Choice>("02"), "bcs-truncated");
  EXPECT_EQ(refusal<std::vector<std::uint16_t>>("02010000"), "bcs-truncated");
}

TEST(CodecStrict, RefusesBytesAfterTheValue) {
  EXPECT_EQ(refusal<bool>("0100"), "bcs-trailing-bytes");
  EXPECT_EQ(refusal<Nothing>("00"), "bcs-trailing-bytes");
  EXPECT_EQ(refusal<Bytes>("010000"), "bcs-trailing-bytes");
}

TEST(CodecStrict, RefusesUleb128LongerThanNeeded) {
  EXPECT_EQ(refusal<Bytes>("8000"), "bcs-non-minimal-length");
  EXPECT_EQ(refusal<Bytes>("818000"), "bcs-non-minimal-length");
  EXPECT_EQ(refusal<Bytes>("8180808000"), "bcs-non-minimal-length");
  EXPECT_EQ(refusal<Fruit>("8100"), "bcs-non-minimal-length");
  EXPECT_EQ(refusal<Choice>("8000"), "bcs-non-minimal-length");
}

TEST(CodecStrict, RefusesCountsBeyondTheBytesThatFollow) {
  EXPECT_EQ(refusal<Bytes>("02ff"), "bcs-length-too-large");
  EXPECT_EQ(refusal<std::string>("0261"), "bcs-length-too-large");
  EXPECT_EQ(refusal<std::vector<std::uint64_t>>("ffffffff07"), "bcs-length-too-large");
  EXPECT_EQ(refusal<std::vector<Digest>>("0101"), "bcs-truncated");
}

TEST(CodecStrict, RefusesUleb128Above32Bits) {
  EXPECT_EQ(refusal<Bytes>("ffffffff0f"), "bcs-length-too-large");
  EXPECT_EQ(refusal<Bytes>("ffffffff10"), "bcs-length-too-large");
  EXPECT_EQ(refusal<Bytes>("ffffffff7f"), "bcs-length-too-large");
  EXPECT_EQ(refusal<Bytes>("8080808080808001"), "bcs-length-too-large");
  // 2^32 + 1 must not wrap around to the second enumerator.
  EXPECT_EQ(refusal<Fruit>("8180808010"), "bcs-length-too-large");
}

TEST(CodecStrict, RefusesUnknownEnumeratorsAndAlternatives) {
  EXPECT_EQ(refusal<Fruit>("03"), "bcs-unknown-variant");
  EXPECT_EQ(refusal<Wide>("ad02"), "bcs-unknown-variant");
  EXPECT_EQ(refusal<Choice>("03"), "bcs-unknown-variant");
  // 256 must not be cut down to an enumerator of eight bits.
  EXPECT_EQ(refusal<Fruit>("8002"), "bcs-unknown-variant");
}

TEST(CodecStrict, RefusesBooleansOtherThanZeroAndOne) {
  EXPECT_EQ(refusal<bool>("02"), "bcs-bad-bool");
  EXPECT_EQ(refusal<bool>("ff"), "bcs-bad-bool");
  EXPECT_EQ(refusal<std::optional<std::uint8_t>>("0207"), "bcs-bad-bool");
}

TEST(CodecStrict, RefusesTextThatIsNotUtf8) {
  for (const std::string_view hex : {
           "0180",          // continuation without a start
           "01c3",          // start without continuation
           "02c328",        // start, then ASCII
           "02c0af",        // overlong of two
           "02c1bf",        // overlong of two, the last
           "03e08080",      // overlong of three
           "03e09fbf",      // overlong of three, the last
           "03eda080",      // surrogate, the first
           "03edbfbf",      // surrogate, the last
           "03e28228",      // third byte is no continuation
           "02e282",        // cut
           "04f0808080",    // overlong of four
           "04f08fbfbf",    // overlong of four, the last
           "04f4908080",    // above U+10FFFF
           "04f5808080",    // above U+10FFFF
           "04f0908028",    // fourth byte is no continuation
           "03f09080",      // cut
           "05f888808080",  // five bytes
           "01ff",          // no start at all
       }) {
    EXPECT_EQ(refusal<std::string>(hex), "bcs-bad-utf8") << hex;
  }
  for (const std::string_view hex : {"017f", "02c280", "02dfbf", "03e0a080", "03ed9fbf", "03ee8080",
                                     "03efbfbf", "04f0908080", "04f48fbfbf"}) {
    EXPECT_EQ(refusal<std::string>(hex), "none") << hex;
  }
}

TEST(CodecStrict, RefusesNestingPastTheBound) {
  Bytes nested(bcs::kDepthMax - 1, 1);
  nested.push_back(0);
  EXPECT_EQ(refusal<Nest>(nested), "none");
  nested.insert(nested.begin(), 1);
  EXPECT_EQ(refusal<Nest>(nested), "bcs-too-deep");
  EXPECT_EQ(refusal<Nest>(Bytes(1 << 20, 1)), "bcs-too-deep");
}

struct Chain {
  std::vector<std::optional<std::variant<Nothing, std::vector<Chain>>>> links;
};

TEST(CodecStrict, CountsVectorsOptionalsAndVariantsAsNesting) {
  // Of each round, 01 01 01: a vector of one, present, the second alternative; which is a vector.
  EXPECT_EQ(refusal<Chain>(Bytes(1000, 1)), "bcs-too-deep");
}

struct Fat {
  std::array<std::uint64_t, 1000> words{};
};

TEST(CodecStrict, ClaimedCountReservesNoMoreThanWasSent) {
  // A million elements of 8,000 bytes are claimed: eight gigabytes, if it were believed.
  Bytes bytes;
  bcs::write_length(bytes, 1'000'000);
  bytes.resize(bytes.size() + 1'000'000);
  bcs::Reader reader(bytes);
  std::vector<Fat> value;
  EXPECT_FALSE(bcs::read(reader, value, 0));
  EXPECT_EQ(reader.error().code, "bcs-truncated");
  EXPECT_LE(value.capacity() * sizeof(Fat), 4 * bytes.size());
}

TEST(CodecStrict, ErrorsSayWhere) {
  const auto value = decode<std::array<bool, 3>>(Bytes{1, 0, 7});
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(value.error().message,
            "a boolean or optional marker is neither 0 nor 1, at byte 2 of 3");
  EXPECT_FALSE(value.error().next.empty());
}

TEST(CodecStrict, EncodeToAppends) {
  Bytes out = {9};
  encode_to(out, std::uint16_t{1});
  EXPECT_EQ(to_hex(out), "090100");
}

}  // namespace
}  // namespace quorate::crypto
