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

namespace quorate::node {

class VoteWriter {
 public:
  using Release = std::function<void(pbft::Output)>;
  using OnFatal = std::function<void(const Error&)>;

  // Starts the thread. `guard` may be null for a learner, which writes no votes. All outlive this.
  VoteWriter(ledger::VoteStore& store, ledger::Guard* guard, Release release, OnFatal on_fatal);
  ~VoteWriter();

  void post(CoreTurn turn);
  // Writes and releases what waits, then joins. Idempotent.
  void stop();

 private:
  void run();
  [[nodiscard]] Status make_durable(const std::vector<CoreTurn>& turns);

  ledger::VoteStore& store_;
  ledger::Guard* guard_;
  Release release_;
  OnFatal on_fatal_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<CoreTurn> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace quorate::node
