#pragma once

// What a replica says of itself in a report, and what it sends again to a peer whose report lacks
// it: its votes, VIEW-CHANGE, NEW-VIEW and checkpoints, and what a peer asked for by name
// (Castro & Liskov, TOCS '02 §5.2).
//
// Pure functions of what is at hand. When to report and whom to answer is pbft/favours.h's.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "pbft/checkpoints.h"
#include "pbft/slot.h"
#include "pbft/step.h"
#include "pbft/view_changes.h"

namespace quorate::pbft {

// A replica's place and log, as others may hear of them. Refers into the replica: valid until its
// next step.
struct Holdings {
  ReplicaId self;
  std::size_t replicas = 0;
  std::uint64_t window = 0;
  Epoch epoch;
  View view;  // that it is in, or moves to
  bool in_view = true;
  Digest opened_by;  // NEW-VIEW of the last view that it entered, `slots_view`
  View slots_view;
  Sequence executed;
  Sequence committed;
  Sequence low;
  Sequence fill_to;  // it recovers, and signs nothing below; 0: it does not
  const std::optional<StableCheckpoint>& stable;
  const Checkpoints& checkpoints;
  const std::map<Sequence, Slot>& slots;
  const ViewChanges& view_changes;
  const std::map<Digest, Transcript>& transcripts;
};

[[nodiscard]] StatusReport status_report(const Holdings& ours, bool wants_answer);

// To `peer`, which sent `report`: what it lacks of ours. `turn` counts our answers to it: proposals
// of others are resent by a few replicas, which take turns.
[[nodiscard]] std::vector<Send> resend(const Holdings& ours, ReplicaId peer,
                                       const StatusReport& report, std::uint32_t turn);

// What it asks for by name, as far as it is here.
[[nodiscard]] std::vector<Send> answer(const Holdings& ours, ReplicaId peer, const Ask& ask);

// Bodies that proposals in these slots have; there may be none.
[[nodiscard]] BodySend bodies_of_proposals(const std::map<Sequence, Slot>& slots,
                                           const BodiesWanted& wanted);

}  // namespace quorate::pbft
