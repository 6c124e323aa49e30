#pragma once

// How crypto/bcs.h walks types. Nothing here is for direct use, except `enum_max`, which each enum
// that is encoded specialises beside its definition:
//
//   template <>
//   inline constexpr Fruit quorate::crypto::bcs::enum_max<Fruit> = Fruit::kPear;
//
// (from inside a namespace of its own a folder closes that namespace first).

#include <algorithm>
#include <array>
#include <boost/pfr/core.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "crypto/bytes.h"
#include "crypto/strong.h"

namespace quorate::crypto::bcs {

// Vectors, optionals and variants may stand inside each other this deep. Structs, arrays and byte
// strings do not count: a type can contain itself only through one of the three.
inline constexpr int kDepthMax = 16;

// The bound of the BCS specification.
inline constexpr std::uint32_t kLengthMax = 0x7fff'ffff;

// The largest enumerator; enumerators are numbered from 0 without gaps.
template <class E>
inline constexpr E enum_max = [] {
  static_assert(sizeof(E) == 0, "specialise quorate::crypto::bcs::enum_max for this enum");
  return E{};
}();

// The position in the bytes, and the first error. Every `take_` returns false after setting it.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] bool take_bytes(std::uint8_t* out, std::size_t count);
  // Little-endian, `width` bytes.
  [[nodiscard]] bool take_number(std::uint64_t& out, std::size_t width);
  [[nodiscard]] bool take_uleb128(std::uint32_t& out);
  [[nodiscard]] bool take_bool(bool& out);
  // A count that fits into the bytes left, one byte an element at least.
  [[nodiscard]] bool take_length(std::size_t& out);
  [[nodiscard]] bool take_byte_string(Bytes& out);
  [[nodiscard]] bool take_text(std::string& out);
  // An enumerator or the index of a variant; at most `max`.
  [[nodiscard]] bool take_tag(std::uint32_t& out, std::uint32_t max);
  [[nodiscard]] bool descend(int depth);

  [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }
  [[nodiscard]] bool at_end() const { return left() == 0; }
  [[nodiscard]] Error error() const;
  [[nodiscard]] Error trailing_bytes_error() const;

 private:
  bool refuse(std::string_view code, std::string_view what);

  ByteView bytes_;
  std::size_t position_ = 0;
  std::string_view code_;  // empty until something was refused
  std::string_view what_;
};

void write_number(Bytes& out, std::uint64_t value, std::size_t width);
void write_uleb128(Bytes& out, std::uint64_t value);
void write_length(Bytes& out, std::size_t length);

template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsArray = false;
template <class T, std::size_t N>
inline constexpr bool kIsArray<std::array<T, N>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVariant = false;
template <class... Ts>
inline constexpr bool kIsVariant<std::variant<Ts...>> = true;
template <class T>
inline constexpr bool kIsStrong = false;
template <class Tag, class Rep>
inline constexpr bool kIsStrong<Strong<Tag, Rep>> = true;

template <class T>
concept Number = std::same_as<T, std::uint8_t> || std::same_as<T, std::uint16_t> ||
                 std::same_as<T, std::uint32_t> || std::same_as<T, std::uint64_t> ||
                 std::same_as<T, std::int64_t>;

template <class T>
void write(Bytes& out, const T& value);
template <class T>
[[nodiscard]] bool read(Reader& reader, T& value, int depth);

template <class... Ts>
void write_variant(Bytes& out, const std::variant<Ts...>& value) {
  write_uleb128(out, value.index());
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (void)((value.index() == I && (write(out, *std::get_if<I>(&value)), true)) || ...);
  }(std::index_sequence_for<Ts...>{});
}

template <class... Ts>
[[nodiscard]] bool read_variant(Reader& reader, std::variant<Ts...>& value, int depth) {
  std::uint32_t index = 0;
  if (!reader.take_tag(index, sizeof...(Ts) - 1)) return false;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((index == I && read(reader, value.template emplace<I>(), depth)) || ...);
  }(std::index_sequence_for<Ts...>{});
}

