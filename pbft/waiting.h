#pragma once

// What a replica waits for, as a plain value: for people who ask why nothing moves.
//
// It is made from the replica's own state and so says what this replica lacks, not what the others
// have done; who compares several of these can tell. Times are ages, because no two machines share
// a monotonic clock.

#include <cstdint>
#include <optional>
#include <vector>

#include "pbft/replica.h"

namespace quorate::pbft {

inline constexpr std::size_t kWaitingSlotsMax = 8;

// A sequence that is not committed here. Votes count if they agree with the proposal; without one,
// whatever was voted.
struct WaitingSlot {
  Sequence sequence;
  std::optional<std::uint64_t> open_ms;  // how long; nullopt: nothing came for it, or unknown
  bool has_proposal = false;             // of the primary of this view
  bool is_outvoted = false;  // a quorum committed another batch than was proposed here
  bool is_committed = false;  // a quorum committed it; it waits for its batch, bodies or turn
  bool is_refused = false;   // this replica's own vote was refused; it will not cast it
  std::uint64_t transactions = 0;
  std::uint64_t bodies_missing = 0;
  std::uint64_t early_ms = 0;  // the proposed time is so far beyond this clock and its slack
  // Of whom no vote is here.
  std::vector<ReplicaId> prepares_missing;  // of backups
  std::vector<ReplicaId> commits_missing;
  std::uint64_t prepares = 0;  // that are here
  std::uint64_t commits = 0;

  friend bool operator==(const WaitingSlot&, const WaitingSlot&) = default;
};

struct Waiting {
  ReplicaId self;
  std::uint64_t replicas = 0;
  std::uint64_t quorum = 0;
  Epoch epoch;
  View view;
  bool in_view = true;
  std::optional<std::uint64_t> view_age_ms;  // since it entered the view or left for it
  ReplicaId primary;                         // of `view`
  Standing standing = Standing::kVoter;
  Sequence ceiling;  // of one that recovers: a stable checkpoint there ends it

  // Where it is.
  Sequence executed;
  Sequence committed;
  Sequence stable;
  Sequence high_watermark;
  Sequence furthest;  // executed by any peer, as it says itself; 0: nobody said
  std::optional<std::uint64_t> committed_age_ms;  // since the last commit in this life

  // Ready transactions, and those that no proposal names.
  std::uint64_t ready = 0;
  std::uint64_t unordered = 0;
  std::optional<std::uint64_t> oldest_unordered_ms;

  // From the first sequence that is not committed on; at most kWaitingSlotsMax.
  std::vector<WaitingSlot> slots;

  // Between views: whose VIEW-CHANGE for `view` is not here.
  std::vector<ReplicaId> view_changes_missing;
  // What a NEW-VIEW that came, or must be relied on, names and is not here; it is asked for.
  std::uint64_t transcripts_missing = 0;

  // The last checkpoint that was executed here, if it is not stable: who has not voted for it as
  // far as is known here, and who voted for something else.
  std::optional<Sequence> checkpoint;
  std::vector<ReplicaId> checkpoint_missing;
  std::vector<ReplicaId> checkpoint_differs;
  // How long something has been executed beyond the last checkpoint, and how long that may last.
  std::optional<std::uint64_t> unchecked_ms;
  std::uint64_t unchecked_ms_max = 0;

  // What comes by itself.
  std::uint64_t timeout_ms = 0;                     // T, now
  std::optional<std::uint64_t> patience_left_ms;    // until it gives up on primary or NEW-VIEW
  std::uint64_t next_report_ms = 0;                 // until it asks the others again

  friend bool operator==(const Waiting&, const Waiting&) = default;
};

// `now_ms`: monotonic, not before the replica's last input.
[[nodiscard]] Waiting waiting_of(const Replica& replica, std::uint64_t now_ms);

}  // namespace quorate::pbft
