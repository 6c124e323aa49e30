#pragma once

// The HTTP door: JSON-RPC 2.0 by POST to "/", GET /method?arg=value, and plain GET pages.
//
// It knows HTTP and the JSON-RPC envelope, and nothing of methods: those stand behind RpcHandler.
// Errors of JSON-RPC answer with HTTP status 200 on POST, because clients of this dialect hide the
// body of anything else. Batches (arrays) are answered in order, at most kRpcBatchMax.
//
// A GET asks for a page first, then for a method; an error that answers it has an HTTP status. HEAD
// serves pages, OPTIONS names the methods; there are no CORS headers, so scripts of other sites can
// read nothing here.
//
// Bounds: body size, header size, bytes of all requests being read and of all answers being
// written, connections, requests in flight a connection (one), a deadline for reading a request and
// one for writing its answer, JSON nesting. Everything above answers with an error and a reason, or
// closes. When all connections are taken, the one that has been waiting longest for its client
// goes.
//
// Threads: handler calls run on the I/O thread and must not block; a Reply may be called later,
// once, from any thread, also after the server has gone. A reply that is dropped without being
// called answers with an internal error, as does a handler that throws.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"
#include "node/config.h"
#include "node/io_thread.h"
#include "node/rpc_credentials.h"

namespace quorate::node {

inline constexpr std::size_t kRpcBatchMax = 100;

// JSON-RPC error numbers of this dialect.
inline constexpr int kRpcParseError = -32700;
inline constexpr int kRpcInvalidRequest = -32600;
inline constexpr int kRpcMethodNotFound = -32601;
inline constexpr int kRpcInvalidParams = -32602;
inline constexpr int kRpcInternalError = -32603;
inline constexpr int kRpcServerError = -32000;

struct RpcError {
  int number = kRpcServerError;
  std::string message;             // short, by the number
  Error detail;                    // goes into error.data: {code, message, next}
  boost::json::object facts = {};  // more members of error.data, such as the id in question
};

using RpcResult = tl::expected<boost::json::value, RpcError>;
using RpcReply = std::function<void(RpcResult)>;

// A page for GET requests that are no method: status, type, body, and for how long it may be kept.
struct HttpPage {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  std::string_view cache_control = "no-store";  // a string literal
};

// What comes next in a stream: results, each a JSON text and sent by itself under the id of the
// call that opened it; or its end, with what ended it.
struct RpcStreamPart {
  std::vector<std::string> results = {};
  std::optional<RpcError> end = {};
};
// Called from any thread, also after the server has gone; once for each `more`.
using RpcStreamSink = std::function<void(RpcStreamPart)>;

// An open stream; it ends with this object. It goes at the pace of its client: a part is made when
// the one before has been taken, so what lies in memory is one part a stream.
class RpcStream {
 public:
  virtual ~RpcStream() = default;
  // The client has taken what there was. Does not block; thread-safe.
  virtual void more() = 0;
};

class RpcHandler {
 public:
  virtual ~RpcHandler() = default;
  // False if there is no such method (the reply is then not called).
  // In a GET request every argument arrives as a string, exactly as it stood behind the '='
  // (percent signs decoded), `0x`-prefixed hex and quoted strings as the dialect has them: "abc"
  // with its quotes, 12 bare, 0xab hex, true bare. Parameters given by position, as Bitcoin's
  // clients do, arrive under "0", "1", ...
  virtual bool call(std::string_view method, const boost::json::object& params, bool from_get,
                    RpcReply reply) = 0;
  // `path` is everything before the '?', not decoded. Runs on the I/O thread.
  [[nodiscard]] virtual std::optional<HttpPage> page(std::string_view path) = 0;
  // The call `subscribe` with these parameters, of a connection that stays. Nothing is sent before
  // the first `more`. Runs on the I/O thread and must not block.
  [[nodiscard]] virtual tl::expected<std::unique_ptr<RpcStream>, RpcError> open_stream(
      const boost::json::object& params, RpcStreamSink sink);
};

// The parser by itself, for tests and fuzzing: a body becomes calls or a ready answer.
struct RpcCall {
  boost::json::value id;  // null for none
  bool is_notification = false;
  // Without "jsonrpc": "2.0", as Bitcoin's clients write it: the answer has both `result` and
  // `error`, one of them null.
  bool is_version_1 = false;
  std::string method;
  boost::json::object params;
};
struct ParsedRpc {
  bool is_batch = false;
  std::vector<tl::expected<RpcCall, boost::json::value>> calls;  // or the error answer to send
};
[[nodiscard]] ParsedRpc parse_rpc_body(std::string_view body);
// GET target "/method?a=1&b=%22x%22" -> method, arguments {"a": "1", "b": "\"x\""} and the
// dialect's id for such calls, -1; nullopt if it does not parse or names an argument twice.
[[nodiscard]] std::optional<RpcCall> parse_rpc_target(std::string_view target);

struct RpcServerOptions {
  Endpoint listen;
  // Asked for with every request but those for the pages /health and /ready; nullopt: not at all.
  std::optional<RpcCredentials> credentials{};
  std::size_t body_bytes_max = 4 << 20;
  // Of all requests that are being read, beyond 64 KiB of each.
  std::size_t requests_bytes_max = 64 << 20;
  // Of all answers that are being written, beyond 64 KiB of each.
  std::size_t answers_bytes_max = 256 << 20;
  std::size_t connections_max = 512;
  std::size_t websockets_max = 128;          // besides the connections
  std::size_t subscriptions_a_websocket_max = 16;
  // A WebSocket whose client sends nothing for this long, not even an answer to the ping that half
  // of it brings, is closed.
  std::uint32_t websocket_idle_ms = 120'000;
  // From the last answer (or the connection's start) until the next request is whole.
  std::uint32_t read_timeout_ms = 30'000;
  // A client that takes its answer more slowly than this, after as much grace, loses it.
  std::uint32_t write_bytes_per_ms_min = 512;
};

class RpcServer {
 public:
  // Errors: "rpc-port-taken" (kConflict), "rpc-listen-failed". `handler` outlives the server.
  [[nodiscard]] static Result<std::unique_ptr<RpcServer>> start(IoThread& io,
                                                                RpcServerOptions options,
                                                                RpcHandler& handler);
  ~RpcServer();                             // closes everything; no handler call runs afterwards
  [[nodiscard]] Endpoint endpoint() const;  // with the port that was really bound

 private:
  struct Impl;
  explicit RpcServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace quorate::node
