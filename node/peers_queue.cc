#include "node/peers_queue.h"

#include <utility>

#include "crypto/check.h"
#include "node/peers_frames.h"

namespace quorate::node {
namespace {

constexpr std::size_t kBatchBytesMax = 256 << 10;
// From here on, copying a frame costs more than a write of its own.
constexpr std::size_t kLargeFrameBytes = 32 << 10;

std::uint64_t cost_of(const OutboundFrame& frame) { return frame->size() + kFrameOverheadBytes; }

}  // namespace

bool OutboundQueue::push(OutboundFrame frame) {
  const std::lock_guard lock(mutex_);
  if (online_ && bytes_ + cost_of(frame) > bytes_max_) {
    ++dropped_;
    return false;
  }
  bytes_ += cost_of(frame);
  frames_.push_back(std::move(frame));
  if (!online_) drop_oldest_above(offline_bytes_max_);
  return online_ && !std::exchange(awake_, true);
}

void OutboundQueue::take(FrameBatch& batch) {
  batch.small.clear();
  batch.large = nullptr;
  const std::lock_guard lock(mutex_);
  while (!frames_.empty() && !batch.large && batch.small.size() < kBatchBytesMax) {
    OutboundFrame frame = std::move(frames_.front());
    frames_.pop_front();
    bytes_ -= cost_of(frame);
    append_frame_length(batch.small, frame->size());
    if (frame->size() < kLargeFrameBytes) {
      batch.small.insert(batch.small.end(), frame->begin(), frame->end());
    } else {
      batch.large = std::move(frame);
    }
  }
  if (batch.empty()) awake_ = false;
}

void OutboundQueue::set_online(bool online) {
  const std::lock_guard lock(mutex_);
  online_ = online;
  awake_ = online;
  if (!online) drop_oldest_above(offline_bytes_max_);
}

std::uint64_t OutboundQueue::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::uint64_t OutboundQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void OutboundQueue::drop_oldest_above(std::uint64_t bytes_max) {
  while (bytes_ > bytes_max) {
    bytes_ -= cost_of(frames_.front());
    frames_.pop_front();
    ++dropped_;
  }
}

struct CreditAccount::Hold {
  Hold(std::shared_ptr<CreditAccount> of, std::uint64_t held)
      : account(std::move(of)), bytes(held) {}
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { account->give_back(bytes); }

  std::shared_ptr<CreditAccount> account;
  std::uint64_t bytes;
};

std::shared_ptr<void> CreditAccount::hold(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  held_ += bytes;
  return std::make_shared<Hold>(shared_from_this(), bytes);
}

bool CreditAccount::waits_for_room() {
  const std::lock_guard lock(mutex_);
  waiting_ = held_ >= bytes_max_;
  return waiting_;
}

void CreditAccount::give_back(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    QUORATE_CHECK(held_ >= bytes, "credit is given back once");
    held_ -= bytes;
    if (!waiting_ || held_ >= bytes_max_) return;
    waiting_ = false;
  }
  poster_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->on_room_) self->on_room_();
  });
}

}  // namespace quorate::node
