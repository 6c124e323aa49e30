#include "testnet/interrupt.h"

#include <cerrno>
#include <ctime>

namespace quorate::testnet {

Interrupt::Interrupt() {
  ::sigemptyset(&held_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&held_, signal);
  ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
}

Interrupt::~Interrupt() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::optional<int> Interrupt::wait_for(std::chrono::milliseconds patience) {
  if (noted_) return noted_;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const timespec timeout{static_cast<time_t>(seconds.count()),
                         static_cast<long>((patience - seconds).count() * 1'000'000)};
  // Another signal's handler may cut this short; callers wait in a loop.
  const int signal = ::sigtimedwait(&held_, nullptr, &timeout);
  if (signal > 0) noted_ = signal;
  return noted_;
}

}  // namespace quorate::testnet
