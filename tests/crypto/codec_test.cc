// What the codec writes: golden vectors and round trips.

#include <gtest/gtest.h>

#include <random>

#include "crypto/bcs.h"
#include "tests/crypto/codec_types.h"
#include "tests/support/thinning.h"

namespace quorate::crypto {
namespace {

using namespace test;

template <class T>
void expect_form(const T& value, std::string_view hex) {
  EXPECT_EQ(to_hex(encode(value)), hex);
  const auto back = decode<T>(from_hex(hex).value());
  ASSERT_TRUE(back) << hex << ": " << back.error().to_string();
  EXPECT_EQ(*back, value) << hex;
}

TEST(CodecGolden, Booleans) {
  expect_form(false, "00");
  expect_form(true, "01");
}

TEST(CodecGolden, NumbersAreLittleEndianOfFixedWidth) {
  expect_form(std::uint8_t{0xab}, "ab");
  expect_form(std::uint16_t{0x1234}, "3412");
  expect_form(std::uint32_t{0x12345678}, "78563412");
  expect_form(std::uint64_t{0x0123456789abcdef}, "efcdab8967452301");
  expect_form(UINT64_MAX, "ffffffffffffffff");
  expect_form(std::int64_t{-2}, "feffffffffffffff");
  expect_form(INT64_MIN, "0000000000000080");
}

TEST(CodecGolden, EnumeratorsAreUleb128) {
  expect_form(Fruit::kPlum, "02");
  expect_form(Wide::kFirst, "00");
  expect_form(static_cast<Wide>(127), "7f");
  expect_form(static_cast<Wide>(128), "8001");
  expect_form(Wide::kLast, "ac02");
}

TEST(CodecGolden, BytesAndVectorsBeginWithTheirCount) {
  expect_form(Bytes{}, "00");
  expect_form(Bytes{0xc0, 0xde}, "02c0de");
  expect_form(std::vector<std::uint16_t>{1, 2}, "0201000200");
  Bytes long_one(300, 7);
  EXPECT_EQ(to_hex(encode(long_one)).substr(0, 8), "ac020707");
  EXPECT_EQ(decode<Bytes>(encode(long_one)).value(), long_one);
}

TEST(CodecGolden, TextIsUtf8WithItsByteCount) {
  expect_form(std::string("çå∞≠¢õß∂ƒ∫"), "18c3a7c3a5e2889ee289a0c2a2c3b5c39fe28882c692e288ab");
  expect_form(std::string(1, '\0'), "0100");
  expect_form(std::string("\U0010ffff"), "04f48fbfbf");
}

TEST(CodecGolden, ArraysHaveNoCount) {
  expect_form(std::array<std::uint16_t, 2>{1, 0x0203}, "01000302");
  expect_form(std::array<std::uint8_t, 3>{1, 2, 3}, "010203");
  expect_form(std::array<std::uint8_t, 0>{}, "");
}

TEST(CodecGolden, OptionalsHaveAMarker) {
  expect_form(std::optional<std::uint8_t>{}, "00");
  expect_form(std::optional<std::uint8_t>{8}, "0108");
  expect_form(std::optional<std::optional<bool>>{std::optional<bool>{}}, "0100");
}

TEST(CodecGolden, VariantsHaveAnIndex) {
  expect_form(Choice{Nothing{}}, "00");
  expect_form(Choice{std::uint8_t{255}}, "02ff");
  using Same = std::variant<std::uint16_t, std::uint16_t>;
  expect_form(Same{std::in_place_index<1>, std::uint16_t{8000}}, "01401f");
}

struct MyStruct {
  bool boolean = false;
  Bytes bytes;
  std::string label;
  friend bool operator==(const MyStruct&, const MyStruct&) = default;
};

struct Wrapper {
  MyStruct inner;
  std::string name;
  friend bool operator==(const Wrapper&, const Wrapper&) = default;
};

TEST(CodecGolden, StructsAreTheirFieldsInOrder) {
  expect_form(Wrapper{{true, {0xc0, 0xde}, "a"}, "b"}, "0102c0de01610162");
}

TEST(CodecGolden, StrongIntegersAreTheBareInteger) {
  expect_form(View{7}, "0700000000000000");
  expect_form(Small{0x0102}, "0201");
}

TEST(CodecGolden, OneFieldOfEachKind) {
  Everything e;
  e.flag = true;
  e.u8 = 1;
  e.u16 = 2;
  e.u32 = 3;
  e.u64 = 4;
  e.i64 = -1;
  e.fruit = Fruit::kPear;
  e.wide = Wide::kLast;
  e.bytes = {9};
  e.text = "hi";
  e.inners = {{Digest{}, 7}};
  e.pair = {5, 6};
  e.choice = std::uint8_t{9};
  e.view.value = 10;
  e.small.value = 11;
  e.key.bytes.fill(0xaa);
  e.signature.bytes.fill(0xbb);
  std::string hex =
      "01"
      "01"
      "0200"
      "03000000"
      "0400000000000000"
      "ffffffffffffffff"
      "01"
      "ac02"
      "0109"
      "026869"
      "01";
  hex += std::string(64, '0') +
         "01"
         "0700"
         "05000600"
         "0209"
         "0a00000000000000"
         "0b00";
  hex += std::string(64, 'a') + std::string(128, 'b');
  expect_form(e, hex);
}

// The example of crypto/README.md.
struct Item {
  std::string name;
  std::uint16_t count = 0;
  std::optional<std::uint8_t> grade;
  std::vector<std::uint32_t> marks;
  std::variant<std::uint8_t, std::string> note;
  friend bool operator==(const Item&, const Item&) = default;
};

TEST(CodecGolden, ExampleInTheReadmeIsRight) {
  const Item item{"tea", 300, 5, {1, 2}, "é"};
  expect_form(item,
              "03746561"
              "2c01"
              "0105"
              "020100000002000000"
              "0102c3a9");
}

// --- random values ----------------------------------------------------------------------------

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  std::uint64_t number() { return engine_() >> below(64); }
  Bytes bytes(std::size_t size) {
    Bytes out(size);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
    return out;
  }
  template <std::size_t N>
  void fill(std::array<std::uint8_t, N>& out) {
    const Bytes random = bytes(N);
    std::copy(random.begin(), random.end(), out.begin());
  }

