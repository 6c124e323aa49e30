#pragma once

// A few threads that verify signatures, so that neither the core nor the network waits for them.
//
// Tasks start in order but may finish in any. The queue is bounded by those who post: each task
// holds the credit of the frame it works on (node/peers.h). Thread-safe.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace quorate::node {

class WorkPool {
 public:
  explicit WorkPool(std::size_t threads);
  ~WorkPool();

  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  void post(std::function<void()> task);
  // Finishes running tasks, drops waiting ones, joins. Idempotent.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace quorate::node
