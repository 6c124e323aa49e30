#pragma once

// One row of the RPC's table: a name, its parameters, what it does, and the function.

#include <functional>
#include <string_view>
#include <vector>

#include "node/node_view.h"
#include "node/rpc_params.h"
#include "node/rpc_server.h"

namespace quorate::node {

struct RpcMethod {
  std::string_view name;
  std::vector<std::string_view> params;
  std::string_view sentence;  // for the index page
  // Runs on the I/O thread and must not block; the reply may come later, from any thread. The
  // parameters live until it returns, the view until the last reply.
  std::function<void(const NodeView&, const RpcParams&, RpcReply)> run;
};

// A function whose answer is there at once.
using RpcFunction = RpcResult (*)(const NodeView&, const RpcParams&);
[[nodiscard]] inline auto at_once(RpcFunction function) {
  return [function](const NodeView& view, const RpcParams& params, const RpcReply& reply) {
    reply(function(view, params));
  };
}

}  // namespace quorate::node
