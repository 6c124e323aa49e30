// The envelope of JSON-RPC 2.0 and of the dialect's GET form, as pure functions.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <utility>

#include "crypto/bcs.h"
#include "node/rpc_error.h"
#include "node/rpc_server.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::size_t kNestingMax = 32;
constexpr std::size_t kMethodBytesMax = 128;
constexpr std::size_t kGetArgumentsMax = 64;
// The dialect's id for calls that come as GET and so have none.
constexpr std::int64_t kGetId = -1;

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "an integer";
    case json::kind::double_:
      return "a number that is no 64-bit integer";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

json::value refuse(const json::value& id, int number, std::string_view code, std::string message,
                   std::string next) {
  return rpc_error_answer(
      id, {number, {}, {ErrorKind::kInvalid, code, std::move(message), std::move(next)}});
}

json::value not_a_request(const json::value& id, std::string message) {
  return refuse(id, kRpcInvalidRequest, "rpc-invalid-request", std::move(message),
                R"(Send {"jsonrpc":"2.0","id":1,"method":"status","params":{}}.)");
}

// Clients of Bitcoin Core and of this dialect send `"params": []` for none. Positions are passed on
// under their number, since only the method knows its parameters' names.
bool take_params(json::value& given, json::object& params) {
  if (given.is_null()) return true;
  if (given.is_object()) {
    params = std::move(given.get_object());
    return true;
  }
  if (!given.is_array()) return false;
  std::size_t position = 0;
  for (json::value& value : given.get_array()) {
    params.emplace(std::to_string(position++), std::move(value));
  }
  return true;
}

tl::expected<RpcCall, json::value> parse_call(json::value& request) {
  if (!request.is_object()) {
    return tl::unexpected(not_a_request(
        nullptr, fmt::format("Found {}, expected an object with a method", kind_name(request))));
  }
  json::object& object = request.get_object();
  RpcCall call;
  if (json::value* id = object.if_contains("id"); id == nullptr) {
    call.is_notification = true;
  } else if (id->is_null() || id->is_string() || id->is_int64() || id->is_uint64()) {
    call.id = std::move(*id);
  } else {
    return tl::unexpected(not_a_request(
        nullptr,
        fmt::format("The id is {}, expected a string, a 64-bit integer or null", kind_name(*id))));
  }
  const json::value* version = object.if_contains("jsonrpc");
  call.is_version_1 = version == nullptr || *version == "1.0";
  if (!call.is_version_1 && *version != "2.0") {
    return tl::unexpected(not_a_request(call.id, "\"jsonrpc\" is something else than \"2.0\""));
  }
  const json::value* method = object.if_contains("method");
  if (method == nullptr || !method->is_string() || method->get_string().empty() ||
      method->get_string().size() > kMethodBytesMax) {
    return tl::unexpected(not_a_request(
        call.id,
        fmt::format("\"method\" is missing or no string of 1 to {} bytes", kMethodBytesMax)));
  }
  call.method = std::string_view(method->get_string());
  if (json::value* params = object.if_contains("params");
      params != nullptr && !take_params(*params, call.params)) {
    return tl::unexpected(
        refuse(call.id, kRpcInvalidParams, "rpc-invalid-params",
               fmt::format("\"params\" is {}, expected an object or an array", kind_name(*params)),
               R"(Name the parameters: {"key":"colour"}.)"));
  }
  return call;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 §2.1, and '+' for a blank as forms have it. The result is UTF-8.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  // The codec refuses strings that are not UTF-8.
  if (!crypto::decode<std::string>(crypto::encode(out))) return std::nullopt;
  return out;
}

bool is_method_name(std::string_view name) {
  return !name.empty() && name.size() <= kMethodBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.' || c == '/';
         });
}

}  // namespace

ParsedRpc parse_rpc_body(std::string_view body) {
  ParsedRpc parsed;
  json::parse_options options;
  options.max_depth = kNestingMax;
  json::error_code trouble;
  json::value document = json::parse(body, trouble, {}, options);
  if (trouble) {
    parsed.calls.emplace_back(tl::unexpected(
        refuse(nullptr, kRpcParseError, "rpc-parse-error",
               fmt::format("The body is no JSON text in UTF-8 of at most {} levels: {}",
                           kNestingMax, trouble.message()),
               R"(Send {"jsonrpc":"2.0","id":1,"method":"status","params":{}}.)")));
    return parsed;
  }
  if (!document.is_array()) {
    parsed.calls.push_back(parse_call(document));
    return parsed;
  }
  json::array& batch = document.get_array();
  if (batch.empty() || batch.size() > kRpcBatchMax) {
    parsed.calls.emplace_back(tl::unexpected(
        refuse(nullptr, kRpcInvalidRequest, "rpc-batch-size",
               fmt::format("A batch of {} requests, expected 1 to {}", batch.size(), kRpcBatchMax),
               "Split the batch.")));
    return parsed;
  }
  parsed.is_batch = true;
  parsed.calls.reserve(batch.size());
  for (json::value& request : batch) parsed.calls.push_back(parse_call(request));
  return parsed;
}

std::optional<RpcCall> parse_rpc_target(std::string_view target) {
  if (!target.starts_with('/')) return std::nullopt;
  target = target.substr(1, target.find('#') - 1);
  const std::size_t question = target.find('?');
  const auto method = percent_decode(target.substr(0, question));
  if (!method || !is_method_name(*method)) return std::nullopt;
  RpcCall call;
  call.id = kGetId;
  call.method = *method;
  if (question == std::string_view::npos) return call;

  std::string_view query = target.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto name = percent_decode(pair.substr(0, equals));
    const auto value = percent_decode(equals == std::string_view::npos ? std::string_view()
                                                                       : pair.substr(equals + 1));
    if (!name || name->empty() || !value) return std::nullopt;
    // The same name twice has no one meaning.
    if (!call.params.emplace(*name, *value).second) return std::nullopt;
    if (call.params.size() > kGetArgumentsMax) return std::nullopt;
  }
  return call;
}

}  // namespace quorate::node
