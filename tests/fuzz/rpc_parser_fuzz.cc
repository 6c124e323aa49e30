// Any body and any address on the RPC port have an answer, and each answer is JSON of JSON-RPC.

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/check.h"
#include "node/http_message.h"
#include "node/rpc_dispatch.h"
#include "node/rpc_server.h"

namespace {

using namespace quorate;
namespace json = boost::json;

class Echo final : public node::RpcHandler {
 public:
  bool call(std::string_view method, const json::object& params, bool,
            node::RpcReply reply) override {
    if (method.size() % 4 == 1) return false;
    if (method.size() % 4 == 2) return true;  // drops the reply
    reply(json::value(params));
    return true;
  }
  std::optional<node::HttpPage> page(std::string_view) override { return std::nullopt; }
};

void check_answer(const json::value& answer) {
  const json::object* object = answer.if_object();
  QUORATE_CHECK(object != nullptr && object->contains("id") && answer.at("jsonrpc") == "2.0",
                "an answer has the envelope");
  QUORATE_CHECK(object->contains("result") != object->contains("error"),
                "an answer is a result or an error");
}

void check_body(std::string_view body) {
  if (body.empty()) return;
  json::error_code trouble;
  json::parse_options options;
  options.max_depth = 64;
  const json::value answer = json::parse(body, trouble, {}, options);
  QUORATE_CHECK(!trouble, "an answer is JSON");
  if (const json::array* batch = answer.if_array()) {
    QUORATE_CHECK(!batch->empty() && batch->size() <= node::kRpcBatchMax, "a batch is bounded");
    for (const json::value& one : *batch) check_answer(one);
  } else {
    check_answer(answer);
  }
}

void drive_http(std::string_view bytes) {
  node::HttpRequestReader reader({.header_bytes_max = 1024, .body_bytes_max = 4096});
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, 7);
    bytes.remove_prefix(piece.size());
    reader.append(piece);
    while (true) {
      const auto whole = reader.advance();
      if (!whole) return;
      if (!*whole) break;
      QUORATE_CHECK(reader.take().body.size() <= 4096, "a body is bounded");
    }
    (void)reader.wants_continue();
    QUORATE_CHECK(reader.bytes() <= 4096 + 1024 + 7, "memory is bounded");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Echo echo;
  int answers = 0;
  node::dispatch_rpc(node::parse_rpc_body(input), echo, [&](const node::RpcAnswer& answer) {
    ++answers;
    QUORATE_CHECK(answer.status == (answer.body.empty() ? 204U : 200U), "POST errors have 200");
    check_body(answer.body);
  });
  QUORATE_CHECK(answers == 1, "a body is answered once");

  if (const auto call = node::parse_rpc_target(input)) {
    QUORATE_CHECK(!call->method.empty(), "a call has a method");
    (void)node::dispatch_rpc_get(*call, echo,
                                 [](const node::RpcAnswer& answer) { check_body(answer.body); });
  }
  drive_http(input);
  return 0;
}
