#pragma once

// One connection that stays: JSON-RPC over a WebSocket. Includes Asio: for .cc files only.
//
// Each message is one call, or an array of calls, answered as by POST, one message at a time.
// Besides, `subscribe` opens a stream: it is answered by an empty result, and then each of the
// stream's results comes as an answer of its own with the same id, until `unsubscribe` with the
// same query, `unsubscribe_all`, or an error with that id, which ends it.
//
// A client that takes its events slowly is sent them slowly: a stream is asked for more when the
// socket has taken what there was. One that takes nothing is closed with the connection, after the
// idle time. What is held for a connection is bounded: one message, one answer, and one part for
// each of its streams.
//
// Everything here runs on the I/O thread.

#include <cstdint>
#include <memory>
#include <string>

#include "node/asio.h"

#include "node/rpc_session.h"

namespace quorate::node {

class WebSocketSession {
 public:
  // Answers the upgrade, whose header is given, and goes on by itself; it stands in hub.websockets
  // until it ends.
  static void start(tcp::socket socket, std::string upgrade, RpcHub& hub);

  virtual ~WebSocketSession() = default;
  // Drops the connection and its place in the hub. Idempotent.
  virtual void close() = 0;
};

}  // namespace quorate::node
