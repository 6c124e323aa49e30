#pragma once

// Reads the whole ledger now and then, so that what rots where nobody looks is found while the
// other replicas still have it. A pass reads every table with its checksums and holds every value
// of the state against the tree; what it finds is the store's damage (ledger::Store::damage).
//
// One thread of its own, at the lowest priority, which pauses between reads.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "ledger/store.h"

namespace quorate::node {

class Scrubber {
 public:
  // A pass soon after the start, then one every `pause_s` seconds; 0: none at all. `store` outlives
  // this.
  Scrubber(const ledger::Store& store, std::uint64_t pause_s);
  ~Scrubber() { stop(); }
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  void stop();
  // How many passes came to their end and found nothing.
  [[nodiscard]] std::uint64_t passes() const { return passes_; }

 private:
  void run(std::uint64_t pause_s);
  // False: it shall stop.
  [[nodiscard]] bool sleep_ms(std::uint64_t ms);

  const ledger::Store& store_;
  std::atomic<std::uint64_t> passes_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stops_ = false;
  std::thread thread_;
};

}  // namespace quorate::node
