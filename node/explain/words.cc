#include "node/explain/words.h"

#include <fmt/format.h>

#include <cctype>

namespace quorate::node {

std::string id_list(const std::vector<ledger::ReplicaId>& ids) {
  std::string text;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) text += i + 1 == ids.size() ? " and " : ", ";
    text += fmt::to_string(ids[i].value);
  }
  return text;
}

std::string replica_list(const std::vector<ledger::ReplicaId>& ids) {
  return (ids.size() == 1 ? "replica " : "replicas ") + id_list(ids);
}

std::string count_of(std::uint64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string duration_text(std::uint64_t ms) {
  constexpr std::uint64_t kSecond = 1000;
  constexpr std::uint64_t kMinute = 60 * kSecond;
  constexpr std::uint64_t kHour = 60 * kMinute;
  if (ms < kSecond) return fmt::format("{} ms", ms);
  if (ms < kMinute) return fmt::format("{}.{} s", ms / kSecond, ms % kSecond / 100);
  if (ms < 2 * kHour) return fmt::format("{} min", ms / kMinute);
  return fmt::format("{} h", ms / kHour);
}

std::string capitalised(std::string text) {
  if (!text.empty()) {
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  }
  return text;
}

}  // namespace quorate::node
