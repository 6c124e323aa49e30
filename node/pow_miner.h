#pragma once

// The built-in miner: looks for the nonce of the block that it was given last.
//
// One thread that waits for work, and as many more as it was told while it searches
// (pow/miner.h). `work_on` is thread-safe and ends the search before within milliseconds; the
// callbacks run on the miner's thread.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "pow/block.h"

namespace quorate::node {

class PowMiner {
 public:
  // `found` a block, or `exhausted` its nonces: it waits for new work after either.
  PowMiner(unsigned threads, std::function<void(pow::BlockPtr)> found,
           std::function<void()> exhausted);
  ~PowMiner() { stop(); }
  PowMiner(const PowMiner&) = delete;
  PowMiner& operator=(const PowMiner&) = delete;

  // nullopt: nothing.
  void work_on(std::optional<pow::Block> draft);
  void stop();
  [[nodiscard]] std::uint64_t hashes() const { return hashes_; }

 private:
  void run();

  const unsigned threads_;
  const std::function<void(pow::BlockPtr)> found_;
  const std::function<void()> exhausted_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<pow::Block> work_;
  bool stopping_ = false;
  std::atomic<bool> leave_ = false;  // the search under way
  std::atomic<std::uint64_t> hashes_ = 0;
  std::thread thread_;
};

}  // namespace quorate::node
