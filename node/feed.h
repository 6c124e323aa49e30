#pragma once

// The ledger as a sequence of events, read from any place in it: what a consumer needs to build its
// own state from the log, or to learn of each change of some keys.
//
//   transactions  each one that has a result (applied, rejected or expired), in order. A skipped
//                 one is no event: it had no effect, and the same transaction is one already.
//   changes       each user's key whose leaf a block changed, with what it holds afterwards: one
//                 event a block and key, in the order of keys. That a key's `until` passes changes
//                 no leaf; the event that set it says until when.
//   blocks        each block, null ones included.
//
// A cursor names the next event: height, and index in the block (of the transaction, of the key in
// the block's write set). All correct replicas have the same events at the same places, so a
// cursor that one node gave is good at every other of its chain.
//
// As text: "<kind>:<first 16 hex digits of the chain id>:<height>:<index>", for example
// "tx:832a9c28f9653526:15:4". Not thread-safe; of several readers of one store each has its own
// place.

#include <boost/json/object.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/store.h"

namespace quorate::node {

enum class FeedKind : std::uint8_t { kTransactions, kChanges, kBlocks };
// "tx", "change", "block": in cursors.
[[nodiscard]] std::string_view feed_kind_text(FeedKind kind);

struct FeedCursor {
  ledger::Height height{1};
  std::uint32_t index = 0;

  friend auto operator<=>(const FeedCursor&, const FeedCursor&) = default;
};
[[nodiscard]] std::string cursor_text(FeedKind kind, const ledger::Digest& chain_id,
                                      const FeedCursor& cursor);
// Errors: "cursor-malformed" (kInvalid), "cursor-other-chain" and "cursor-other-kind" (kConflict).
[[nodiscard]] Result<FeedCursor> parse_cursor(std::string_view text, FeedKind kind,
                                              const ledger::Digest& chain_id);

struct FeedFilter {
  FeedKind kind = FeedKind::kTransactions;
  // Transactions of this sender only.
  std::optional<ledger::PublicKey> sender = {};
  // Transactions with an operation on such a key, changes of such a key: one that is `key`, or
  // begins with it.
  std::optional<Bytes> key = {};
  bool is_prefix = false;
  // Blocks of this agreed time or later only.
  ledger::TimeMs since = {};
};
// Errors (kInvalid): "filter-not-of-kind": sender with changes, sender or key with blocks.
[[nodiscard]] Status check_filter(const FeedFilter& filter);

struct FeedEvent {
  FeedCursor next;  // behind it
  // {type, height, ...}: node/README.md lists the members.
  boost::json::object body;
  // Of its block; null for changes. `index` is that of the transaction.
  std::shared_ptr<const ledger::StoredBlock> block;
  std::uint32_t index = 0;
};

struct FeedPart {
  std::vector<FeedEvent> events;
  FeedCursor next;       // where to go on; behind the last event or further
  ledger::Height head;   // of the ledger, when the reading began
  bool is_at_head = false;  // there is nothing more up to it
};

class FeedReader {
 public:
  // `store` outlives this.
  explicit FeedReader(const ledger::Store& store) : store_(store) {}

  struct Limits {
    std::size_t bytes_max = 256 << 10;   // of events, about; one is given whatever its size
    std::uint64_t blocks_max = 64;       // read for one part
  };
  // Events from `from` on. Errors: "block-not-kept" (kNotFound) where the ledger does not reach
  // back that far; those of the store.
  [[nodiscard]] Result<FeedPart> read(const FeedFilter& filter, const FeedCursor& from,
                                      const Limits& limits);
  // The first block that is kept and whose agreed time is `since` or later; the one after the head
  // if there is none yet. Error: "block-not-kept" if earlier blocks, which are not kept, may be of
  // that time too; those of the store.
  [[nodiscard]] Result<FeedCursor> first_since(ledger::TimeMs since) const;

 private:
  using BlockPtr = std::shared_ptr<const ledger::StoredBlock>;
  [[nodiscard]] Result<BlockPtr> block(ledger::Height height);
  // Adds the block's events from `index` on until `bytes` reaches the limit; the index to go on
  // from, nullopt: the block is done.
  [[nodiscard]] Result<std::optional<std::uint32_t>> add_events(const FeedFilter& filter,
                                                                const BlockPtr& block,
                                                                std::uint32_t index,
                                                                std::size_t bytes_max,
                                                                std::size_t& bytes,
                                                                std::vector<FeedEvent>& events);
  [[nodiscard]] Result<std::optional<std::uint32_t>> add_changes(const FeedFilter& filter,
                                                                 const BlockPtr& block,
                                                                 std::uint32_t index,
                                                                 std::size_t bytes_max,
                                                                 std::size_t& bytes,
                                                                 std::vector<FeedEvent>& events);

  const ledger::Store& store_;
  std::deque<BlockPtr> kept_;  // those that were read last: many follow the head
};

// "block-not-kept": what was asked for lies at or below `base`.
[[nodiscard]] Error block_not_kept(ledger::Height asked, ledger::Height base);

}  // namespace quorate::node
