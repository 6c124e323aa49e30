#pragma once

// What the reports of several replicas say together: who is there, who votes, how far they are.

#include <optional>
#include <string>
#include <vector>

#include "node/explain/report.h"

namespace quorate::node {

// What asking one replica brought.
struct Answer {
  std::string url;
  std::optional<ledger::ReplicaId> id;  // where it is known without its answer
  std::optional<ReplicaReport> report;
  std::string error;  // why there is no report
};

// Voters that are in one view.
struct ViewGroup {
  ledger::View view;
  std::vector<ledger::ReplicaId> ids;
};

struct Survey {
  std::size_t replicas = 0;
  std::size_t quorum = 0;
  std::vector<const ReplicaReport*> reports;  // one a replica, ascending; not empty
  // Without a report, ascending:
  std::vector<ledger::ReplicaId> unreachable;  // nobody who reports is connected with them
  std::vector<ledger::ReplicaId> silent;       // asked in vain; others are connected with them
  std::vector<ledger::ReplicaId> unasked;      // others are connected with them
  // Report that they sign nothing.
  std::vector<ledger::ReplicaId> learners;
  std::vector<ledger::ReplicaId> recovering;
  // Report connections with too few for a quorum.
  std::vector<ledger::ReplicaId> cut_off;

  // Who may be expected to vote: there, and not known to sign nothing.
  [[nodiscard]] std::size_t voters() const {
    return replicas - unreachable.size() - learners.size() - recovering.size();
  }
  // Voters that did not report: they get the benefit of the doubt.
  [[nodiscard]] std::size_t unheard() const { return silent.size() + unasked.size(); }
  // Of the reports, voters' or not.
  [[nodiscard]] ledger::Sequence executed_max() const;
  [[nodiscard]] ledger::Sequence committed_max() const;
  [[nodiscard]] const ReplicaReport* find(ledger::ReplicaId id) const;  // nullptr: no report
  // Of the voters that report: who is in which view, the largest group first; who is between views.
  [[nodiscard]] std::vector<ViewGroup> views() const;
  [[nodiscard]] std::vector<const ReplicaReport*> movers() const;
  // Of voters that have committed all that any report has, in the highest view that one of them is
  // in: what they lack is what the network lacks.
  [[nodiscard]] std::vector<const ReplicaReport*> front() const;
};

// Precondition: at least one report.
[[nodiscard]] Survey survey_of(const std::vector<Answer>& answers);

// Admission answers "busy" beyond what drains in half of T: a longer wait is none in the ordinary
// course.
[[nodiscard]] inline std::uint64_t usual_wait_ms(const pbft::Waiting& waiting) {
  return waiting.timeout_ms / 2;
}

}  // namespace quorate::node
