#include "node/core_loop.h"

#include <chrono>
#include <utility>

#include "node/clock.h"

namespace quorate::node {

CoreLoop::CoreLoop(std::unique_ptr<pbft::Replica> replica, Deliver deliver, Watch watch)
    : replica_(std::move(replica)),
      deliver_(std::move(deliver)),
      watch_(std::move(watch)),
      inbox_{pbft::Tick{}} {
  take_snapshot();
  thread_ = std::thread([this] { run(); });
}

CoreLoop::~CoreLoop() { stop(); }

void CoreLoop::post(Event event) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    inbox_.push_back(std::move(event));
  }
  wake_.notify_one();
}

void CoreLoop::inspect(Look look) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    looks_.push_back(std::move(look));
  }
  wake_.notify_one();
}

CoreSnapshot CoreLoop::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void CoreLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  looks_.clear();
}

void CoreLoop::run() {
  std::optional<std::uint64_t> deadline_ms;
  std::vector<Event> events;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto has_input = [this] {
      return stopping_ || !inbox_.empty() || !looks_.empty();
    };
    if (deadline_ms) {
      const std::uint64_t now = monotonic_ms();
      const std::uint64_t left = *deadline_ms > now ? *deadline_ms - now : 0;
      wake_.wait_for(lock, std::chrono::milliseconds(left), has_input);
    } else {
      wake_.wait(lock, has_input);
    }
    if (stopping_) return;
    events.clear();
    std::swap(events, inbox_);
    std::vector<Look> looks = std::exchange(looks_, {});
    lock.unlock();

    if (deadline_ms && monotonic_ms() >= *deadline_ms) events.push_back(pbft::Tick{});
    CoreTurn turn;
    for (Event& event : events) {
      const pbft::Input input{host_now(), std::move(event)};
      turn.outputs.push_back(replica_->step(input));
      if (watch_) watch_(input, turn.outputs.back());
      deadline_ms = turn.outputs.back().deadline_ms;
    }
    turn.epoch = replica_->epoch();
    turn.view = replica_->view();
    turn.ceiling = replica_->high_watermark();
    if (!turn.outputs.empty()) deliver_(std::move(turn));
    for (const Look& look : looks) look(*replica_);
    looks.clear();  // not under the lock: it may end a request

    lock.lock();
    take_snapshot();
  }
}

void CoreLoop::take_snapshot() {
  snapshot_.epoch = replica_->epoch();
  snapshot_.view = replica_->view();
  snapshot_.primary = replica_->primary();
  snapshot_.executed = replica_->executed();
  snapshot_.committed = replica_->committed();
  snapshot_.high_watermark = replica_->high_watermark();
  snapshot_.open_slots = replica_->open_slots();
  snapshot_.ready = replica_->ready_transactions();
  snapshot_.is_catching_up = replica_->low_watermark() > replica_->executed();
  snapshot_.in_view = replica_->in_view();
  snapshot_.stable = replica_->low_watermark();
  snapshot_.timeout_ms = replica_->timeout_ms();
  snapshot_.standing = replica_->voter().standing();
}

}  // namespace quorate::node
