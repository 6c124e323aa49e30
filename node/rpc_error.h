#pragma once

// Errors as they travel in JSON-RPC: error.data is {code, kind, message, next}, from which the
// client makes the same Error again. Pure functions, thread-safe.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string_view>

#include "crypto/result.h"
#include "node/rpc_server.h"

namespace quorate::node {

// "invalid", "not-found", ...: a stable word for each kind.
[[nodiscard]] std::string_view error_kind_name(ErrorKind kind);

[[nodiscard]] boost::json::object error_to_json(const Error& error);
// nullopt if it has not that form. An unknown kind reads as kRejected, since a newer node may know
// more kinds; a code of this form that the process has not seen before is kept for good, up to a
// bound.
[[nodiscard]] std::optional<Error> error_from_json(const boost::json::value& data);

// The short text that belongs to an error number: "Method not found".
[[nodiscard]] std::string_view rpc_error_text(int number);

// Whole answers. An empty error.message is filled in by its number.
[[nodiscard]] boost::json::value rpc_error_answer(const boost::json::value& id,
                                                  const RpcError& error);
[[nodiscard]] boost::json::value rpc_result_answer(const boost::json::value& id,
                                                   boost::json::value result);

// The HTTP status of an error that answers a GET; a POST always has 200.
[[nodiscard]] unsigned http_status_of(const RpcError& error);

}  // namespace quorate::node
