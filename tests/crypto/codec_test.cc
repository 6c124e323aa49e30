#include "crypto/bcs.h"

#include <gtest/gtest.h>

#include "crypto/signing.h"

namespace quorate::crypto {
namespace {

enum class Fruit : std::uint8_t { kApple, kPear };

struct Inner {
  Digest digest;
  std::optional<std::uint16_t> maybe;
  friend bool operator==(const Inner&, const Inner&) = default;
};

struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};

struct Everything {
  bool flag = false;
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  std::int64_t i64 = 0;
  Fruit fruit{};
  Bytes bytes;
  std::string text;
  std::vector<Inner> inners;
  std::array<std::uint16_t, 2> pair{};
  std::variant<Nothing, Inner, std::uint8_t> choice;
  Strong<struct ViewTag> view;
  PublicKey key;
  Signature signature;
  friend bool operator==(const Everything&, const Everything&) = default;
};

}  // namespace
}  // namespace quorate::crypto

template <>
inline constexpr quorate::crypto::Fruit quorate::crypto::bcs::enum_max<quorate::crypto::Fruit> =
    quorate::crypto::Fruit::kPear;

namespace quorate::crypto {
namespace {

TEST(Codec, RoundTripsEveryType) {
  ASSERT_TRUE(self_test()) << self_test().error().to_string();
  Everything e;
  e.flag = true;
  e.i64 = -2;
  e.fruit = Fruit::kPear;
  e.text = "häh";
  e.inners.resize(3);
  e.inners[1].maybe = 7;
  e.choice = std::uint8_t{9};
  e.view.value = 5;
  const Bytes bytes = encode(e);
  const auto back = decode<Everything>(bytes);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(*back, e);
}

}  // namespace
}  // namespace quorate::crypto
