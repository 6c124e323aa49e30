#pragma once

// What one replica says of itself when it is asked why nothing moves: `quorate_explain`.
//
//   {replica, name, chain_id, replicas, quorum, epoch, view, in_view, view_age_ms?, primary,
//    standing: "voter" | "recovering" | "learner", standing_reason?, ceiling?, trouble?,
//    executed, committed, stable, high_watermark, furthest, committed_age_ms?,
//    ready, unordered, oldest_unordered_ms?,
//    slots: [{sequence, open_ms?, has_proposal, is_outvoted, is_committed, is_refused,
//             transactions, bodies_missing, early_ms, prepares, prepares_missing, commits,
//             commits_missing}],
//    view_changes_missing, transcripts_missing,
//    checkpoint?, checkpoint_missing, checkpoint_differs, unchecked_ms?, unchecked_ms_max,
//    timeout_ms, patience_left_ms?, next_report_ms,
//    links: [{id, in, out, error}]}
//
// Members are those of pbft::Waiting (pbft/waiting.h): "..._missing" are ids of replicas; ages and
// what is left are milliseconds. "?": absent where there is none.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "crypto/result.h"
#include "pbft/waiting.h"

namespace quorate::node {

// The connections with one peer.
struct LinkReport {
  ledger::ReplicaId id;
  bool in = false;
  bool out = false;
  std::string error;  // of the last attempt; empty: none

  [[nodiscard]] bool is_connected() const { return in && out; }
  friend bool operator==(const LinkReport&, const LinkReport&) = default;
};

struct ReplicaReport {
  std::string name;
  std::string chain_id;
  pbft::Waiting waiting;
  std::string standing_reason;  // why it signs nothing; empty: it does
  std::string trouble;          // why it is not ready; empty: it is
  std::vector<LinkReport> links;

  friend bool operator==(const ReplicaReport&, const ReplicaReport&) = default;
};

[[nodiscard]] boost::json::object report_to_json(const ReplicaReport& report);
// Trusts nothing: what is missing, of another type or out of range is an error, and lists are
// bounded by the replicas. Error: "node-answer-malformed" (kCorrupt), naming the member.
[[nodiscard]] Result<ReplicaReport> parse_report(const boost::json::value& answer);

}  // namespace quorate::node
