#include "node/pow_loop.h"

#include <chrono>
#include <utility>

namespace quorate::node {

void PowLoop::start(std::uint32_t tick_ms, std::function<void()> tick) {
  thread_ = std::thread([this, tick_ms, tick = std::move(tick)] { run(tick_ms, tick); });
}

void PowLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void PowLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  // What holds credit or a reply gives it back now.
  std::deque<std::function<void()>> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(tasks_);
}

void PowLoop::run(std::uint32_t tick_ms, const std::function<void()>& tick) {
  using Clock = std::chrono::steady_clock;
  const std::chrono::milliseconds pause(tick_ms);
  auto next_tick = Clock::now() + pause;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (Clock::now() >= next_tick) {
      next_tick = Clock::now() + pause;
      lock.unlock();
      tick();
      lock.lock();
      continue;
    }
    if (tasks_.empty()) {
      wake_.wait_until(lock, next_tick);
      continue;
    }
    {
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      // It goes unlocked as well: what it holds may have much to undo.
    }
    lock.lock();
  }
}

}  // namespace quorate::node
