#pragma once

// Strong<Tag>: an integer that cannot be swapped with another kind of integer.
//
// An aggregate with one field, so the codec encodes it exactly as the bare integer.

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace quorate {

template <class Tag, std::unsigned_integral Rep = std::uint64_t>
struct Strong {
  Rep value{};

  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  friend constexpr bool operator==(const Strong&, const Strong&) = default;
};

// The next value; the caller knows that it is not the last.
template <class Tag, class Rep>
[[nodiscard]] constexpr Strong<Tag, Rep> next(Strong<Tag, Rep> v) {
  return {static_cast<Rep>(v.value + 1)};
}

}  // namespace quorate

template <class Tag, class Rep>
struct std::hash<quorate::Strong<Tag, Rep>> {
  std::size_t operator()(const quorate::Strong<Tag, Rep>& v) const noexcept {
    return std::hash<Rep>{}(v.value);
  }
};
