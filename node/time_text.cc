#include "node/time_text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

namespace quorate::node {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t ms;
};
constexpr std::array<Unit, 5> kUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

// The digits at the front, or nullopt; `rest` is what follows them.
std::optional<std::uint64_t> leading_number(std::string_view text, std::string_view& rest) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [parsed_to, trouble] = std::from_chars(text.data(), end, number);
  if (trouble != std::errc()) return std::nullopt;
  rest = {parsed_to, static_cast<std::size_t>(end - parsed_to)};
  return number;
}

std::optional<std::uint64_t> utc_ms(std::string_view text);

// The same with ".mmm" before the Z, as time_to_text writes it.
std::optional<std::uint64_t> utc_with_ms(std::string_view text) {
  constexpr std::size_t kSeconds = std::string_view("0000-00-00T00:00:00").size();
  if (text.size() != kSeconds + 5 || text[kSeconds] != '.') return std::nullopt;
  std::string_view rest;
  const auto ms = leading_number(text.substr(kSeconds + 1), rest);
  const auto whole = utc_ms(std::string(text.substr(0, kSeconds)) + "Z");
  if (!ms || rest != "Z" || !whole) return std::nullopt;
  return *whole + *ms;
}

// "YYYY-MM-DDThh:mm:ssZ" of a day that exists.
std::optional<std::uint64_t> utc_ms(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00Z";
  if (text.size() != kShape.size()) return std::nullopt;
  std::array<unsigned, 6> parts{};
  std::size_t part = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (is_digit != (kShape[i] == '0') || (!is_digit && text[i] != kShape[i])) return std::nullopt;
    if (!is_digit) {
      ++part;
    } else {
      parts[part] = parts[part] * 10 + static_cast<unsigned>(text[i] - '0');
    }
  }
  const auto [year, month, day, hour, minute, second] = parts;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(month), std::chrono::day(day));
  if (!date.ok() || hour > 23 || minute > 59 || second > 59 || year < 1970) return std::nullopt;
  const auto since_epoch = std::chrono::sys_days(date).time_since_epoch() +
                           std::chrono::hours(hour) + std::chrono::minutes(minute) +
                           std::chrono::seconds(second);
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
}

}  // namespace

Result<std::uint64_t> parse_duration_ms(std::string_view text) {
  std::string_view unit_name;
  const auto number = leading_number(text, unit_name);
  for (const Unit& unit : kUnits) {
    const bool fits = number && *number <= std::numeric_limits<std::uint32_t>::max() * 1000ULL;
    if (fits && unit.name == unit_name) return *number * unit.ms;
  }
  return fail(ErrorKind::kUsage, "duration-malformed",
              fmt::format("Found \"{}\", expected a duration such as 500ms, 30s, 5m, 2h or 1d",
                          text));
}

Result<ledger::TimeMs> parse_time(std::string_view text, ledger::TimeMs now) {
  std::string_view rest;
  if (const auto number = leading_number(text, rest); number && rest.empty()) {
    return ledger::TimeMs{*number};
  }
  if (const auto moment = utc_ms(text)) return ledger::TimeMs{*moment};
  if (const auto moment = utc_with_ms(text)) return ledger::TimeMs{*moment};
  if (const auto duration = parse_duration_ms(text)) return ledger::TimeMs{now.value + *duration};
  return fail(ErrorKind::kUsage, "time-malformed",
              fmt::format("Found \"{}\", expected a duration from now (10m, 2h), a time such as "
                          "2026-01-31T12:00:00Z, or milliseconds since 1970",
                          text));
}

std::string time_to_text(ledger::TimeMs time) {
  const std::chrono::sys_time<std::chrono::milliseconds> moment{
      std::chrono::milliseconds(static_cast<std::int64_t>(time.value))};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

ledger::TimeMs clock_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count())};
}

}  // namespace quorate::node
