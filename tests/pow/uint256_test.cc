#include "pow/uint256.h"
#include "tests/support/thinning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace quorate::pow {
namespace {

// A number as its bits, the least significant first: slow, and with nothing to get wrong.
namespace twin {

using Number = std::vector<bool>;

Number of(const U256& value) {
  Number bits;
  for (const std::uint64_t word : value.words) {
    for (unsigned i = 0; i < 64; ++i) bits.push_back(((word >> i) & 1) != 0);
  }
  return bits;
}

U256 back(const Number& bits) {
  U256 value;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i] && i >= 256) return u256_max();
    if (bits[i]) value.words[i / 64] |= 1ULL << (i % 64);
  }
  return value;
}

Number plus(Number a, const Number& b) {
  a.resize(std::max(a.size(), b.size()) + 1);
  bool carry = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int ones = int{a[i]} + int{i < b.size() && b[i]} + int{carry};
    a[i] = ones % 2 == 1;
    carry = ones > 1;
  }
  return a;
}

Number times(const Number& a, std::uint64_t factor) {
  Number product;
  for (unsigned i = 0; i < 64; ++i) {
    if (((factor >> i) & 1) == 0) continue;
    Number shifted(i);
    shifted.insert(shifted.end(), a.begin(), a.end());
    product = plus(product, shifted);
  }
  return product;
}

bool at_least(const Number& a, const Number& b) {
  for (std::size_t i = std::max(a.size(), b.size()); i-- > 0;) {
    const bool bit_a = i < a.size() && a[i];
    const bool bit_b = i < b.size() && b[i];
    if (bit_a != bit_b) return bit_a;
  }
  return true;
}

Number minus(Number a, const Number& b) {
  bool borrow = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int rest = int{a[i]} - int{i < b.size() && b[i]} - int{borrow};
    a[i] = (rest & 1) != 0;
    borrow = rest < 0;
  }
  return a;
}

Number over(const Number& a, const Number& b) {
  Number quotient(a.size());
  Number rest;
  for (std::size_t i = a.size(); i-- > 0;) {
    rest.insert(rest.begin(), a[i]);
    if (at_least(rest, b)) {
      rest = minus(rest, b);
      quotient[i] = true;
    }
  }
  return quotient;
}

}  // namespace twin

// Numbers of every width, with runs of ones and zeros where carries go wrong.
U256 draw(std::mt19937_64& dice) {
  U256 value{{dice(), dice(), dice(), dice()}};
  for (std::uint64_t& word : value.words) {
    if (dice() % 4 == 0) word = 0;
    if (dice() % 4 == 0) word = ~0ULL;
  }
  return shifted_right(value, static_cast<unsigned>(dice() % 257));
}

TEST(U256, AgreesWithArithmeticBitByBit) {
  std::mt19937_64 dice(1);
  for (std::uint32_t i = 0; i < 60; i += quorate::test::kStride) {
    const U256 a = draw(dice);
    const U256 b = draw(dice);
    const std::uint64_t factor = dice() >> dice() % 64;
    const std::uint64_t divisor = (dice() >> dice() % 64) | 1;
    SCOPED_TRACE(hex_of(a) + " " + hex_of(b));
    EXPECT_EQ(sum(a, b), twin::back(twin::plus(twin::of(a), twin::of(b))));
    EXPECT_EQ(a < b, !twin::at_least(twin::of(a), twin::of(b)));
    EXPECT_EQ(difference(a, b),
              a < b ? U256{} : twin::back(twin::minus(twin::of(a), twin::of(b))));
    EXPECT_EQ(scaled(a, factor, divisor),
              twin::back(twin::over(twin::times(twin::of(a), factor), twin::of(u256(divisor)))));
    twin::Number two_to_256(257);
    two_to_256[256] = true;
    EXPECT_EQ(work_of_target(a),
              twin::back(twin::over(two_to_256, twin::plus(twin::of(a), twin::of(u256(1))))));
  }
}

TEST(U256, ShiftsMoveEachBit) {
  std::mt19937_64 dice(2);
  for (const unsigned count : {0U, 1U, 7U, 63U, 64U, 65U, 128U, 191U, 255U, 256U, 300U}) {
    const U256 a = draw(dice);
    twin::Number left(count);
    const twin::Number bits = twin::of(a);
    left.insert(left.end(), bits.begin(), bits.end());
    left.resize(256);
    EXPECT_EQ(shifted_left(a, count), twin::back(left)) << count;
    const twin::Number right(bits.begin() + std::min<std::size_t>(count, 256), bits.end());
    EXPECT_EQ(shifted_right(a, count), twin::back(right)) << count;
  }
}

TEST(U256, WhatDoesNotFitIsTheLargest) {
  EXPECT_EQ(sum(u256_max(), u256(1)), u256_max());
  EXPECT_EQ(scaled(u256_max(), 3, 2), u256_max());
  EXPECT_EQ(scaled(u256_max(), 2, 2), u256_max());
  EXPECT_EQ(work_of_target(u256(0)), u256_max());
  EXPECT_EQ(work_of_target(u256_max()), u256(1));
  EXPECT_EQ(difference(u256(1), u256(2)), u256(0));
}

TEST(U256, ReadsADigestFromItsFirstByte) {
  crypto::Digest digest;
  digest.bytes[0] = 1;
  digest.bytes[31] = 0x80;
  const U256 value = number_of(digest);
  EXPECT_EQ(value, (U256{{1, 0, 0, 0x8000000000000000}}));
  EXPECT_EQ(hex_of(value), "80" + std::string(60, '0') + "01");
  EXPECT_EQ(bit_width(value), 256U);
  EXPECT_EQ(bit_width(u256(0)), 0U);
  EXPECT_EQ(bit_width(u256(5)), 3U);
}

TEST(U256, PrintsDecimals) {
  EXPECT_EQ(decimal_of(u256(0)), "0");
  EXPECT_EQ(decimal_of(u256_max()),
            "115792089237316195423570985008687907853269984665640564039457584007913129639935");
}

}  // namespace
}  // namespace quorate::pow
