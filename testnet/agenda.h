#pragma once

// Virtual time: what happens when, in one order.
//
// Time is counted in microseconds and jumps to the next entry; entries of one moment run in the
// order in which they were made. Not thread-safe.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace quorate::testnet {

class Agenda {
 public:
  [[nodiscard]] std::uint64_t now_us() const { return now_us_; }
  [[nodiscard]] std::uint64_t now_ms() const { return now_us_ / 1000; }

  // A moment that has passed means now.
  void at(std::uint64_t time_us, std::function<void()> action);
  void in(std::uint64_t delay_us, std::function<void()> action) {
    at(now_us_ + delay_us, std::move(action));
  }

  [[nodiscard]] std::optional<std::uint64_t> next_us() const;
  // False if nothing is planned.
  bool run_next();
  // Whether another entry of this very moment ran before the one that runs.
  [[nodiscard]] bool is_late_now() const { return ran_now_ > 1; }
  // Lets time pass without an entry. Precondition: none is planned before it (checked).
  void advance_to(std::uint64_t time_us);

 private:
  struct Entry {
    std::uint64_t time_us = 0;
    std::uint64_t number = 0;
    std::function<void()> action;
  };
  [[nodiscard]] static bool is_later(const Entry& a, const Entry& b) {
    return a.time_us != b.time_us ? a.time_us > b.time_us : a.number > b.number;
  }

  std::uint64_t now_us_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t ran_now_ = 0;  // entries with the present time
  std::vector<Entry> heap_;  // the next one first
};

}  // namespace quorate::testnet
