#include "node/json_members.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <charconv>

namespace quorate::node {

namespace json = boost::json;

const json::value* find_member(const json::value& value, std::string_view path) {
  const json::value* at = &value;
  while (at != nullptr && !path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    at = at->is_object() ? at->get_object().if_contains(path.substr(0, dot)) : nullptr;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

std::optional<std::string> text_member(const json::value& value, std::string_view path) {
  const json::value* member = find_member(value, path);
  if (member == nullptr || !member->is_string()) return std::nullopt;
  return std::string(member->get_string());
}

std::optional<std::uint64_t> number_member(const json::value& value, std::string_view path) {
  const json::value* member = find_member(value, path);
  if (member == nullptr) return std::nullopt;
  if (member->is_uint64()) return member->get_uint64();
  if (member->is_int64() && member->get_int64() >= 0) {
    return static_cast<std::uint64_t>(member->get_int64());
  }
  if (!member->is_string()) return std::nullopt;
  const json::string& digits = member->get_string();
  std::uint64_t number = 0;
  const auto [end, trouble] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (trouble != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace quorate::node
