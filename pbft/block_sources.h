#pragma once

// Whom to ask for blocks, and when.
//
// Peers claim how far they executed, and a claim costs nothing; so a peer is judged by what it
// brought. One request is open at a time. A peer that does not deliver in time, answers with
// nothing, or lets one request drag on, has failed: those with fewer failures are asked first, and
// its next request is given twice the time. So f liars cost a replica that catches up f timeouts
// once, not each time.
//
// Who is no member of the epoch may have blocks too, and is asked when the members are not better.
//
// Deterministic; bounded by the number of peers. Not thread-safe.

#include <cstdint>
#include <map>
#include <optional>

#include "pbft/step.h"

namespace quorate::pbft {

class BlockSources {
 public:
  // A request that makes no progress for `timeout_ms` has failed.
  BlockSources(ReplicaId self, std::size_t replicas, std::uint64_t timeout_ms,
               std::uint32_t blocks_max)
      : self_(self), replicas_(replicas), timeout_ms_(timeout_ms), blocks_max_(blocks_max) {}

  // What a peer says that it executed; the last word counts.
  void claim(ReplicaId peer, Sequence executed);
  // Blocks above are of no use here: the epoch ends there, and the next one's certificates are
  // others'.
  void set_end(Sequence last);
  // A new connection is a new chance.
  void forgive(ReplicaId peer);
  // The answer of `peer` is through.
  void answer_ended(ReplicaId peer, Sequence committed, std::uint64_t now_ms);

  // Call after every input, with what is committed here: judges the open request.
  void judge(Sequence committed, std::uint64_t now_ms);
  // The next request, if none is open and a peer that may be asked claims to be ahead.
  [[nodiscard]] std::optional<BlockFetch> ask(Sequence committed, std::uint64_t now_ms);

  [[nodiscard]] bool any_ahead_of(Sequence committed) const { return highest_ > committed; }
  [[nodiscard]] Sequence highest_claim(ReplicaId peer) const;
  // The last request brought what it asked for: more may be asked for without waiting.
  [[nodiscard]] bool is_flowing() const { return is_flowing_; }
  // When `judge`, or `ask` which is not called before `ask_from_ms`, has something to do; nullopt:
  // not before the next input.
  [[nodiscard]] std::optional<std::uint64_t> deadline_ms(Sequence committed,
                                                         std::uint64_t ask_from_ms) const;

 private:
  struct Source {
    Sequence executed;
    std::uint32_t failures = 0;
    std::uint64_t not_before_ms = 0;
  };
  struct Request {
    ReplicaId from;
    Sequence last;       // the highest block asked for
    Sequence committed;  // here, when progress was last seen
    bool has_progress = false;
    std::uint64_t patient_until_ms = 0;
    std::uint64_t end_ms = 0;  // progress does not extend beyond this
  };

  void fail(std::uint64_t not_before_ms);
  [[nodiscard]] std::uint64_t patience_ms(const Source& source) const;
  // A fixed order that differs between replicas, so that not all of them ask the same peer.
  [[nodiscard]] std::size_t distance(ReplicaId peer) const {
    if (peer.value >= replicas_) return peer.value;
    return (peer.value + replicas_ - self_.value) % replicas_;
  }

  ReplicaId self_;
  std::size_t replicas_;
  std::uint64_t timeout_ms_;
  std::uint32_t blocks_max_;
  std::map<ReplicaId, Source> sources_;
  Sequence highest_;  // that any peer claims now
  std::optional<Sequence> end_;
  std::optional<Request> request_;
  bool is_flowing_ = false;
};

}  // namespace quorate::pbft
