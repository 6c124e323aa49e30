#include "node/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace quorate::node {

namespace {

spdlog::level::level_enum to_level(Severity severity) {
  switch (severity) {
    case Severity::kDebug: return spdlog::level::debug;
    case Severity::kInfo: return spdlog::level::info;
    case Severity::kWarning: return spdlog::level::warn;
    case Severity::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = [] {
    auto log = std::make_shared<spdlog::logger>(
        "quorate", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    return log;
  }();
  return instance;
}

// Values with spaces, quotes or control characters are quoted, so that a line stays a line.
std::string field_text(std::string_view value) {
  bool is_plain = !value.empty();
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) is_plain = false;
  }
  if (is_plain) return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

Status open_log(const std::filesystem::path& file, std::string_view level,
                std::uint64_t file_bytes_max, std::uint32_t files_max) {
  const auto threshold = spdlog::level::from_str(std::string(level));
  if (threshold == spdlog::level::off) {
    return fail(ErrorKind::kInvalid, "log-level-unknown",
                fmt::format("log level \"{}\" is unknown", level),
                "use debug, info, warning or error");
  }
  try {
    auto log = std::make_shared<spdlog::logger>(
        "quorate", std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
                       file.string(), file_bytes_max, files_max));
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    log->set_level(threshold);
    log->flush_on(spdlog::level::warn);
    logger() = std::move(log);
  } catch (const spdlog::spdlog_ex& error) {
    return fail(ErrorKind::kEnvironment, "log-open-failed",
                fmt::format("{}: {}", file.string(), error.what()),
                "check that the folder exists and may be written");
  }
  return {};
}

void log_event(Severity severity, std::string_view event,
               std::initializer_list<LogField> fields) {
  const auto level = to_level(severity);
  if (!logger()->should_log(level)) return;
  std::string line(event);
  for (const auto& [key, value] : fields) line += fmt::format(" {}={}", key, field_text(value));
  logger()->log(level, "{}", line);
}

void flush_log() { logger()->flush(); }

std::optional<std::uint64_t> RateLimit::allow(std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (now_ms - window_start_ms_ >= 1000) {
    window_start_ms_ = now_ms;
    in_window_ = 0;
  }
  if (in_window_ >= per_second_) {
    ++held_back_;
    return std::nullopt;
  }
  ++in_window_;
  return std::exchange(held_back_, 0);
}

}  // namespace quorate::node
