#pragma once

// U256: a 256-bit number, for targets and chain work.
//
// A plain value. Comparing costs nothing; the arithmetic stands behind uint256.cc, the only source
// that sees Boost.Multiprecision, whose headers cost seconds in every file that includes them.
// Nothing here wraps round: what does not fit is the largest number, so that no chain gains by
// overflowing. Pure functions, thread-safe.

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "crypto/sha256.h"

namespace quorate::pow {

struct U256 {
  std::array<std::uint64_t, 4> words{};  // the least significant first

  friend constexpr bool operator==(const U256&, const U256&) = default;
  friend constexpr std::strong_ordering operator<=>(const U256& a, const U256& b) {
    for (std::size_t i = a.words.size(); i-- > 0;) {
      if (a.words[i] != b.words[i]) return a.words[i] <=> b.words[i];
    }
    return std::strong_ordering::equal;
  }
  [[nodiscard]] constexpr bool is_zero() const { return *this == U256{}; }
};

[[nodiscard]] constexpr U256 u256(std::uint64_t value) { return {{value, 0, 0, 0}}; }
[[nodiscard]] constexpr U256 u256_max() { return {{~0ULL, ~0ULL, ~0ULL, ~0ULL}}; }

// A digest as Bitcoin reads it: the first byte is the least significant.
[[nodiscard]] U256 number_of(const crypto::Digest& digest);

[[nodiscard]] U256 sum(const U256& a, const U256& b);
// 0 where b is the larger.
[[nodiscard]] U256 difference(const U256& a, const U256& b);
// Bits from 256 on are gone; `count` may be anything.
[[nodiscard]] U256 shifted_left(const U256& value, unsigned count);
[[nodiscard]] U256 shifted_right(const U256& value, unsigned count);
// floor(value * numerator / denominator), the product in full. Precondition: denominator > 0
// (checked).
[[nodiscard]] U256 scaled(const U256& value, std::uint64_t numerator, std::uint64_t denominator);
// floor(2^256 / (target + 1)): how many hashes it takes on average to find one at or below
// `target`. The largest number for target 0, where the quotient is 2^256.
[[nodiscard]] U256 work_of_target(const U256& target);

// How many bits it takes; 0 for 0.
[[nodiscard]] unsigned bit_width(const U256& value);
// 64 hex digits, the most significant first, as Bitcoin's RPC prints chainwork.
[[nodiscard]] std::string hex_of(const U256& value);
[[nodiscard]] std::string decimal_of(const U256& value);

}  // namespace quorate::pow
