#pragma once

// What bounds a peer in memory: the queue of frames to it, and the credit for frames from it.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "node/io_thread.h"
#include "node/peers.h"

namespace quorate::node {

// What a frame counts for beside its payload, so that a million empty ones are not free.
inline constexpr std::uint64_t kFrameOverheadBytes = 64;

// One write to a connection: many small frames copied together, then one large frame as it is.
struct FrameBatch {
  Bytes small;          // with the length of `large` at its end, if there is one
  OutboundFrame large;  // may be null
  [[nodiscard]] bool empty() const { return small.empty(); }
};

// Frames on their way to one peer. Thread-safe; one consumer, which is woken when it must come.
class OutboundQueue {
 public:
  OutboundQueue(std::uint64_t bytes_max, std::uint64_t offline_bytes_max)
      : bytes_max_(bytes_max), offline_bytes_max_(offline_bytes_max) {}

  // While online the newest frame is dropped when the queue is full; while offline the oldest,
  // since what a peer needs when it comes back is rather the present than the past. True: the
  // consumer sleeps and is to be woken, which is asked for once.
  [[nodiscard]] bool push(OutboundFrame frame);

  // The next frames; an empty batch sends the consumer to sleep.
  void take(FrameBatch& batch);
  // Offline, the consumer is never woken. Going online, it is awake.
  void set_online(bool online);

  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  void drop_oldest_above(std::uint64_t bytes_max);

  const std::uint64_t bytes_max_;
  const std::uint64_t offline_bytes_max_;
  mutable std::mutex mutex_;  // guards all below
  std::deque<OutboundFrame> frames_;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool online_ = false;
  bool awake_ = false;
};

// Bytes that a peer has sent and that the receiver still holds. Holds may be dropped on any thread
// and may outlive the mesh; everything else runs on the I/O thread.
class CreditAccount : public std::enable_shared_from_this<CreditAccount> {
 public:
  CreditAccount(std::uint64_t bytes_max, IoThread::Poster poster)
      : bytes_max_(bytes_max), poster_(std::move(poster)) {}

  // Called on the I/O thread after waits_for_room() said true, once there is room.
  void set_on_room(std::function<void()> on_room) { on_room_ = std::move(on_room); }

  [[nodiscard]] std::shared_ptr<void> hold(std::uint64_t bytes);
  // True: no more may be read until on_room is called.
  [[nodiscard]] bool waits_for_room();

 private:
  struct Hold;
  void give_back(std::uint64_t bytes);

  const std::uint64_t bytes_max_;
  const IoThread::Poster poster_;
  std::function<void()> on_room_;
  std::mutex mutex_;  // guards all below
  std::uint64_t held_ = 0;
  bool waiting_ = false;
};

}  // namespace quorate::node
