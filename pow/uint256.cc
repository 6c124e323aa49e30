#include "pow/uint256.h"

#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <limits>

#include "crypto/check.h"

namespace quorate::pow {
namespace {

namespace mp = boost::multiprecision;

// Twice the width: a product of 256 and 64 bits, and 2^256 itself, fit with room to spare.
using Wide = mp::number<mp::cpp_int_backend<512, 512, mp::unsigned_magnitude, mp::unchecked, void>>;

Wide widen(const U256& value) {
  Wide wide;
  mp::import_bits(wide, value.words.begin(), value.words.end(), 64, false);
  return wide;
}

U256 narrow(const Wide& wide) {
  if ((wide >> 256) != 0) return u256_max();
  U256 value;
  for (std::size_t i = 0; i < value.words.size(); ++i) {
    value.words[i] = static_cast<std::uint64_t>((wide >> (64 * i)) &
                                                std::numeric_limits<std::uint64_t>::max());
  }
  return value;
}

}  // namespace

U256 number_of(const crypto::Digest& digest) {
  U256 value;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    value.words[i / 8] |= std::uint64_t{digest.bytes[i]} << (8 * (i % 8));
  }
  return value;
}

U256 sum(const U256& a, const U256& b) { return narrow(widen(a) + widen(b)); }

U256 difference(const U256& a, const U256& b) {
  return a <= b ? U256{} : narrow(widen(a) - widen(b));
}

U256 shifted_left(const U256& value, unsigned count) {
  U256 out;
  if (count >= 256) return out;
  const std::size_t words = count / 64;
  const unsigned bits = count % 64;
  for (std::size_t i = words; i < out.words.size(); ++i) {
    out.words[i] = value.words[i - words] << bits;
    if (bits > 0 && i > words) out.words[i] |= value.words[i - words - 1] >> (64 - bits);
  }
  return out;
}

U256 shifted_right(const U256& value, unsigned count) {
  U256 out;
  if (count >= 256) return out;
  const std::size_t words = count / 64;
  const unsigned bits = count % 64;
  for (std::size_t i = 0; i + words < out.words.size(); ++i) {
    out.words[i] = value.words[i + words] >> bits;
    if (bits > 0 && i + words + 1 < out.words.size()) {
      out.words[i] |= value.words[i + words + 1] << (64 - bits);
    }
  }
  return out;
}

U256 scaled(const U256& value, std::uint64_t numerator, std::uint64_t denominator) {
  QUORATE_CHECK(denominator > 0, "nothing is divided by zero");
  return narrow(widen(value) * numerator / denominator);
}

U256 work_of_target(const U256& target) {
  return narrow((Wide(1) << 256) / (widen(target) + 1));
}

unsigned bit_width(const U256& value) {
  for (std::size_t i = value.words.size(); i-- > 0;) {
    if (value.words[i] != 0) {
      return static_cast<unsigned>(64 * i) + static_cast<unsigned>(std::bit_width(value.words[i]));
    }
  }
  return 0;
}

std::string hex_of(const U256& value) {
  crypto::Digest big_endian;
  for (std::size_t i = 0; i < big_endian.bytes.size(); ++i) {
    big_endian.bytes[31 - i] = static_cast<std::uint8_t>(value.words[i / 8] >> (8 * (i % 8)));
  }
  return big_endian.hex();
}

std::string decimal_of(const U256& value) { return widen(value).str(); }

}  // namespace quorate::pow
