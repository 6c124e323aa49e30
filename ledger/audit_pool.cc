#include "ledger/audit_pool.h"

namespace quorate::ledger {

AuditPool::AuditPool(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

AuditPool::~AuditPool() {
  wait();
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void AuditPool::start(std::vector<Job> jobs) {
  {
    const std::lock_guard lock(mutex_);
    jobs_ = std::move(jobs);
    next_ = 0;
    done_ = 0;
  }
  changed_.notify_all();
}

void AuditPool::wait() {
  std::unique_lock lock(mutex_);
  work(lock);
  changed_.wait(lock, [this] { return done_ == jobs_.size(); });
}

void AuditPool::serve() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    work(lock);
    changed_.wait(lock, [this] { return ends_ || next_ < jobs_.size(); });
  }
}

void AuditPool::work(std::unique_lock<std::mutex>& lock) {
  while (next_ < jobs_.size()) {
    const Job& job = jobs_[next_++];
    lock.unlock();
    job();
    lock.lock();
    if (++done_ == jobs_.size()) changed_.notify_all();
  }
}

}  // namespace quorate::ledger
