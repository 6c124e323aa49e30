#include "node/scrubber.h"

#include <sched.h>

#include <chrono>

#include "node/log.h"

namespace quorate::node {
namespace {

constexpr std::uint64_t kFirstAfterMs = 2000;
constexpr std::uint64_t kPauseMs = 2;  // after about a thousand keys

}  // namespace

Scrubber::Scrubber(const ledger::Store& store, std::uint64_t pause_s) : store_(store) {
  if (pause_s > 0) thread_ = std::thread([this, pause_s] { run(pause_s); });
}

void Scrubber::stop() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Scrubber::sleep_ms(std::uint64_t ms) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stops_; });
}

void Scrubber::run(std::uint64_t pause_s) {
  const sched_param none{};
  (void)sched_setscheduler(0, SCHED_IDLE, &none);  // without it the pauses must do
  const auto goes_on = [this] { return sleep_ms(kPauseMs); };
  for (std::uint64_t wait_ms = kFirstAfterMs; sleep_ms(wait_ms); wait_ms = pause_s * 1000) {
    Status read = store_.check_bytes(goes_on);
    if (read && goes_on()) read = store_.check_state(goes_on);
    if (read && goes_on()) {
      ++passes_;
      log_event(Severity::kDebug, "ledger-read-through");
      continue;
    }
    if (!read && read.error().kind != ErrorKind::kCorrupt) {
      log_event(Severity::kWarning, "ledger-not-read-through",
                {{"code", std::string(read.error().code)}, {"detail", read.error().message}});
    }
  }
}

}  // namespace quorate::node
