#pragma once

// The chain of proof of work within a node, whichever engine orders its transactions: the chain
// with its store, the host and its thread, and the built-in miner.
//
// The node lends what reaches the world: `send`, and a pool for what takes long. Thread-safe but
// for what says otherwise.

#include <functional>
#include <memory>

#include "node/peers.h"
#include "node/pow_host.h"
#include "node/pow_loop.h"
#include "node/pow_miner.h"
#include "node/work_pool.h"

namespace quorate::node {

class PowEngine {
 public:
  struct Ways {
    std::function<void(pow::PeerId to, const PowMessage& message)> send;
    std::function<void(const Error&)> on_fatal;
    // On the loop's thread, after each change of the active chain; may be empty.
    std::function<void(const pow::Happened&)> on_moved{};
    // On the loop's thread, about ten times a second; may be empty.
    std::function<void()> on_tick{};
  };
  // `pool` outlives this, and is stopped before it. No miner with 0 threads.
  PowEngine(std::unique_ptr<PowChain> chain, const ledger::PublicKey& miner,
            std::uint32_t miner_threads, WorkPool& pool, Ways ways);
  ~PowEngine() { stop(); }
  PowEngine(const PowEngine&) = delete;
  PowEngine& operator=(const PowEngine&) = delete;

  // Once. What peers have sent meanwhile waits in the loop.
  void start();
  // Ends the thread; what was stored is durable afterwards. Idempotent.
  void stop();

  void on_connected(ledger::ReplicaId peer);
  void on_disconnected(ledger::ReplicaId peer);
  // `bytes` are BCS of a PowMessage.
  void on_frame(ledger::ReplicaId from, std::shared_ptr<const Bytes> bytes,
                std::shared_ptr<void> credit);
  void post(std::function<void()> task) { loop_.post(std::move(task)); }
  // What was stored unsynced becomes durable soon.
  void sync();

  // On the loop's thread, or while it does not run.
  [[nodiscard]] PowHost& host() { return host_; }
  [[nodiscard]] PowChain& chain() { return *chain_; }
  [[nodiscard]] bool has_miner() const { return miner_threads_ > 0; }
  [[nodiscard]] std::uint64_t miner_hashes() const { return miner_ ? miner_->hashes() : 0; }

 private:
  [[nodiscard]] PowHost::Doors doors();

  std::unique_ptr<PowChain> chain_;
  const std::uint32_t miner_threads_;
  WorkPool& pool_;
  Ways ways_;
  PowLoop loop_;
  PowHost host_;  // on the loop's thread
  std::unique_ptr<PowMiner> miner_;
  bool is_stopped_ = false;
};

}  // namespace quorate::node
