#pragma once

// The thread that executes committed batches and appends them to the ledger.
//
// It takes what the vote writer releases, in order: facts about proposals first reach the tracker,
// then the batches are executed, appended, settled in the mempool and reported to the core. The
// ledger is synced at each checkpoint, before it is reported, and at the end. So a checkpoint vote
// means that its voter's ledger is durable up to it, and a stable checkpoint that f+1 correct ones
// are; what a power cut takes above it, the synced votes rebuild. The first error is final.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "ledger/store.h"
#include "node/core_loop.h"
#include "node/mempool.h"
#include "node/tracker.h"

namespace quorate::node {

class Executor {
 public:
  using OnFatal = std::function<void(const Error&)>;
  using Report = std::function<void(pbft::BatchExecuted)>;

  // Starts the thread; all outlive this.
  Executor(const ledger::Genesis& genesis, ledger::Store& store, Mempool& mempool, Tracker& tracker,
           Report report, OnFatal on_fatal);
  ~Executor();

  struct Work {
    std::vector<pbft::Event> events = {};
    std::vector<ledger::CertifiedBatch> batches = {};
    std::optional<ledger::StableCheckpoint> stable = {};
    std::vector<pbft::Transcript> transcripts = {};  // which certificates name; kept for good
  };
  void post(Work work);
  // Executes what waits, syncs the ledger, joins. Idempotent.
  void stop();

 private:
  void run();
  [[nodiscard]] Status perform(const Work& work);
  void note(const pbft::Event& event);
  [[nodiscard]] Status execute(const ledger::CertifiedBatch& batch);
  // Syncs the ledger, whose head the block is; nullopt: it is no checkpoint.
  [[nodiscard]] Result<std::optional<pbft::CheckpointExecuted>> reach_checkpoint(
      const ledger::Execution& execution);
  [[nodiscard]] std::vector<std::optional<ledger::TxId>> nonce_owners(
      const ledger::CertifiedBatch& batch, const std::vector<ledger::TxResult>& results) const;

  const ledger::Genesis& genesis_;
  ledger::Store& store_;
  Mempool& mempool_;
  Tracker& tracker_;
  Report report_;
  OnFatal on_fatal_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace quorate::node
