#include "node/rpc_methods.h"

#include <fmt/format.h>

#include <utility>

#include "crypto/check.h"
#include "node/blocks_rpc.h"
#include "node/comet_rpc.h"
#include "node/log_rpc.h"
#include "node/quorate_rpc.h"

namespace quorate::node {

namespace {

RpcResult needs_websocket(const NodeView& /*view*/, const RpcParams& /*params*/) {
  return tl::unexpected(rpc_error_of(
      {ErrorKind::kUnsupported, "subscription-needs-websocket",
       "found this call by HTTP or inside a batch, expected it by itself over a WebSocket",
       "Open a WebSocket at /websocket; or `quorate ledger follow`."}));
}

// Listed, so that whoever asks for them in another way learns how.
std::vector<RpcMethod> stream_methods() {
  const auto params = subscribe_params();
  return {{"subscribe",
           {params.begin(), params.end()},
           "Over /websocket: the ledger's events, from any place on.",
           at_once(needs_websocket)},
          {"unsubscribe", {"query"}, "Ends what was subscribed to.", at_once(needs_websocket)},
          {"unsubscribe_all", {}, "Ends all subscriptions.", at_once(needs_websocket)}};
}

}  // namespace

RpcMethods::RpcMethods(const NodeView& view) : view_(view), streams_(view) {
  for (const auto& methods :
       {comet_methods(view), quorate_methods(), blocks_methods(), log_methods(),
        stream_methods()}) {
    for (const RpcMethod& method : methods) {
      const bool is_new = methods_.emplace(method.name, method).second;
      QUORATE_CHECK(is_new, "two methods with one name");
    }
  }
}

bool RpcMethods::call(std::string_view method, const boost::json::object& params, bool from_get,
                      RpcReply reply) {
  const auto found = methods_.find(method);
  if (found == methods_.end()) return false;
  const auto read = RpcParams::read(params, from_get, found->second.params);
  if (!read) {
    reply(tl::unexpected(read.error()));
  } else {
    found->second.run(view_, *read, std::move(reply));
  }
  return true;
}

RpcExpected<std::unique_ptr<RpcStream>> RpcMethods::open_stream(const boost::json::object& params,
                                                                RpcStreamSink sink) {
  QUORATE_ASSIGN(const RpcParams read, RpcParams::read(params, false, subscribe_params()));
  QUORATE_ASSIGN(Subscribing asked, read_subscribing(read, view_.chain_id));
  return streams_.open(std::move(asked), std::move(sink));
}

std::optional<HttpPage> RpcMethods::page(std::string_view path) {
  constexpr std::string_view kPlain = "text/plain; charset=utf-8";
  if (path == "/") return HttpPage{200, std::string(kPlain), index()};
  if (path == "/health") return HttpPage{200, std::string(kPlain), "ok\n"};
  if (path == "/ready") {
    if (const auto reason = why_not_ready(view_)) {
      return HttpPage{503, std::string(kPlain), *reason + "\n"};
    }
    return HttpPage{200, std::string(kPlain), "ready\n"};
  }
  return log_page(view_, path);
}

std::string RpcMethods::index() const {
  std::string text = fmt::format(
      "Quorate, replica {} of chain {}\n\n"
      "JSON-RPC 2.0 by POST to this address, or GET /method?name=value.\n"
      "In a GET, text stands in \"quotes\" and bytes as 0x and hex digits.\n\n",
      view_.self.value, view_.chain_id.hex());
  for (const auto& [name, method] : methods_) {
    text += fmt::format("  {}({})\n      {}\n", name, fmt::join(method.params, ", "),
                        method.sentence);
  }
  return text + "\nPages: /health  /ready  /checkpoint  /tile/...\nWebSocket: /websocket\n";
}

}  // namespace quorate::node
