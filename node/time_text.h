#pragma once

// Times as people type and read them.

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/result.h"
#include "ledger/types.h"

namespace quorate::node {

// "500ms", "30s", "5m", "2h", "1d"; the unit is required. Error: "duration-malformed" (kUsage).
[[nodiscard]] Result<std::uint64_t> parse_duration_ms(std::string_view text);
// A duration from `now`, "2026-01-31T12:00:00Z", or milliseconds since 1970.
// Error: "time-malformed" (kUsage).
[[nodiscard]] Result<ledger::TimeMs> parse_time(std::string_view text, ledger::TimeMs now);
// "2026-01-31T12:00:00.000Z"
[[nodiscard]] std::string time_to_text(ledger::TimeMs time);
// This machine's clock.
[[nodiscard]] ledger::TimeMs clock_now();

}  // namespace quorate::node
