#include "node/explain/survey.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "crypto/check.h"

namespace quorate::node {

using ledger::ReplicaId;
using pbft::Standing;

namespace {

bool is_cut_off(const ReplicaReport& report) {
  const auto connected = std::ranges::count_if(report.links, &LinkReport::is_connected);
  return static_cast<std::uint64_t>(connected) + 1 < report.waiting.quorum;
}

// Peers that a reporter has a connection with, in either direction.
std::set<ReplicaId> linked(const std::vector<const ReplicaReport*>& reports) {
  std::set<ReplicaId> result;
  for (const ReplicaReport* report : reports) {
    for (const LinkReport& link : report->links) {
      if (link.in || link.out) result.insert(link.id);
    }
  }
  return result;
}

}  // namespace

Survey survey_of(const std::vector<Answer>& answers) {
  std::map<ReplicaId, const ReplicaReport*> reports;
  std::set<ReplicaId> asked;
  for (const Answer& answer : answers) {
    if (answer.id) asked.insert(*answer.id);
    if (answer.report) reports.emplace(answer.report->waiting.self, &*answer.report);
  }
  QUORATE_CHECK(!reports.empty(), "a survey without a report");
  Survey survey;
  for (const auto& [id, report] : reports) {
    survey.replicas = std::max<std::size_t>(survey.replicas, report->waiting.replicas);
    survey.quorum = std::max<std::size_t>(survey.quorum, report->waiting.quorum);
    survey.reports.push_back(report);
    const Standing standing = report->waiting.standing;
    if (standing == Standing::kLearner) survey.learners.push_back(id);
    if (standing == Standing::kRecovering) survey.recovering.push_back(id);
    if (standing == Standing::kVoter && is_cut_off(*report)) survey.cut_off.push_back(id);
  }
  const std::set<ReplicaId> connected = linked(survey.reports);
  for (std::size_t i = 0; i < survey.replicas; ++i) {
    const ReplicaId id{static_cast<std::uint16_t>(i)};
    if (reports.contains(id)) continue;
    if (!connected.contains(id)) {
      survey.unreachable.push_back(id);
    } else {
      (asked.contains(id) ? survey.silent : survey.unasked).push_back(id);
    }
  }
  return survey;
}

ledger::Sequence Survey::executed_max() const {
  ledger::Sequence result;
  for (const ReplicaReport* each : reports) result = std::max(result, each->waiting.executed);
  return result;
}

ledger::Sequence Survey::committed_max() const {
  ledger::Sequence result;
  for (const ReplicaReport* each : reports) result = std::max(result, each->waiting.committed);
  return result;
}

const ReplicaReport* Survey::find(ReplicaId id) const {
  const auto found = std::ranges::find(reports, id, [](const ReplicaReport* each) {
    return each->waiting.self;
  });
  return found == reports.end() ? nullptr : *found;
}

std::vector<ViewGroup> Survey::views() const {
  std::map<ledger::View, std::vector<ReplicaId>> by_view;
  for (const ReplicaReport* each : reports) {
    const pbft::Waiting& waiting = each->waiting;
    if (waiting.standing != Standing::kVoter || !waiting.in_view) continue;
    by_view[waiting.view].push_back(waiting.self);
  }
  std::vector<ViewGroup> result;
  for (auto& [view, ids] : by_view) result.push_back({view, std::move(ids)});
  std::ranges::stable_sort(result, [](const ViewGroup& a, const ViewGroup& b) {
    return a.ids.size() != b.ids.size() ? a.ids.size() > b.ids.size() : a.view > b.view;
  });
  return result;
}

std::vector<const ReplicaReport*> Survey::movers() const {
  std::vector<const ReplicaReport*> result;
  std::ranges::copy_if(reports, std::back_inserter(result), [](const ReplicaReport* each) {
    return each->waiting.standing == Standing::kVoter && !each->waiting.in_view;
  });
  return result;
}

std::vector<const ReplicaReport*> Survey::front() const {
  const ledger::Sequence committed = committed_max();
  std::vector<const ReplicaReport*> result;
  for (const ReplicaReport* each : reports) {
    const pbft::Waiting& waiting = each->waiting;
    if (waiting.standing != Standing::kVoter || !waiting.in_view) continue;
    if (waiting.committed != committed) continue;
    if (!result.empty() && result.front()->waiting.view < waiting.view) result.clear();
    if (result.empty() || result.front()->waiting.view == waiting.view) result.push_back(each);
  }
  return result;
}

}  // namespace quorate::node
