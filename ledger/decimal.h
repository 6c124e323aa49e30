#pragma once

// Numbers in texts that have one spelling.

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quorate::ledger {

// Decimal digits without a leading zero, sign or anything else; nullopt otherwise.
[[nodiscard]] inline std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return number;
}

}  // namespace quorate::ledger
