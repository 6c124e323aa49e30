#pragma once

// The thread that makes votes durable: persist before send.
//
// It takes the core's turns in order. All turns that wait share one synced write to the vote store;
// the guard's ceiling is raised before that write and the write's number noted after it; only then
// are the outputs released. The first error is final: nothing is released from then on, and nothing
// retried.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "ledger/guard.h"
#include "ledger/vote_store.h"
#include "node/core_loop.h"
#include "pbft/retention.h"

namespace quorate::node {

class VoteWriter {
 public:
  using Release = std::function<void(pbft::Output)>;
  using OnFatal = std::function<void(const Error&)>;

  // Starts the thread. `guard` may be null for a learner, which writes no votes; the guard of one
  // that recovers is not told of writes before it has adopted the store. All outlive this.
  // `restored` are the proposals that the store held at the start.
  VoteWriter(ledger::VoteStore& store, ledger::Guard* guard, bool is_adopted,
             const std::vector<pbft::ProposalRecord>& restored, Release release, OnFatal on_fatal);
  ~VoteWriter();

  void post(CoreTurn turn);
  // The ledger is synced up to `height` (thread-safe): what no longer has to be remembered goes
  // with the next write, as far as a stable checkpoint covers it too.
  void on_ledger_synced(ledger::Height height);
  // Writes and releases what waits, then joins. Idempotent.
  void stop();

 private:
  void run();
  [[nodiscard]] Status make_durable(const std::vector<CoreTurn>& turns);
  [[nodiscard]] bool ends_recovery(const std::vector<CoreTurn>& turns) const;
  [[nodiscard]] Status tell_guard(std::uint64_t number, bool adopts);
  [[nodiscard]] Status truncate();

  ledger::VoteStore& store_;
  ledger::Guard* guard_;
  bool is_adopted_;
  ledger::Sequence stable_;     // of the writer's thread
  ledger::Sequence truncated_;
  pbft::NamedBodies bodies_;
  Release release_;
  OnFatal on_fatal_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<CoreTurn> waiting_;
  ledger::Height ledger_synced_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace quorate::node
