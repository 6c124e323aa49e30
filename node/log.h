#pragma once

// The node's log: one line an event, "time level event key=value ...", in a file that rotates.
//
// Thread-safe. Before `open` and after a failed one, lines go to standard error. Peers and clients
// can cause lines, so repeated events are limited by their callers (RateLimit).

#include <cstdint>
#include <initializer_list>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "crypto/result.h"

namespace quorate::node {

enum class Severity : std::uint8_t { kDebug, kInfo, kWarning, kError };

using LogField = std::pair<std::string_view, std::string>;

// Errors: "log-open-failed" (kEnvironment), "log-level-unknown" (kInvalid).
[[nodiscard]] Status open_log(const std::filesystem::path& file, std::string_view level,
                              std::uint64_t file_bytes_max, std::uint32_t files_max);

// `event` is a short stable name, e.g. "block-executed".
void log_event(Severity severity, std::string_view event,
               std::initializer_list<LogField> fields = {});
void flush_log();

// Lets a burst through and then a few a second; says how many it held back.
class RateLimit {
 public:
  explicit RateLimit(std::uint32_t per_second) : per_second_(per_second) {}
  // nullopt: hold back. Else the number held back since the last time.
  [[nodiscard]] std::optional<std::uint64_t> allow(std::uint64_t now_ms);

 private:
  std::mutex mutex_;
  std::uint32_t per_second_;
  std::uint64_t window_start_ms_ = 0;
  std::uint32_t in_window_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace quorate::node
