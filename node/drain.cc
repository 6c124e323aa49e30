#include "node/drain.h"

#include <fmt/format.h>

#include <algorithm>

namespace quorate::node {
namespace {

constexpr std::size_t kRecentMax = 8;
// However slow it was: enough to find out that it is faster now.
constexpr std::size_t kLimitMin = 64;

}  // namespace

void Drain::on_executed(std::size_t settled, std::size_t waiting, std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (since_ms_ > 0) {
    count_ += settled;
    ran_empty_ = ran_empty_ || waiting == 0;
    if (now_ms - since_ms_ < patience_ms_) return;
    end_window(now_ms);
  }
  since_ms_ = waiting > 0 ? now_ms : 0;
  count_ = 0;
  ran_empty_ = false;
}

void Drain::end_window(std::uint64_t now_ms) {
  const std::uint64_t per_s = count_ * 1000 / (now_ms - since_ms_);
  if (ran_empty_ && per_s <= best_per_s()) return;
  recent_.push_back(per_s);
  if (recent_.size() > kRecentMax) recent_.pop_front();
}

std::uint64_t Drain::best_per_s() const {
  return recent_.empty() ? 0 : *std::ranges::max_element(recent_);
}

std::size_t Drain::limit_of(std::uint64_t per_s) const {
  if (recent_.empty()) return first_;
  return std::max<std::size_t>(kLimitMin, per_s * patience_ms_ / 1000);
}

std::size_t Drain::limit() const {
  const std::lock_guard lock(mutex_);
  return limit_of(best_per_s());
}

Status Drain::check_room(std::size_t waiting) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t per_s = best_per_s();
  const std::size_t limit = limit_of(per_s);
  if (waiting < limit) return {};
  const std::uint64_t excess = waiting - limit + 1;
  const std::uint64_t wait_ms =
      per_s == 0 ? patience_ms_ : std::max<std::uint64_t>(1, excess * 1000 / per_s);
  return fail(ErrorKind::kUnavailable, "busy",
              fmt::format("{} transactions wait here; no more than {} are sure to be ordered "
                          "within {} ms",
                          waiting, limit, patience_ms_),
              fmt::format("It was not taken. Submit the same transaction again in {} ms, or to "
                          "another node.",
                          wait_ms));
}

}  // namespace quorate::node
