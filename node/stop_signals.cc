#include "node/stop_signals.h"

#include <pthread.h>

#include "crypto/check.h"

namespace quorate::node {

sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  QUORATE_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0, "a valid signal set");
  return signals;
}

bool is_told_to_stop() {
  sigset_t pending;
  return sigpending(&pending) == 0 &&
         (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

}  // namespace quorate::node
