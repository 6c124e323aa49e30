#pragma once

// The canonical codec: BCS (Binary Canonical Serialization) over plain aggregate structs.
//
// Everything that is signed, hashed, stored or sent passes through here, and one value has exactly
// one encoding:
//
//   bool                     one byte, 0 or 1
//   u8..u64, i64             little-endian, fixed width
//   enum class               ULEB128 of its number; must be <= enum_max<E>
//   Bytes, vector<T>         ULEB128 count (at most 2^31 - 1), then the elements
//   string                   as bytes; must be valid UTF-8
//   array<T, N>              the elements, no count
//   optional<T>              0, or 1 and the value
//   variant<Ts...>           ULEB128 index, then the alternative
//   aggregate struct         its fields in order (Boost.PFR), nothing else
//
// Decoding is strict: trailing bytes, a ULEB128 that is longer than needed, a count larger than the
// bytes that are left, an unknown index, bad UTF-8 or nesting deeper than kDepthMax is an error
// value, never an exception, an unbounded allocation or a crash.
//
// Pure functions, thread-safe. Source of the format: the BCS specification of the Diem project;
// held against the npm package @mysten/bcs in tests/interop.

#include "crypto/bytes.h"
#include "crypto/bcs_detail.h"

namespace quorate::crypto {

template <class T>
[[nodiscard]] Bytes encode(const T& value) {
  Bytes out;
  bcs::write(out, value);
  return out;
}

// Appends to `out`, for callers that frame several values.
template <class T>
void encode_to(Bytes& out, const T& value) {
  bcs::write(out, value);
}

// Errors, all kInvalid: "bcs-truncated", "bcs-trailing-bytes", "bcs-non-minimal-length",
// "bcs-length-too-large", "bcs-unknown-variant", "bcs-bad-bool", "bcs-bad-utf8", "bcs-too-deep".
template <class T>
[[nodiscard]] Result<T> decode(ByteView bytes) {
  bcs::Reader reader(bytes);
  T value{};
  if (!bcs::read(reader, value, 0)) return tl::unexpected(reader.error());
  if (!reader.at_end()) return tl::unexpected(reader.trailing_bytes_error());
  return value;
}

}  // namespace quorate::crypto
