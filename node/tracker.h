#pragma once

// The tracker: how true each transaction is, as far as this node knows.
//
//   local      this node took it and gossips it; nothing durable holds it
//   promised   a primary proposed it
//   quorum     a quorum prepared it
//   replicated a quorum committed it and this node executed it: final, never lost
//   rejected   final: ordered and refused, with its code; or its nonce went to another
//   expired    final: agreed time passed its valid-until
//
// The first three are revocable. The tracker remembers times and lets a client wait for a level; what
// is older than its memory is answered from the ledger by the caller. Bounded: the oldest finished
// entries go first. Thread-safe; callbacks run on the thread that made the change or on the
// tracker's timer thread, outside its lock, and must not block.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ledger/execution.h"
#include "ledger/types.h"

namespace quorate::node {

enum class Level : std::uint8_t {
  kUnknown, kLocal, kPromised, kQuorum, kReplicated, kStable, kAnchored, kRejected, kExpired
};
[[nodiscard]] std::string_view level_text(Level level);
// Error: "level-unknown", listing the levels.
[[nodiscard]] Result<Level> parse_level(std::string_view text);
// True for rejected and expired: nothing comes after them.
[[nodiscard]] bool is_end(Level level);
// Whether someone who waits for `wanted` may stop at `level`: reached it, or reached an end.
[[nodiscard]] bool satisfies(Level level, Level wanted);

struct LevelChange {
  Level level = Level::kUnknown;
  std::uint64_t wall_ms = 0;
  std::uint64_t after_us = 0;  // since this node first saw the transaction
  std::string evidence;        // one phrase: "proposed at sequence 7 in view 0"
};

struct TxStatus {
  ledger::TxId id;
  Level level = Level::kUnknown;
  std::vector<LevelChange> history;
  std::optional<ledger::Height> height;
  std::optional<std::uint32_t> index;
  std::optional<ledger::Outcome> outcome;
  std::optional<ledger::TxId> nonce_owner;  // of a skipped one
};

class Tracker {
 public:
  explicit Tracker(std::size_t entries_max = 200'000);
  ~Tracker();  // answers all waits with what is known

  void on_local(const ledger::TxId& id);
  void on_proposed(ledger::View view, ledger::Sequence sequence,
                   const std::vector<ledger::TxId>& ids);
  void on_prepared(ledger::View view, ledger::Sequence sequence);
  // After the block can be read. `owners` gives, for skipped ones, who took the nonce.
  void on_executed(ledger::Height height, const std::vector<ledger::TxResult>& results,
                   const std::vector<std::optional<ledger::TxId>>& nonce_owners);
  void on_expired(const std::vector<ledger::TxId>& ids);
  // It left the mempool because another transaction with its nonce was executed.
  void on_overtaken(const ledger::TxId& id, const ledger::TxId& nonce_owner);

  [[nodiscard]] std::optional<TxStatus> status(const ledger::TxId& id) const;

  using Answer = std::function<void(TxStatus)>;
  // Calls `answer` once: when `wanted` or an end is reached, or at the timeout with the status of
  // then. An id that is not tracked is answered at once with kUnknown.
  void wait(const ledger::TxId& id, Level wanted, std::uint64_t timeout_ms, Answer answer);

  // Blocks, for whoever follows the chain: called after each executed block.
  void set_block_listener(std::function<void(ledger::Height)> listener);

 private:
  struct Waiter {
    Level wanted;
    std::uint64_t deadline_ms;
    Answer answer;
  };
  struct Entry {
    TxStatus status;
    std::uint64_t first_us = 0;
    std::vector<std::uint64_t> waiters;
  };
  using Due = std::vector<std::pair<Answer, TxStatus>>;

  void advance(const ledger::TxId& id, Level level, std::string evidence, Due& due,
               const std::function<void(TxStatus&)>& fill = {});
  void finish(const ledger::TxId& id);
  static void answer_all(Due& due);
  void run_timer();

  std::size_t entries_max_;
  mutable std::mutex mutex_;
  std::unordered_map<ledger::TxId, Entry> entries_;
  std::deque<ledger::TxId> finished_;  // oldest first; may name entries that are gone
  std::map<ledger::Sequence, std::vector<ledger::TxId>> proposed_;
  std::map<std::uint64_t, std::pair<ledger::TxId, Waiter>> waiters_;
  std::multimap<std::uint64_t, std::uint64_t> deadlines_;  // monotonic ms -> waiter
  std::uint64_t next_waiter_ = 1;
  std::function<void(ledger::Height)> listener_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread timer_;
};

}  // namespace quorate::node
