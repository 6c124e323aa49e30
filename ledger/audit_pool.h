#pragma once

// The auditor's threads: they work on one list of jobs while whoever started them does other work.
//
// Used by one thread. The jobs of a list run in any order and at the same time.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace quorate::ledger {

class AuditPool {
 public:
  explicit AuditPool(unsigned threads);
  ~AuditPool();  // waits for the list that is under way
  AuditPool(const AuditPool&) = delete;
  AuditPool& operator=(const AuditPool&) = delete;

  using Job = std::function<void()>;
  // Precondition: `wait` returned since the last call.
  void start(std::vector<Job> jobs);
  // Helps until every job of the list has ended.
  void wait();

 private:
  void serve();
  // Takes jobs one by one until none is left. The lock is held but while one runs.
  void work(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Job> jobs_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace quorate::ledger
