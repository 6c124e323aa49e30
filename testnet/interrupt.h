#pragma once

// Ctrl-C as a value: signals that would end a command are kept and asked for instead, so that what
// it started is taken down in order.

#include <signal.h>

#include <chrono>
#include <optional>

namespace quorate::testnet {

// While one exists, SIGINT, SIGTERM and SIGHUP are held back in the calling thread and in those
// that it starts.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // The first signal that came or comes within this time; it stays noted.
  [[nodiscard]] std::optional<int> wait_for(std::chrono::milliseconds patience);

 private:
  sigset_t before_{};
  sigset_t held_{};
  std::optional<int> noted_;
};

}  // namespace quorate::testnet