 private:
  std::mt19937_64 engine_;
};

Inner random_inner(Random& random) {
  Inner inner;
  random.fill(inner.digest.bytes);
  if (random.below(2) == 0) inner.maybe = static_cast<std::uint16_t>(random.number());
  return inner;
}

Everything random_everything(Random& random) {
  static constexpr std::array<std::string_view, 5> kTexts = {"", "a", "é", "€", "\U0001f347"};
  Everything e;
  e.flag = random.below(2) == 0;
  e.u8 = static_cast<std::uint8_t>(random.number());
  e.u16 = static_cast<std::uint16_t>(random.number());
  e.u32 = static_cast<std::uint32_t>(random.number());
  e.u64 = random.number();
  e.i64 = static_cast<std::int64_t>(random.number());
  e.fruit = static_cast<Fruit>(random.below(3));
  e.wide = static_cast<Wide>(random.below(301));
  e.bytes = random.bytes(random.below(200));
  for (std::uint64_t i = random.below(4); i > 0; --i) e.text += kTexts[random.below(5)];
  for (std::uint64_t i = random.below(4); i > 0; --i) e.inners.push_back(random_inner(random));
  e.pair = {static_cast<std::uint16_t>(random.number()), 1};
  switch (random.below(3)) {
    case 0:
      e.choice = Nothing{};
      break;
    case 1:
      e.choice = random_inner(random);
      break;
    default:
      e.choice = static_cast<std::uint8_t>(random.number());
  }
  e.view.value = random.number();
  e.small.value = static_cast<std::uint16_t>(random.number());
  random.fill(e.key.bytes);
  random.fill(e.signature.bytes);
  return e;
}

TEST(CodecProperty, DecodingUndoesEncoding) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const Everything e = random_everything(random);
    const auto back = decode<Everything>(encode(e));
    ASSERT_TRUE(back) << back.error().to_string();
    ASSERT_EQ(*back, e);
  }
}

TEST(CodecProperty, ChangedByteIsRefusedOrMeansExactlyTheChangedBytes) {
  Random random(2);
  int refused = 0;
  int accepted = 0;
  for (int i = 0; i < 60; ++i) {
    const Bytes good = encode(random_everything(random));
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const int mask : {0x01, 0x80, 0xff}) {
        Bytes bad = good;
        bad[at] = static_cast<std::uint8_t>(bad[at] ^ mask);
        const auto value = decode<Everything>(bad);
        value ? ++accepted : ++refused;
        if (!value) continue;
        ASSERT_EQ(encode(*value), bad) << "byte " << at;
      }
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 1000);
}

TEST(CodecProperty, EveryCutAndEveryAddedByteIsRefused) {
  Random random(3);
  for (int i = 0; i < 30; ++i) {
    Bytes bytes = encode(random_everything(random));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(decode<Everything>(ByteView(bytes).first(length))) << length;
    }
    bytes.push_back(0);
    EXPECT_EQ(decode<Everything>(bytes).error().code, "bcs-trailing-bytes");
  }
}

template <class T>
void expect_one_encoding(ByteView bytes, int& accepted) {
  const auto value = decode<T>(bytes);
  if (!value) return;
  ++accepted;
  ASSERT_EQ(to_hex(encode(*value)), to_hex(bytes));
}

TEST(CodecProperty, EveryShortByteStringHasOneReading) {
  using Mixed = std::variant<Nothing, std::vector<Fruit>, std::optional<bool>, std::string,
                             std::vector<Choice>>;
  constexpr std::uint32_t kStep = 7 * quorate::test::kStride;  // through those of three bytes
  int accepted = 0;
  for (std::uint32_t number = 0; number < (1U << 24); number += number < (1U << 16) ? 1 : kStep) {
    const std::array<std::uint8_t, 3> bytes = {static_cast<std::uint8_t>(number),
                                               static_cast<std::uint8_t>(number >> 8),
                                               static_cast<std::uint8_t>(number >> 16)};
    const std::size_t size = number < (1U << 8) ? 1 : number < (1U << 16) ? 2 : 3;
    expect_one_encoding<Mixed>({bytes.data(), size}, accepted);
    expect_one_encoding<Wide>({bytes.data(), size}, accepted);
  }
  EXPECT_GT(accepted, 100);
}

TEST(CodecProperty, RandomBytesOfSmallNumbersHaveOneReading) {
  static constexpr std::array<std::uint8_t, 10> kLikely = {0, 0, 1, 1, 2, 3, 4, 0x41, 0x80, 0xff};
  using Mixed = std::vector<std::variant<std::uint8_t, std::string, std::optional<Fruit>, Bytes>>;
  Random random(4);
  int accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    Bytes bytes(random.below(12));
    for (auto& byte : bytes) byte = kLikely[random.below(kLikely.size())];
    expect_one_encoding<Mixed>(bytes, accepted);
    expect_one_encoding<Nest>(bytes, accepted);
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace quorate::crypto
