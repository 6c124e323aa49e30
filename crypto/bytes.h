#pragma once

// Byte strings and their two text forms.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"

namespace quorate {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline Bytes to_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

// For ordered and hashed containers of byte strings that are searched by view. The order is that of
// std::vector: byte by byte, a prefix first.
struct BytesLess {
  using is_transparent = void;
  [[nodiscard]] bool operator()(ByteView a, ByteView b) const noexcept {
    return as_text(a) < as_text(b);
  }
};
struct BytesEqual {
  using is_transparent = void;
  [[nodiscard]] bool operator()(ByteView a, ByteView b) const noexcept {
    return as_text(a) == as_text(b);
  }
};

// Lower-case hex without prefix.
[[nodiscard]] std::string to_hex(ByteView bytes);
// Accepts both cases, no prefix, no spaces. Error: "hex-malformed".
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

// RFC 4648 §4, with padding.
[[nodiscard]] std::string to_base64(ByteView bytes);
// Strict: padding required, no white space, unused bits zero. Error: "base64-malformed".
[[nodiscard]] Result<Bytes> from_base64(std::string_view text);

}  // namespace quorate
