#pragma once

// What `subscribe` opens: the ledger's events (node/feed.h), sent to many consumers, each at its
// own pace.
//
// Nothing is queued for a consumer. One thread, below the priority of those that vote, reads the
// next part of a stream from the ledger when the consumer has taken the one before; the streams are
// served in turn. So a slow consumer costs one part of memory (kPartBytes, or one event if that is
// larger), and holds up nobody. One that has read everything waits for the next block.
//
// A consumer that asks for positions is told, between events, where it stands, as results with
// `data.type` "quorate:event/Position" and `quorate` {type: "position", cursor, head, behind,
// state}: `behind` when the head has got kBehindBlocks ahead of it, `caught-up` when it has read
// everything, first or again, and `on-the-way` at least every kPositionBlocks blocks that had no
// event for it. So a cursor that it keeps is never far back, however rare its events are.
//
// Thread-safe.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "node/feed.h"
#include "node/node_view.h"
#include "node/rpc_params.h"
#include "node/rpc_server.h"

namespace quorate::node {

inline constexpr std::size_t kSubscriptionsMax = 256;  // of a node
inline constexpr std::size_t kPartBytes = 256 << 10;
inline constexpr std::uint64_t kBehindBlocks = 256;
inline constexpr std::uint64_t kPositionBlocks = 256;

// What `subscribe` asks for.
struct Subscribing {
  std::string query;
  bool is_header_only = false;  // tm.event='NewBlockHeader'
  FeedFilter filter;
  std::optional<FeedCursor> from;  // nullopt: by filter.since if that is given, else the next block
  bool wants_positions = false;
};
// Errors, beside those of RpcParams: "query-not-supported", "start-given-twice",
// "filter-given-twice" (all -32602), those of check_filter and parse_cursor.
[[nodiscard]] RpcExpected<Subscribing> read_subscribing(const RpcParams& params,
                                                        const ledger::Digest& chain_id);
// The parameters of `subscribe`.
[[nodiscard]] std::span<const std::string_view> subscribe_params();

class EventStreams {
 public:
  // `view` outlives this.
  explicit EventStreams(const NodeView& view);
  ~EventStreams();
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  // Errors: "subscriptions-full" (kUnavailable), "block-not-kept". What is wrong later ends the
  // stream.
  [[nodiscard]] RpcExpected<std::unique_ptr<RpcStream>> open(Subscribing asked,
                                                             RpcStreamSink sink);

 private:
  struct Stream;
  struct Shared;
  class Handle;
  using StreamPtr = std::shared_ptr<Stream>;

  void run();
  // Reads on for one stream. True: it was sent something, or ended.
  [[nodiscard]] bool serve(Stream& stream, ledger::Height& head);
  [[nodiscard]] RpcExpected<RpcStreamPart> next_part(Stream& stream, ledger::Height& head);
  [[nodiscard]] RpcExpected<std::string> event_text(const Stream& stream, FeedEvent event,
                                                    ledger::Height head) const;
  [[nodiscard]] std::string position_text(const Stream& stream, std::string_view state,
                                          ledger::Height head) const;

  const NodeView& view_;
  FeedReader reader_;  // of the thread
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace quorate::node
