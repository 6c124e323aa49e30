#pragma once

// The thread of a proof-of-work node's host: runs what is posted to it, in order, and a tick.
//
// What waits is bounded by those who post: frames of peers hold their credit (node/peers.h), calls
// of clients their connection. Thread-safe.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace quorate::node {

class PowLoop {
 public:
  PowLoop() = default;
  ~PowLoop() { stop(); }
  PowLoop(const PowLoop&) = delete;
  PowLoop& operator=(const PowLoop&) = delete;

  // Once. `tick` is called about every `tick_ms`, also while nothing is posted.
  void start(std::uint32_t tick_ms, std::function<void()> tick);
  // After stop() it is dropped.
  void post(std::function<void()> task);
  // Ends after the task that runs; what waits is dropped. Idempotent; not on the thread itself.
  void stop();

 private:
  void run(std::uint32_t tick_ms, const std::function<void()>& tick);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace quorate::node