template <class T>
[[nodiscard]] bool read_vector(Reader& reader, std::vector<T>& value, int depth) {
  static_assert(!std::is_same_v<T, bool>, "vector<bool> has no elements to refer to");
  static_assert(!std::is_empty_v<T>, "an element takes a byte at least, or counts are unbounded");
  std::size_t count = 0;
  if (!reader.take_length(count)) return false;
  value.clear();
  // A count is a claim; what it reserves is bounded by what was really sent.
  value.reserve(std::min(count, reader.left() / sizeof(T) + 1));
  for (std::size_t i = 0; i < count; ++i) {
    if (!read(reader, value.emplace_back(), depth)) return false;
  }
  return true;
}

template <class T>
void write(Bytes& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out.push_back(value ? 1 : 0);
  } else if constexpr (Number<T>) {
    write_number(out, static_cast<std::uint64_t>(value), sizeof(T));
  } else if constexpr (std::is_enum_v<T>) {
    write_uleb128(out, static_cast<std::uint64_t>(value));
  } else if constexpr (kIsStrong<T>) {
    write(out, value.value);
  } else if constexpr (std::is_same_v<T, Bytes> || std::is_same_v<T, std::string>) {
    write_length(out, value.size());
    out.insert(out.end(), value.begin(), value.end());
  } else if constexpr (kIsVector<T>) {
    write_length(out, value.size());
    for (const auto& element : value) write(out, element);
  } else if constexpr (kIsArray<T>) {
    if constexpr (std::is_same_v<typename T::value_type, std::uint8_t>) {
      out.insert(out.end(), value.begin(), value.end());
    } else {
      for (const auto& element : value) write(out, element);
    }
  } else if constexpr (kIsOptional<T>) {
    out.push_back(value ? 1 : 0);
    if (value) write(out, *value);
  } else if constexpr (kIsVariant<T>) {
    write_variant(out, value);
  } else {
    static_assert(std::is_aggregate_v<T>, "this type has no encoding; see crypto/bcs.h");
    if constexpr (!std::is_empty_v<T>) {
      boost::pfr::for_each_field(value, [&out](const auto& field) { write(out, field); });
    }
  }
}

template <class T>
bool read(Reader& reader, T& value, int depth) {
  if constexpr (std::is_same_v<T, bool>) {
    return reader.take_bool(value);
  } else if constexpr (Number<T>) {
    std::uint64_t number = 0;
    if (!reader.take_number(number, sizeof(T))) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (std::is_enum_v<T>) {
    std::uint32_t number = 0;
    if (!reader.take_tag(number, static_cast<std::uint32_t>(enum_max<T>))) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (kIsStrong<T>) {
    return read(reader, value.value, depth);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return reader.take_byte_string(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return reader.take_text(value);
  } else if constexpr (kIsVector<T>) {
    return reader.descend(depth) && read_vector(reader, value, depth + 1);
  } else if constexpr (kIsArray<T>) {
    if constexpr (std::is_same_v<typename T::value_type, std::uint8_t>) {
      return reader.take_bytes(value.data(), value.size());
    } else {
      for (auto& element : value) {
        if (!read(reader, element, depth)) return false;
      }
      return true;
    }
  } else if constexpr (kIsOptional<T>) {
    bool present = false;
    if (!reader.descend(depth) || !reader.take_bool(present)) return false;
    if (!present) {
      value.reset();
      return true;
    }
    return read(reader, value.emplace(), depth + 1);
  } else if constexpr (kIsVariant<T>) {
    return reader.descend(depth) && read_variant(reader, value, depth + 1);
  } else {
    static_assert(std::is_aggregate_v<T>, "this type has no encoding; see crypto/bcs.h");
    bool good = true;
    if constexpr (!std::is_empty_v<T>) {
      boost::pfr::for_each_field(value, [&](auto& field) {
        good = good && read(reader, field, depth);
      });
    }
    return good;
  }
}

}  // namespace quorate::crypto::bcs
