#pragma once

// Types for the codec's tests: one field of each kind that crypto/bcs.h lists.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "crypto/bcs.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "crypto/strong.h"

namespace quorate::crypto::test {

enum class Fruit : std::uint8_t { kApple, kPear, kPlum };

// More enumerators than one ULEB128 byte can number.
enum class Wide : std::uint16_t { kFirst = 0, kLast = 300 };

struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};

struct Inner {
  Digest digest;
  std::optional<std::uint16_t> maybe;
  friend bool operator==(const Inner&, const Inner&) = default;
};

using Choice = std::variant<Nothing, Inner, std::uint8_t>;
using View = Strong<struct ViewTag>;
using Small = Strong<struct SmallTag, std::uint16_t>;

// Contains itself, as deep as anybody likes to write.
struct Nest {
  std::vector<Nest> inside;
  friend bool operator==(const Nest&, const Nest&) = default;
};

struct Everything {
  bool flag = false;
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  std::int64_t i64 = 0;
  Fruit fruit{};
  Wide wide{};
  Bytes bytes;
  std::string text;
  std::vector<Inner> inners;
  std::array<std::uint16_t, 2> pair{};
  Choice choice;
  View view;
  Small small;
  PublicKey key;
  Signature signature;
  friend bool operator==(const Everything&, const Everything&) = default;
};

}  // namespace quorate::crypto::test

template <>
inline constexpr quorate::crypto::test::Fruit
    quorate::crypto::bcs::enum_max<quorate::crypto::test::Fruit> =
        quorate::crypto::test::Fruit::kPlum;

template <>
inline constexpr quorate::crypto::test::Wide
    quorate::crypto::bcs::enum_max<quorate::crypto::test::Wide> =
        quorate::crypto::test::Wide::kLast;
