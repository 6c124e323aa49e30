#pragma once

// Every method and page of the RPC, by name.
//
// CometBFT's methods are in comet_rpc.h, our own in quorate_rpc.h; this finds the one that is asked
// for and reads no parameter itself. Pages: "/" (an index for people), "/health" (200 while the
// process answers), "/ready" (200, or 503 with the reason),
// and the log of node/log_rpc.h. What stays open is event_streams.h.

#include <map>
#include <optional>
#include <string_view>

#include "node/event_streams.h"
#include "node/rpc_method.h"

namespace quorate::node {

class RpcMethods final : public RpcHandler {
 public:
  // `view` outlives this and every reply.
  explicit RpcMethods(const NodeView& view);

  bool call(std::string_view method, const boost::json::object& params, bool from_get,
            RpcReply reply) override;
  [[nodiscard]] std::optional<HttpPage> page(std::string_view path) override;
  [[nodiscard]] RpcExpected<std::unique_ptr<RpcStream>> open_stream(
      const boost::json::object& params, RpcStreamSink sink) override;

 private:
  [[nodiscard]] std::string index() const;

  const NodeView& view_;
  std::map<std::string_view, RpcMethod> methods_;
  EventStreams streams_;
};

}  // namespace quorate::node
