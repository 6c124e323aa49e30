#pragma once

// What a new view begins with, computed from the VIEW-CHANGEs that opened it: a pure function, so
// that every replica computes the same, and whoever reads a ledger years later too.
//
// OSDI '99 §4.4: min-s is the highest stable checkpoint in V, max-s the highest sequence in any P.
// Each sequence between is proposed again with the batch that was prepared there in the highest
// view, or with the null batch if nobody in V prepared any. Where nothing is stable in an epoch
// yet, min-s is where the epoch starts.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pbft/message.h"

namespace quorate::pbft {

struct Reproposal {
  Sequence sequence;
  Digest batch;
  bool is_null = false;
  // Of the P entry that it follows; zero where it is null or the entry is of view 0. Its transcript
  // is stored before anybody prepares here.
  Digest new_view;

  friend bool operator==(const Reproposal&, const Reproposal&) = default;
};

struct NewViewPlan {
  std::optional<StableCheckpoint> stable;  // of min-s; nullopt: the epoch's start
  Sequence low;                            // min-s
  Sequence high;                           // max-s; at least low
  std::vector<Reproposal> slots;           // low + 1 to high, without gaps
};

// Preconditions: each was verified; they are of one (epoch, view) and of distinct replicas. `start`
// is the epoch's (ledger::ReplicaSet). A P entry at or below min-s is settled and does not count.
[[nodiscard]] NewViewPlan plan_new_view(std::span<const ViewChange> view_changes,
                                        Sequence start = {});

}  // namespace quorate::pbft
