#pragma once

// What a replica does for each of its peers, and how often: reports are answered, peers are asked
// how far they are, and a recovering one has its gap filled. Each is limited, so that whoever asks
// for ever costs little (DESIGN §4, bounded everything).
//
// Not thread-safe: it belongs to the replica core. All times are monotonic.

#include <cstdint>
#include <map>

#include "pbft/message.h"

namespace quorate::pbft {

// Where filling may go: above the low watermark, up to the high one, in whole checkpoint intervals.
struct FillLimits {
  Sequence low;
  Sequence high;
  std::uint64_t interval = 1;
};

class Favours {
 public:
  // May this peer's report be answered now? If so, it counts as answered.
  [[nodiscard]] bool answer(ReplicaId peer, std::uint64_t now_ms);
  // How often it was.
  [[nodiscard]] std::uint32_t answers(ReplicaId peer) const;

  // May this peer be asked for its report, once in `pause_ms`? If so, it counts as asked.
  [[nodiscard]] bool ask(ReplicaId peer, std::uint64_t now_ms, std::uint64_t pause_ms);

  // A report of `peer` asks to fill up to `fill_to`, 0 for nothing. What is granted is what the
  // window allows now, and not again before kFillPauseMs if all of it was.
  void ask_to_fill(ReplicaId peer, Sequence fill_to, const FillLimits& limits,
                   std::uint64_t now_ms);
  // The highest sequence that any peer was granted; 0: none.
  [[nodiscard]] Sequence fill_to() const;

  static constexpr std::uint64_t kAnswerPauseMs = 50;
  static constexpr std::uint64_t kFillPauseMs = 10'000;

 private:
  struct Peer {
    std::uint64_t answered_ms = 0;  // 0: never
    std::uint64_t asked_ms = 0;     // 0: never
    std::uint32_t answers = 0;
    Sequence fill_to;  // granted
    std::uint64_t fill_granted_ms = 0;
  };

  std::map<ReplicaId, Peer> peers_;
};

// When the next report to all is due: soon after something moved or came in, then ever more rarely.
class ReportPace {
 public:
  ReportPace(std::uint64_t pause_ms_min, std::uint64_t pause_ms_max)
      : pause_ms_min_(pause_ms_min), pause_ms_max_(pause_ms_max), pause_ms_(pause_ms_min) {}

  // There is new work: the next report must not come at the idle pace.
  void hasten(std::uint64_t now_ms);
  // Call after every input; `progress_ms` is when something was last committed. True: report now.
  [[nodiscard]] bool is_due(std::uint64_t progress_ms, std::uint64_t now_ms);
  // There is nobody to report to.
  void rest(std::uint64_t now_ms) { next_ms_ = now_ms + pause_ms_max_; }
  [[nodiscard]] std::uint64_t next_ms() const { return next_ms_; }

 private:
  std::uint64_t pause_ms_min_;
  std::uint64_t pause_ms_max_;
  std::uint64_t pause_ms_;
  std::uint64_t next_ms_ = 0;  // 0: not set yet
  std::uint64_t last_ms_ = 0;
};

}  // namespace quorate::pbft
