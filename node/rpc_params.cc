#include "node/rpc_params.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::size_t kShownBytesMax = 60;
constexpr std::size_t kHashHexDigits = 64;

// What was found, for people: its JSON text, cut where it is long.
std::string show(const json::value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = json::serialize(value);
  if (text.size() <= kShownBytesMax) return text;
  // Not within a character of UTF-8.
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return fmt::format("{}... ({} bytes)", text.substr(0, end), text.size());
}

bool is_quoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"';
}

std::string_view without_quotes(std::string_view text) {
  return is_quoted(text) ? text.substr(1, text.size() - 2) : text;
}

bool has_hex_prefix(std::string_view text) {
  return text.starts_with("0x") || text.starts_with("0X");
}

std::optional<Bytes> hex_of(std::string_view text) {
  auto bytes = from_hex(has_hex_prefix(text) ? text.substr(2) : text);
  if (!bytes) return std::nullopt;
  return std::move(*bytes);
}

std::optional<std::uint64_t> decimal_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

RpcError param_error(std::string_view code, std::string message) {
  return {kRpcInvalidParams,
          {},
          {ErrorKind::kInvalid, code, std::move(message),
           "GET / lists the methods with their parameters."}};
}

}  // namespace

RpcError rpc_error_of(Error error) {
  const int number = error.kind == ErrorKind::kInvalid ? kRpcInvalidParams : kRpcServerError;
  return {number, {}, std::move(error)};
}

tl::unexpected<RpcError> wrong_param(std::string_view name, std::string_view found,
                                     std::string_view expected) {
  return tl::unexpected(
      param_error("param-malformed",
                  fmt::format("{}: found {}; {} was expected", name, found, expected)));
}

RpcExpected<RpcParams> RpcParams::read(const json::object& given, bool from_get,
                                       std::span<const std::string_view> names) {
  for (const auto& member : given) {
    const std::string_view name = member.key();
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const auto position = decimal_of(name);
    if (position && *position < names.size()) continue;
    return tl::unexpected(param_error(
        "param-unknown",
        fmt::format("found a parameter {}; {} was expected", show(json::string(name)),
                    names.empty() ? "none" : fmt::format("one of {}", fmt::join(names, ", ")))));
  }
  return RpcParams(given, from_get, names);
}

const json::value* RpcParams::find(std::string_view name) const {
  const json::value* value = given_->if_contains(name);
  if (value == nullptr) {
    const auto place = std::find(names_.begin(), names_.end(), name) - names_.begin();
    value = given_->if_contains(std::to_string(place));
  }
  if (value == nullptr || value->is_null()) return nullptr;
  if (from_get_ && value->is_string() && value->get_string().empty()) return nullptr;
  return value;
}

RpcExpected<std::string_view> RpcParams::string_of(std::string_view name, const json::value& value,
                                                   std::string_view expected, bool unquote) const {
  if (!value.is_string()) return wrong_param(name, show(value), expected);
  const std::string_view text = value.get_string();
  return unquote && from_get_ ? without_quotes(text) : text;
}

RpcExpected<std::optional<std::uint64_t>> RpcParams::number(std::string_view name,
                                                            std::uint64_t min,
                                                            std::uint64_t max) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::uint64_t> number;
  if (value->is_uint64()) number = value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0) {
    number = static_cast<std::uint64_t>(value->get_int64());
  }
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    number = decimal_of(from_get_ ? without_quotes(text) : text);
  }
  if (!number || *number < min || *number > max) {
    const std::string expected =
        max == UINT64_MAX ? fmt::format("an integer of at least {}, as number or text", min)
                          : fmt::format("an integer from {} to {}, as number or text", min, max);
    return wrong_param(name, show(*value), expected);
  }
  return number;
}

RpcExpected<bool> RpcParams::boolean(std::string_view name, bool otherwise) const {
  const json::value* value = find(name);
  if (value == nullptr) return otherwise;
  if (value->is_bool()) return value->get_bool();
  if (value->is_string()) {
    const std::string_view text = without_quotes(value->get_string());
    if (text == "true" || text == "false") return text == "true";
  }
  return wrong_param(name, show(*value), "true or false");
}

RpcExpected<std::optional<std::string>> RpcParams::text(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  QUORATE_ASSIGN(const std::string_view text, string_of(name, *value, "a string", true));
  return std::string(text);
}

std::optional<Bytes> RpcParams::bytes_of_get(std::string_view text) {
  if (is_quoted(text)) return to_bytes(without_quotes(text));
  if (has_hex_prefix(text)) return hex_of(text);
  return std::nullopt;
}

RpcExpected<Bytes> RpcParams::need_bytes(std::string_view name) const {
  const std::string_view expected = from_get_ ? R"(0x and hex digits, or "text" in quotes)"
                                              : "a string of base64 (RFC 4648, with padding)";
  const json::value* value = find(name);
  if (value == nullptr) {
    return tl::unexpected(param_error(
        "param-missing", fmt::format("{}: found nothing; {} was expected", name, expected)));
  }
  QUORATE_ASSIGN(const std::string_view text, string_of(name, *value, expected, false));
  if (from_get_) {
    if (auto bytes = bytes_of_get(text)) return std::move(*bytes);
  } else if (auto bytes = from_base64(text)) {
    return std::move(*bytes);
  }
  return wrong_param(name, show(*value), expected);
}

RpcExpected<std::optional<Bytes>> RpcParams::hex_bytes(std::string_view name) const {
  const std::string_view expected =
      from_get_ ? R"(0x and hex digits, or "text" in quotes)" : "a string of hex digits";
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  QUORATE_ASSIGN(const std::string_view text, string_of(name, *value, expected, false));
  auto bytes = from_get_ ? bytes_of_get(text) : hex_of(text);
  if (!bytes) return wrong_param(name, show(*value), expected);
  return bytes;
}

RpcExpected<crypto::Digest> RpcParams::need_hash(std::string_view name) const {
  constexpr std::string_view kExpected = "32 bytes as 64 hex digits, 0x and those, or base64";
  const json::value* value = find(name);
  if (value == nullptr) {
    return tl::unexpected(param_error(
        "param-missing", fmt::format("{}: found nothing; {} was expected", name, kExpected)));
  }
  QUORATE_ASSIGN(const std::string_view text, string_of(name, *value, kExpected, true));
  std::optional<Bytes> bytes;
  if (has_hex_prefix(text) || text.size() == kHashHexDigits) {
    bytes = hex_of(text);
  } else if (auto decoded = from_base64(text)) {
    bytes = std::move(*decoded);
  }
  crypto::Digest digest;
  if (!bytes || bytes->size() != digest.bytes.size()) {
    return wrong_param(name, show(*value), kExpected);
  }
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

}  // namespace quorate::node
