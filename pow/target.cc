#include "pow/target.h"

namespace quorate::pow {
namespace {

constexpr std::uint32_t kSign = 0x00800000;
constexpr std::uint32_t kMantissa = 0x007fffff;

bool overflows(std::uint32_t mantissa, std::uint32_t exponent) {
  return bit_width(u256(mantissa)) + 8 * exponent > 256 + 24;
}

}  // namespace

U256 target_number(Bits bits) {
  const std::uint32_t exponent = bits.value >> 24;
  const std::uint32_t mantissa = bits.value & kMantissa;
  return exponent <= 3 ? u256(mantissa >> (8 * (3 - exponent)))
                       : shifted_left(u256(mantissa), 8 * (exponent - 3));
}

tl::expected<U256, Reject> decode_target(Bits bits, const U256& limit) {
  const std::uint32_t exponent = bits.value >> 24;
  const std::uint32_t mantissa = bits.value & kMantissa;
  const U256 target = target_number(bits);
  const bool is_zero = mantissa == 0 || (exponent <= 3 && target.is_zero());
  if (is_zero) return tl::unexpected(Reject::kTargetZero);
  if ((bits.value & kSign) != 0) return tl::unexpected(Reject::kTargetNegative);
  if (overflows(mantissa, exponent)) return tl::unexpected(Reject::kTargetOverflow);
  if (target > limit) return tl::unexpected(Reject::kTargetAboveLimit);
  if (encode_target(target) != bits) return tl::unexpected(Reject::kTargetNotCanonical);
  return target;
}

Bits encode_target(const U256& target) {
  std::uint32_t exponent = (bit_width(target) + 7) / 8;
  auto mantissa = static_cast<std::uint32_t>(
      exponent <= 3 ? target.words[0] << (8 * (3 - exponent))
                    : shifted_right(target, 8 * (exponent - 3)).words[0]);
  if ((mantissa & kSign) != 0) {
    mantissa >>= 8;
    ++exponent;
  }
  return {mantissa | exponent << 24};
}

U256 work_of_bits(Bits bits, const U256& limit) {
  const auto target = decode_target(bits, limit);
  return target ? work_of_target(*target) : U256{};
}

}  // namespace quorate::pow
