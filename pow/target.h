#pragma once

// Compact targets: the 32 bits in which a header says how small its hash must be.
//
//   bits   = exponent:8 sign:1 mantissa:23
//   target = mantissa * 256^(exponent - 3), the bytes below the point cut off
//
// A number has many spellings with an exponent too large; the canonical one has the smallest
// exponent at which the mantissa's top bit (the sign) stays clear. Source: Bitcoin Core,
// arith_uint256::SetCompact and GetCompact. Pure functions, thread-safe.

#include <cstdint>
#include <tl/expected.hpp>

#include "crypto/strong.h"
#include "pow/reject.h"
#include "pow/uint256.h"

namespace quorate::pow {

using Bits = Strong<struct BitsTag, std::uint32_t>;

// The target that `bits` spell. Refused, in this order: kTargetNegative (sign set and mantissa not
// 0), kTargetZero, kTargetOverflow (256 bits do not hold it), kTargetAboveLimit,
// kTargetNotCanonical.
[[nodiscard]] tl::expected<U256, Reject> decode_target(Bits bits, const U256& limit);

// The number that `bits` spell, well or badly: without sign, and without what 256 bits do not hold.
[[nodiscard]] U256 target_number(Bits bits);

// The canonical spelling of the largest target at or below `target` that has one.
[[nodiscard]] Bits encode_target(const U256& target);

// Work of a header with these bits; 0 if they are refused.
[[nodiscard]] U256 work_of_bits(Bits bits, const U256& limit);

}  // namespace quorate::pow
