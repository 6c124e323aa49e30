#pragma once

// One row of the RPC's table: a name, its parameters, what it does, and the function.

#include <functional>
#include <string_view>
#include <vector>

#include "node/node_view.h"
#include "node/rpc_params.h"
#include "node/rpc_server.h"

namespace quorate::node {

// `View` is what the methods of an engine see of its node: NodeView, or PowView (node/pow_view.h).
template <class View>
struct RpcMethodOf {
  std::string_view name;
  std::vector<std::string_view> params;
  std::string_view sentence;  // for the index page
  // Runs on the thread that the engine's handler says and must not block; the reply may come
  // later, from any thread. The parameters live until it returns, the view until the last reply.
  std::function<void(View&, const RpcParams&, RpcReply)> run;
};
using RpcMethod = RpcMethodOf<const NodeView>;

// A function whose answer is there at once.
template <class View>
[[nodiscard]] auto at_once(RpcResult (*function)(View&, const RpcParams&)) {
  return [function](View& view, const RpcParams& params, const RpcReply& reply) {
    reply(function(view, params));
  };
}

}  // namespace quorate::node
