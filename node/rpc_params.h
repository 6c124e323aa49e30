#pragma once

// Strict reading of a method's parameters, as the dialect writes them (CometBFT's JSON-RPC):
//
//   integers   a JSON number or its decimal text
//   bytes      POST: base64.          GET: 0x and hex, or "text" in quotes
//   hex bytes  POST: hex, also 0x...  GET: the same as bytes
//   a hash     64 hex digits, also 0x..., or base64
//
// A parameter that the method does not know, or whose value has another form, is refused with
// -32602, naming what was found and what was expected: a misspelt height must not silently mean
// "the latest". null, and in a GET nothing behind the '=', mean that the parameter is absent.

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crypto/bytes.h"
#include "crypto/sha256.h"
#include "node/rpc_server.h"

namespace quorate::node {

template <class T>
using RpcExpected = tl::expected<T, RpcError>;

// An error of the node as an answer: kInvalid is the caller's parameters, all else the server's
// number.
[[nodiscard]] RpcError rpc_error_of(Error error);

// Result<T> as an answer's.
template <class T>
[[nodiscard]] RpcExpected<T> answered(Result<T> result) {
  if (!result) return tl::unexpected(rpc_error_of(std::move(result).error()));
  return std::move(*result);
}

// The -32602 for one parameter: "height: found "abc"; <expected> was expected".
[[nodiscard]] tl::unexpected<RpcError> wrong_param(std::string_view name, std::string_view found,
                                                   std::string_view expected);

// Of one call; `given` outlives it. Parameters given by position ("0", "1", ...) stand in the order
// of `names`.
class RpcParams {
 public:
  // Error: "param-unknown".
  [[nodiscard]] static RpcExpected<RpcParams> read(const boost::json::object& given, bool from_get,
                                                   std::span<const std::string_view> names);

  // Errors of all: "param-malformed"; of `need_*` also "param-missing".
  [[nodiscard]] RpcExpected<std::optional<std::uint64_t>> number(std::string_view name,
                                                                 std::uint64_t min,
                                                                 std::uint64_t max) const;
  [[nodiscard]] RpcExpected<bool> boolean(std::string_view name, bool otherwise) const;
  [[nodiscard]] RpcExpected<std::optional<std::string>> text(std::string_view name) const;
  [[nodiscard]] RpcExpected<Bytes> need_bytes(std::string_view name) const;
  [[nodiscard]] RpcExpected<std::optional<Bytes>> hex_bytes(std::string_view name) const;
  [[nodiscard]] RpcExpected<crypto::Digest> need_hash(std::string_view name) const;
  // As it was given, for a method that reads its form itself; nullptr: absent.
  [[nodiscard]] const boost::json::value* value(std::string_view name) const { return find(name); }

 private:
  RpcParams(const boost::json::object& given, bool from_get,
            std::span<const std::string_view> names)
      : given_(&given), from_get_(from_get), names_(names) {}

  // nullptr: absent.
  [[nodiscard]] const boost::json::value* find(std::string_view name) const;
  // A string's text; in a GET without its quotes if `unquote`.
  [[nodiscard]] RpcExpected<std::string_view> string_of(std::string_view name,
                                                        const boost::json::value& value,
                                                        std::string_view expected,
                                                        bool unquote) const;
  // What a GET means by bytes; nullopt: neither form.
  [[nodiscard]] static std::optional<Bytes> bytes_of_get(std::string_view text);

  const boost::json::object* given_;
  bool from_get_;
  std::span<const std::string_view> names_;
};

}  // namespace quorate::node
