#pragma once

// Reports of replicas that have no process, for tests of what `quorate explain` makes of them.

#include <string>
#include <vector>

#include "ledger/quorum.h"
#include "node/explain/explanation.h"

namespace quorate::node::test {

using Ids = std::vector<ledger::ReplicaId>;

constexpr ledger::ReplicaId r(std::size_t id) { return {static_cast<std::uint16_t>(id)}; }

// Replicas of one network, all well: in view 0, executed up to 42, connected with each other.
class Network {
 public:
  explicit Network(std::size_t replicas = 4) {
    for (std::size_t i = 0; i < replicas; ++i) {
      ReplicaReport report;
      report.name = "replica-" + std::to_string(i);
      report.chain_id = "cc";
      pbft::Waiting& waiting = report.waiting;
      waiting.self = r(i);
      waiting.replicas = replicas;
      waiting.quorum = ledger::quorum(replicas);
      waiting.executed = waiting.committed = waiting.furthest = {42};
      waiting.stable = {32};
      waiting.high_watermark = {64};
      waiting.committed_age_ms = 5000;
      waiting.timeout_ms = 1000;
      waiting.next_report_ms = 100;
      for (std::size_t j = 0; j < replicas; ++j) {
        if (j != i) report.links.push_back({r(j), true, true, ""});
      }
      answers_.push_back({"http://127.0.0.1:" + std::to_string(26650 + i), r(i), report, ""});
    }
  }

  pbft::Waiting& at(std::size_t id) { return report(id).waiting; }
  ReplicaReport& report(std::size_t id) { return *answers_[id].report; }
  // Its process is gone.
  void stop(std::size_t id) {
    silence(id);
    for (Answer& answer : answers_) {
      if (!answer.report) continue;
      for (LinkReport& link : answer.report->links) {
        if (link.id == r(id)) link = {r(id), false, false, "connection refused"};
      }
    }
  }
  // It does not answer, but its connections stand.
  void silence(std::size_t id) {
    answers_[id].report.reset();
    answers_[id].error = "connection refused";
  }
  // All left their view for this one.
  void leave_for(std::uint64_t view, const Ids& ids) {
    for (const ledger::ReplicaId id : ids) {
      pbft::Waiting& waiting = at(id.value);
      waiting.view = {view};
      waiting.in_view = false;
      waiting.view_age_ms = 700;
      waiting.primary = r(view % answers_.size());
    }
  }
  std::vector<Answer>& answers() { return answers_; }

  [[nodiscard]] Explanation explain() const { return node::explain(answers_, true); }
  [[nodiscard]] std::string verdict() const { return explain().verdict; }
  // All that a person reads, as one text.
  [[nodiscard]] std::string text() const {
    std::string result;
    for (const std::string& line : explanation_lines(explain())) result += line + "\n";
    return result;
  }

 private:
  std::vector<Answer> answers_;
};

// A sequence of five transactions, open for two seconds.
inline pbft::WaitingSlot slot_at(std::uint64_t sequence) {
  pbft::WaitingSlot slot;
  slot.sequence = {sequence};
  slot.open_ms = 2000;
  slot.has_proposal = true;
  slot.transactions = 5;
  slot.prepares = 2;
  slot.commits = 3;
  return slot;
}

}  // namespace quorate::node::test
