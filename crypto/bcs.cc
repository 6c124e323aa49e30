#include "crypto/bcs.h"

#include <fmt/format.h>

#include <cstring>

#include "crypto/check.h"

namespace quorate::crypto::bcs {
namespace {

constexpr std::string_view kNext = "The bytes are damaged, or were made by another version.";

bool is_continuation(std::uint8_t byte) { return (byte & 0xc0) == 0x80; }

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(ByteView text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::uint8_t first = text[i];
    if (first < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() - i < length) return false;
    const std::uint8_t second = text[i + 1];
    if (!is_continuation(second)) return false;
    if (first == 0xe0 && second < 0xa0) return false;
    if (first == 0xed && second > 0x9f) return false;
    if (first == 0xf0 && second < 0x90) return false;
    if (first == 0xf4 && second > 0x8f) return false;
    for (std::size_t k = 2; k < length; ++k) {
      if (!is_continuation(text[i + k])) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

bool Reader::refuse(std::string_view code, std::string_view what) {
  if (code_.empty()) {
    code_ = code;
    what_ = what;
  }
  return false;
}

bool Reader::take_bytes(std::uint8_t* out, std::size_t count) {
  if (left() < count) return refuse("bcs-truncated", "the bytes end inside a value");
  if (count > 0) std::memcpy(out, bytes_.data() + position_, count);
  position_ += count;
  return true;
}

bool Reader::take_number(std::uint64_t& out, std::size_t width) {
  if (left() < width) return refuse("bcs-truncated", "the bytes end inside a number");
  out = 0;
  for (std::size_t i = 0; i < width; ++i) {
    out |= std::uint64_t{bytes_[position_ + i]} << (8 * i);
  }
  position_ += width;
  return true;
}

bool Reader::take_uleb128(std::uint32_t& out) {
  constexpr int kGroupsMax = 5;  // of seven bits, for 32 bits
  std::uint64_t number = 0;
  for (int group = 0; group < kGroupsMax; ++group) {
    if (at_end()) return refuse("bcs-truncated", "the bytes end inside a ULEB128 number");
    const std::uint8_t byte = bytes_[position_++];
    number |= std::uint64_t{byte & 0x7fU} << (7 * group);
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && group > 0) {
      return refuse("bcs-non-minimal-length", "a ULEB128 number has more bytes than it needs");
    }
    if (number > UINT32_MAX) break;
    out = static_cast<std::uint32_t>(number);
    return true;
  }
  return refuse("bcs-length-too-large", "a ULEB128 number has more than 32 bits");
}

bool Reader::take_bool(bool& out) {
  if (at_end()) return refuse("bcs-truncated", "the bytes end before a boolean");
  const std::uint8_t byte = bytes_[position_];
  if (byte > 1) return refuse("bcs-bad-bool", "a boolean or optional marker is neither 0 nor 1");
  ++position_;
  out = byte == 1;
  return true;
}

bool Reader::take_length(std::size_t& out) {
  std::uint32_t count = 0;
  if (!take_uleb128(count)) return false;
  if (count > kLengthMax || count > left()) {
    return refuse("bcs-length-too-large", "a count is larger than the bytes that follow it");
  }
  out = count;
  return true;
}

bool Reader::take_byte_string(Bytes& out) {
  std::size_t length = 0;
  if (!take_length(length)) return false;
  const ByteView bytes = bytes_.subspan(position_, length);
  out.assign(bytes.begin(), bytes.end());
  position_ += length;
  return true;
}

bool Reader::take_text(std::string& out) {
  std::size_t length = 0;
  if (!take_length(length)) return false;
  const ByteView text = bytes_.subspan(position_, length);
  if (!is_utf8(text)) return refuse("bcs-bad-utf8", "a string is not UTF-8");
  out.assign(as_text(text));
  position_ += length;
  return true;
}

bool Reader::take_tag(std::uint32_t& out, std::uint32_t max) {
  if (!take_uleb128(out)) return false;
  if (out > max) return refuse("bcs-unknown-variant", "a variant or enumerator is unknown");
  return true;
}

bool Reader::descend(int depth) {
  if (depth >= kDepthMax) return refuse("bcs-too-deep", "values are nested too deep");
  return true;
}

Error Reader::error() const {
  QUORATE_CHECK(!code_.empty(), "only a refused reading has an error");
  return {ErrorKind::kInvalid, code_,
          fmt::format("{}, at byte {} of {}", what_, position_, bytes_.size()), std::string(kNext)};
}

Error Reader::trailing_bytes_error() const {
  return {ErrorKind::kInvalid, "bcs-trailing-bytes",
          fmt::format("the value ends at byte {} of {}, where the bytes should end too", position_,
                      bytes_.size()),
          std::string(kNext)};
}

void write_number(Bytes& out, std::uint64_t value, std::size_t width) {
  std::uint8_t bytes[8];
  for (std::size_t i = 0; i < width; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
  out.insert(out.end(), bytes, bytes + width);
}

void write_uleb128(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

void write_length(Bytes& out, std::size_t length) {
  QUORATE_CHECK(length <= kLengthMax, "no message comes near this size");
  write_uleb128(out, length);
}

}  // namespace quorate::crypto::bcs
