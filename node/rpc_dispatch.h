#pragma once

// From parsed calls to the text of an answer: asks the handler for each call and joins the replies,
// whenever and from wherever they come.
//
// Threads: `dispatch_*` call the handler on the calling thread and never wait. `done` is called
// exactly once, on the thread that gives the last reply (which may be the calling one, before the
// return). A reply that is given twice counts once; one that is dropped without being given answers
// with an internal error, so that no client waits for ever.

#include <functional>
#include <string>
#include <string_view>

#include "node/rpc_server.h"

namespace quorate::node {

// Of a batch's results; what would go beyond is answered by an error in its place.
inline constexpr std::size_t kBatchAnswerBytesMax = 32 << 20;

struct RpcAnswer {
  unsigned status = 200;  // of HTTP; 204 and no body when only notifications came
  std::string body;       // JSON
};
using RpcAnswered = std::function<void(RpcAnswer)>;

void dispatch_rpc(ParsedRpc parsed, RpcHandler& handler, RpcAnswered done,
                  std::size_t batch_bytes_max = kBatchAnswerBytesMax);
// The same for a call that came as GET. False if there is no such method; `done` is then not
// called.
[[nodiscard]] bool dispatch_rpc_get(const RpcCall& call, RpcHandler& handler, RpcAnswered done);

}  // namespace quorate::node
