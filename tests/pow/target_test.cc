#include "pow/target.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

namespace quorate::pow {
namespace {

std::string decoded(std::uint32_t bits, const U256& limit = u256_max()) {
  const auto target = decode_target({bits}, limit);
  return target ? hex_of(*target) : std::string(reject_code(target.error()));
}

std::string hex(std::string digits) { return std::string(64 - digits.size(), '0') + digits; }

TEST(CompactTarget, SpellsATargetInThreeBytesAndAnExponent) {
  EXPECT_EQ(decoded(0x1d00ffff), hex("ffff" + std::string(52, '0')));
  EXPECT_EQ(decoded(0x207fffff), "7fffff" + std::string(58, '0'));
  EXPECT_EQ(decoded(0x1b04864c), hex("4864c" + std::string(48, '0')));
  EXPECT_EQ(decoded(0x02008000), hex("80"));
  EXPECT_EQ(decoded(0x01120000), hex("12"));
  EXPECT_EQ(decoded(0x03123456), hex("123456"));
  EXPECT_EQ(decoded(0x05009234), hex("92340000"));
  EXPECT_EQ(decoded(0x20123456), "123456" + std::string(58, '0'));
  EXPECT_EQ(decoded(0x2100ffff), "ffff" + std::string(60, '0'));
}

TEST(CompactTarget, RefusesEachBadSpellingForItsReason) {
  // Nothing is left of the mantissa: with the sign or without, it is zero.
  for (const std::uint32_t bits :
       {0x00000000U, 0x00123456U, 0x01003456U, 0x02000056U, 0x03000000U, 0x04000000U, 0x00923456U,
        0x01803456U, 0x02800056U, 0x03800000U, 0x04800000U, 0xff000000U, 0xff800000U}) {
    EXPECT_EQ(decoded(bits), "pow-target-zero") << bits;
  }
  for (const std::uint32_t bits : {0x01fedcbaU, 0x04923456U, 0x1d80ffffU, 0xff923456U}) {
    EXPECT_EQ(decoded(bits), "pow-target-negative") << bits;
  }
  for (const std::uint32_t bits : {0x21010000U, 0x22000100U, 0x23000001U, 0xff123456U}) {
    EXPECT_EQ(decoded(bits), "pow-target-overflow") << bits;
  }
  const U256 limit = decode_target({0x1d00ffff}, u256_max()).value();
  EXPECT_EQ(decoded(0x1d00ffff, limit), hex_of(limit));
  EXPECT_EQ(decoded(0x1d010000, limit), "pow-target-above-limit");
  EXPECT_EQ(decoded(0x1e0000ff, limit), "pow-target-not-canonical");
  EXPECT_EQ(decoded(0x1e000100, limit), "pow-target-above-limit");
  for (const std::uint32_t bits : {0x01123456U, 0x02123456U, 0x04000012U, 0x1e0000ffU,
                                   0x220000ffU, 0x21000001U}) {
    EXPECT_EQ(decoded(bits), "pow-target-not-canonical") << bits;
  }
}

// The twin knows no exponent: it writes a target's bytes out, the most significant first.
TEST(CompactTarget, SpellingIsTheFirstThreeBytesOfTheNumber) {
  std::mt19937_64 dice(3);
  for (int i = 0; i < 2000; ++i) {
    const U256 target = shifted_right({{dice(), dice(), dice(), dice()}},
                                      static_cast<unsigned>(dice() % 256));
    if (target.is_zero()) continue;
    std::string digits = hex_of(target);
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 2) / 2 * 2);
    if (digits[0] >= '8') digits.insert(0, "00");
    const std::size_t bytes = digits.size() / 2;
    digits.resize(6, '0');
    const std::uint32_t expected = static_cast<std::uint32_t>(bytes << 24) |
                                   static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
    EXPECT_EQ(encode_target(target).value, expected) << hex_of(target);
    // What comes back is never above, and its own spelling is canonical.
    const auto back = decode_target(encode_target(target), target);
    ASSERT_TRUE(back) << reject_code(back.error());
    EXPECT_EQ(bit_width(*back), bit_width(target));
  }
  EXPECT_EQ(encode_target({}).value, 0U);
}

TEST(CompactTarget, EverySpellingThatIsAcceptedIsTheOneThatItsNumberHas) {
  std::mt19937_64 dice(4);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Bits bits{static_cast<std::uint32_t>(dice())};
    const auto target = decode_target(bits, u256_max());
    if (!target) continue;
    ++accepted;
    EXPECT_EQ(encode_target(*target), bits);
    EXPECT_EQ(*target, target_number(bits));
  }
  EXPECT_GT(accepted, 500);
}

TEST(Work, IsTheNumberOfHashesThatATargetTakes) {
  EXPECT_EQ(work_of_bits({0x1d00ffff}, u256_max()), u256(0x100010001));
  EXPECT_EQ(work_of_bits({0x207fffff}, u256_max()), u256(2));
  EXPECT_EQ(work_of_bits({0x1b04864c}, u256_max()), u256(62209952899966));
  EXPECT_EQ(work_of_bits({0x1d80ffff}, u256_max()), u256(0));
}

}  // namespace
}  // namespace quorate::pow
