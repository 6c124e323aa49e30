#pragma once

// Who to ask for which chunk of a snapshot: several sources at once, a few questions each, and
// whoever brings something false is skipped and named.
//
// A state machine without threads or sockets: it is told what came and what time it is, and says
// what to send. The caller verified the head and keeps the work.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ledger/snapshot_import.h"
#include "node/wire.h"

namespace quorate::node {

inline constexpr std::size_t kQuestionsMax = 3;           // open ones to one source
inline constexpr std::uint64_t kChunkTimeoutMs = 5'000;
inline constexpr std::uint32_t kSourceFailuresMax = 3;    // timeouts

class SnapshotFetch {
 public:
  // `work` outlives this.
  SnapshotFetch(ledger::SnapshotWork& work, ledger::Sequence sequence)
      : work_(work), sequence_(sequence) {}

  void add_source(ledger::ReplicaId source);
  void remove_source(ledger::ReplicaId source);  // its connection is gone

  struct Question {
    ledger::ReplicaId to;
    ChunkRequest request;
  };
  // What to send now; times out what has waited too long. Errors: those of the staging.
  [[nodiscard]] Result<std::vector<Question>> ask(std::uint64_t now_ms);

  // Errors: those of the staging. A false chunk is no error but its source's end.
  [[nodiscard]] Status on_answer(ledger::ReplicaId from, const ChunkAnswer& answer);

  [[nodiscard]] bool is_done() const { return work_.is_done(); }
  // Nobody is left to ask.
  [[nodiscard]] bool is_stranded() const { return sources_.empty() && !is_done(); }
  [[nodiscard]] const std::vector<ledger::RefusedSource>& refused() const { return refused_; }
  // Those that brought chunks that were kept.
  [[nodiscard]] std::vector<ledger::ReplicaId> contributors() const;

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
  std::map<ledger::ReplicaId, std::uint64_t> brought_;
  std::vector<ledger::RefusedSource> refused_;
};

}  // namespace quorate::node
