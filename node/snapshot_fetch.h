#pragma once

// Who to ask for which chunk of a snapshot: several sources at once, a few questions each, and
// whoever brings something false is skipped and named.
//
// A state machine without threads or sockets: it is told what came and what time it is, and says
// what to send. A question without answer is asked again of whoever has room; a source that leaves
// kSourceFailuresMax times in a row something unanswered, or does not hold the state any more, is
// asked no more. Nothing is waited for without a deadline. The caller verified the head, keeps the
// work, and offers no source that it refused earlier.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "ledger/snapshot_import.h"
#include "node/wire.h"

namespace quorate::node {

inline constexpr std::size_t kQuestionsMax = 3;           // open ones to one source
inline constexpr std::uint64_t kChunkTimeoutMs = 5'000;
inline constexpr std::uint32_t kSourceFailuresMax = 3;

class SnapshotFetch {
 public:
  // `work` outlives this.
  SnapshotFetch(ledger::SnapshotWork& work, ledger::Sequence sequence)
      : work_(work), sequence_(sequence) {}

  // It holds this state and is connected. Nothing happens if it is a source already, or was asked
  // in vain.
  void add_source(ledger::ReplicaId source);
  // Its connection is gone; what it was asked for is asked of others.
  void remove_source(ledger::ReplicaId source);

  struct Question {
    ledger::ReplicaId to;
    ChunkRequest request;
  };
  // What to send now; times out what has waited too long. Errors: those of the staging.
  [[nodiscard]] Result<std::vector<Question>> ask(std::uint64_t now_ms);

  // False: it answers no open question. A false chunk is no error but its source's end.
  // Errors: those of the staging.
  [[nodiscard]] Result<bool> on_answer(ledger::ReplicaId from, const ChunkAnswer& answer);

  [[nodiscard]] bool is_done() const { return work_.is_done(); }
  // Nobody is left to ask.
  [[nodiscard]] bool is_stranded() const { return sources_.empty() && !is_done(); }
  // In the order in which they were found out.
  [[nodiscard]] const std::vector<ledger::RefusedSource>& refused() const { return refused_; }
  // Those that brought chunks that were kept.
  [[nodiscard]] const std::set<ledger::ReplicaId>& contributors() const { return contributors_; }

 private:
  struct Source {
    std::map<ledger::ChunkId, std::uint64_t> open;  // until when, monotonic ms
    std::uint32_t failures = 0;
  };

  using Sources = std::map<ledger::ReplicaId, Source>;
  Sources::iterator drop(Sources::iterator source);

  ledger::SnapshotWork& work_;
  ledger::Sequence sequence_;
  Sources sources_;
  std::set<ledger::ReplicaId> spent_;  // not to be asked again
  std::set<ledger::ReplicaId> contributors_;
  std::vector<ledger::RefusedSource> refused_;
};

}  // namespace quorate::node
