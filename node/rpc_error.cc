#include "node/rpc_error.h"

#include <algorithm>
#include <array>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<ErrorKind, std::string_view>, 11> kKindNames = {{
    {ErrorKind::kUsage, "usage"},
    {ErrorKind::kInvalid, "invalid"},
    {ErrorKind::kRejected, "rejected"},
    {ErrorKind::kNotFound, "not-found"},
    {ErrorKind::kConflict, "conflict"},
    {ErrorKind::kUnavailable, "unavailable"},
    {ErrorKind::kTimeout, "timeout"},
    {ErrorKind::kDenied, "denied"},
    {ErrorKind::kCorrupt, "corrupt"},
    {ErrorKind::kEnvironment, "environment"},
    {ErrorKind::kUnsupported, "unsupported"},
}};

constexpr std::size_t kCodeBytesMax = 64;
constexpr std::size_t kForeignCodesMax = 1024;

bool is_kebab_case(std::string_view code) {
  return !code.empty() && code.size() <= kCodeBytesMax &&
         std::all_of(code.begin(), code.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// Error::code is of static storage, and the codes of a node arrive at run time.
std::string_view keep_code(std::string_view code) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> kept;
  const std::lock_guard lock(mutex);
  if (const auto found = kept.find(code); found != kept.end()) return *found;
  if (kept.size() >= kForeignCodesMax) return "node-error";
  return *kept.emplace(code).first;
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

}  // namespace

std::string_view error_kind_name(ErrorKind kind) {
  for (const auto& [known, name] : kKindNames) {
    if (known == kind) return name;
  }
  return "rejected";
}

json::object error_to_json(const Error& error) {
  return {{"code", error.code},
          {"kind", error_kind_name(error.kind)},
          {"message", error.message},
          {"next", error.next}};
}

std::optional<Error> error_from_json(const json::value& data) {
  if (!data.is_object()) return std::nullopt;
  const json::object& object = data.get_object();
  const std::string_view code = text_of(object, "code");
  if (!is_kebab_case(code)) return std::nullopt;
  Error error{ErrorKind::kRejected, keep_code(code), std::string(text_of(object, "message")),
              std::string(text_of(object, "next"))};
  for (const auto& [kind, name] : kKindNames) {
    if (name == text_of(object, "kind")) error.kind = kind;
  }
  return error;
}

std::string_view rpc_error_text(int number) {
  switch (number) {
    case kRpcParseError:
      return "Parse error";
    case kRpcInvalidRequest:
      return "Invalid Request";
    case kRpcMethodNotFound:
      return "Method not found";
    case kRpcInvalidParams:
      return "Invalid params";
    case kRpcInternalError:
      return "Internal error";
    default:
      return "Server error";
  }
}

json::value rpc_error_answer(const json::value& id, const RpcError& error) {
  const std::string_view text =
      error.message.empty() ? rpc_error_text(error.number) : std::string_view(error.message);
  json::object data = error_to_json(error.detail);
  for (const auto& fact : error.facts) data.insert(fact);
  return json::object{
      {"jsonrpc", "2.0"},
      {"id", id},
      {"error",
       json::object{{"code", error.number}, {"message", text}, {"data", std::move(data)}}}};
}

json::value rpc_result_answer(const json::value& id, json::value result) {
  return json::object{{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

unsigned http_status_of(const RpcError& error) {
  switch (error.number) {
    case kRpcParseError:
    case kRpcInvalidRequest:
    case kRpcInvalidParams:
      return 400;
    case kRpcMethodNotFound:
      return 404;
    case kRpcInternalError:
      return 500;
    default:
      break;
  }
  switch (error.detail.kind) {
    case ErrorKind::kUsage:
    case ErrorKind::kInvalid:
      return 400;
    case ErrorKind::kDenied:
      return 403;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
      return 409;
    case ErrorKind::kRejected:
      return 422;
    case ErrorKind::kUnsupported:
      return 501;
    case ErrorKind::kUnavailable:
      return 503;
    case ErrorKind::kTimeout:
      return 504;
    case ErrorKind::kCorrupt:
    case ErrorKind::kEnvironment:
      return 500;
  }
  return 500;
}

}  // namespace quorate::node
