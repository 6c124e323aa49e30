#include "testnet/agenda.h"

#include <algorithm>
#include <utility>

#include "crypto/check.h"

namespace quorate::testnet {

void Agenda::at(std::uint64_t time_us, std::function<void()> action) {
  heap_.push_back({std::max(time_us, now_us_), count_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), is_later);
}

std::optional<std::uint64_t> Agenda::next_us() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().time_us;
}

bool Agenda::run_next() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), is_later);
  const Entry entry = std::move(heap_.back());
  heap_.pop_back();
  if (entry.time_us != now_us_) ran_now_ = 0;
  ++ran_now_;
  now_us_ = entry.time_us;
  entry.action();
  return true;
}

void Agenda::advance_to(std::uint64_t time_us) {
  QUORATE_CHECK(heap_.empty() || heap_.front().time_us >= time_us, "time skips no entry");
  now_us_ = std::max(now_us_, time_us);
}

}  // namespace quorate::testnet
