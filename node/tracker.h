#pragma once

// The tracker: how true each transaction is, as far as this node knows.
//
//   local      this node took it and gossips it; nothing durable holds it
//   promised   a primary proposed it
//   quorum     a quorum prepared it
//   replicated a quorum committed it and this node executed it: final, never lost
//   stable     a checkpoint that a quorum cosigned covers it: from here on its result is proved too
//   anchored   that checkpoint stands in the chain of proof of work, so deep; not told here, but by
//              who asks node/anchor_book.h as well, since a reorganisation may take it back
//   rejected   final: ordered and refused, with its code; or its nonce went to another
//   expired    final: agreed time passed its valid-until
//
// The first three are revocable; a level once told is not taken back, but a proposal in a later
// view adds its line to the history. The tracker remembers times and lets a client wait for a
// level; what is older than its memory is answered from the ledger by the caller, and so is what
// was ordered without passing through here. Bounded: the oldest finished entries go first, then the
// oldest of all.
//
// Thread-safe; callbacks run on the thread that made the change or on the tracker's timer thread,
// outside its lock, and must not block.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ledger/execution.h"
#include "ledger/types.h"

namespace quorate::node {

enum class Level : std::uint8_t {
  kUnknown, kLocal, kPromised, kQuorum, kReplicated, kStable, kAnchored, kRejected, kExpired
};
[[nodiscard]] std::string_view level_text(Level level);
// What somebody waits for: a level, or the anchor at a depth.
struct Wish {
  Level level = Level::kReplicated;
  std::uint64_t depth = 1;  // of anchored
};
// A level from local to anchored, or "anchored=6". Error: "level-unknown" (kInvalid).
[[nodiscard]] Result<Wish> parse_wish(std::string_view text);
// Error: "level-unknown" (kInvalid), listing the levels.
[[nodiscard]] Result<Level> parse_level(std::string_view text);
// What an executed transaction has come to.
[[nodiscard]] Level level_of(ledger::Outcome outcome);
// True for rejected and expired: nothing comes after them.
[[nodiscard]] bool is_end(Level level);
// Whether someone who waits for `wanted` may stop at `level`: reached it, or reached an end. Who
// waits for an end may also stop at replicated, after which none comes.
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
  std::uint64_t depth = 0;                  // of the block with its anchor; 0: not anchored
};

class Tracker {
 public:
  // About 650 bytes an entry, measured: 32 MB.
  explicit Tracker(std::size_t entries_max = 50'000);
  ~Tracker();  // stops

  // Answers all waits with what is known; those that come later are answered at once. Idempotent.
  void stop();

  void on_local(const ledger::TxId& id);
  void on_proposed(ledger::View view, ledger::Sequence sequence,
                   const std::vector<ledger::TxId>& ids);
  void on_prepared(ledger::View view, ledger::Sequence sequence);
  // After the block can be read. `owners` gives, for skipped ones, who took the nonce. Ids that are
  // not tracked are left to the ledger.
  void on_executed(ledger::Height height, const std::vector<ledger::TxResult>& results,
                   const std::vector<std::optional<ledger::TxId>>& nonce_owners);
  // A quorum cosigned the log up to this height; blocks up to it that are executed later are stable
  // at once.
  void on_stable(ledger::Height height);
  // Takes up one that the ledger knows to be replicated and this does not: for who waits for more.
  void adopt(const TxStatus& replicated);
  // Agreed time has passed their valid-until.
  void on_expired(const std::vector<ledger::TxId>& ids);
  // It left the mempool because another transaction with its nonce was executed, or (nullopt)
  // because the nonce window moved past it.
  void on_overtaken(const ledger::TxId& id, std::optional<ledger::TxId> nonce_owner);

  [[nodiscard]] std::optional<TxStatus> status(const ledger::TxId& id) const;

  using Answer = std::function<void(TxStatus)>;
  // Calls `answer` once: when `wanted` or an end is reached, or at the timeout (at most an hour)
  // with the status of then. An id that is not tracked is answered at once with kUnknown, and so is
  // one of which the ledger turns out to know more than this. If kWaitersMax wait already, the
  // status of now.
  void wait(const ledger::TxId& id, Level wanted, std::uint64_t timeout_ms, Answer answer);
  static constexpr std::size_t kWaitersMax = 65'536;

  // Blocks, for whoever follows the chain: called after each executed block.
  void set_block_listener(std::function<void(ledger::Height)> listener);

 private:
  // What happened; a sequence or view is 0 where the phrase about it needs none.
  struct Fact {
    Level level = Level::kUnknown;
    ledger::View view;
    ledger::Sequence sequence;
  };
  // A LevelChange in 40 bytes; its phrase is made when somebody asks.
  struct Step {
    Fact fact;
    std::uint64_t wall_ms = 0;
    std::uint64_t after_us = 0;
  };
  struct Entry {
    std::vector<Step> steps;
    std::uint64_t first_us = 0;
    std::optional<ledger::Height> height;
    std::uint32_t index = 0;
    std::optional<ledger::Outcome> outcome;
    std::optional<ledger::TxId> nonce_owner;
    bool admitted = false;  // by this node, when its nonce was free
    std::list<ledger::TxId>::iterator place;  // in active_ or finished_

    [[nodiscard]] Level level() const;
  };
  struct Waiter {
    ledger::TxId id;
    Level wanted = Level::kUnknown;
    std::uint64_t deadline_ms = 0;  // monotonic
    Answer answer;
  };
  struct Proposal {
    ledger::View view;
    std::vector<ledger::TxId> ids;
  };
  using Due = std::vector<std::pair<Answer, TxStatus>>;

  using Waiters = std::map<std::uint64_t, Waiter>;

  // All with mutex_ held. Answers that became due are left in `due`, for answer_all without the
  // lock.
  Entry& track(const ledger::TxId& id, Due& due);
  // Adds a step if it leads on, and answers those whom it satisfies.
  void advance(const ledger::TxId& id, Entry& entry, const Fact& fact, Due& due);
  void judge(const ledger::TxResult& result, ledger::Height height, std::uint32_t index,
             const std::optional<ledger::TxId>& nonce_owner, Due& due);
  void forget(const ledger::TxId& id, const TxStatus& last, Due& due);
  void answer_satisfied(const ledger::TxId& id, const TxStatus& status, Due& due);
  // It is replicated; it becomes stable, now or when a checkpoint covers its height.
  void await_stable(const ledger::TxId& id, Entry& entry, Due& due);
  Waiters::iterator take(Waiters::iterator waiter, TxStatus status, Due& due);
  [[nodiscard]] static TxStatus render(const ledger::TxId& id, const Entry& entry);

  static void answer_all(Due& due);
  void run_timer();

  std::size_t entries_max_;
  mutable std::mutex mutex_;
  std::unordered_map<ledger::TxId, Entry> entries_;
  std::list<ledger::TxId> active_;    // oldest first
  std::list<ledger::TxId> finished_;  // oldest first
  std::map<ledger::Sequence, Proposal> proposals_;
  std::map<ledger::Height, std::vector<ledger::TxId>> not_stable_;  // replicated; may be forgotten
  ledger::Height stable_;
  Waiters waiters_;
  std::set<std::pair<ledger::TxId, std::uint64_t>> waiters_by_id_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> deadlines_;  // monotonic ms, waiter
  std::uint64_t next_waiter_ = 1;
  std::shared_ptr<const std::function<void(ledger::Height)>> listener_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread timer_;
};

}  // namespace quorate::node
