// What concerns single replicas while the others go on, and what comes by itself.

#include <fmt/format.h>

#include <algorithm>

#include "node/explain/findings.h"
#include "node/explain/words.h"

namespace quorate::node {

using ledger::ReplicaId;
using pbft::Standing;
using pbft::Waiting;

namespace {

// A replica that works is a few sequences behind the furthest at any moment.
constexpr std::uint64_t kUsualLag = 8;

void add_unreachable(const Survey& survey, bool is_testnet, std::vector<Finding>& findings) {
  if (survey.unreachable.empty() || survey.voters() < survey.quorum) return;
  const std::size_t margin = survey.voters() - survey.quorum;
  Finding finding{.code = "unreachable"};
  finding.text = capitalised(fmt::format(
      "{} cannot be reached: {} of {} are there, a quorum takes {}, so {} more may fail.",
      replica_list(survey.unreachable), survey.replicas - survey.unreachable.size(),
      survey.replicas, survey.quorum, margin == 0 ? "none" : fmt::to_string(margin)));
  const std::vector<ViewGroup> views = survey.views();
  if (!views.empty()) {
    const ReplicaId primary = survey.find(views.front().ids.front())->waiting.primary;
    if (std::ranges::find(survey.unreachable, primary) != survey.unreachable.end()) {
      finding.details.push_back(
          fmt::format("Replica {} is the primary of view {}: the next ready transaction makes the "
                      "others leave that view.",
                      primary.value, views.front().view.value));
    }
  }
  finding.next = how_to_start(survey.unreachable, is_testnet);
  findings.push_back(std::move(finding));
}

void add_unheard(const Survey& survey, std::vector<Finding>& findings) {
  if (!survey.silent.empty()) {
    findings.push_back(
        {.code = "silent",
         .text = capitalised(fmt::format("{} did not answer, though others are connected with {}.",
                                         replica_list(survey.silent),
                                         survey.silent.size() == 1 ? "it" : "them")),
         .next = fmt::format("Ask again, and look at the log of {}.",
                             replica_list(survey.silent))});
  }
  if (!survey.unasked.empty()) {
    findings.push_back(
        {.code = "not-asked",
         .text = capitalised(
             fmt::format("{} {} not asked: what is said here is what the others know.",
                         replica_list(survey.unasked),
                         survey.unasked.size() == 1 ? "was" : "were")),
         .next = "Give --node URL for each replica to hear them all."});
  }
}

void add_standing(const ReplicaReport& report, std::vector<Finding>& findings) {
  const Waiting& waiting = report.waiting;
  const std::string why =
      report.standing_reason.empty() ? "." : fmt::format(": {}.", report.standing_reason);
  if (waiting.standing == Standing::kLearner) {
    findings.push_back({.code = "learner",
                        .text = fmt::format("Replica {} is a learner, it follows and signs "
                                            "nothing{}",
                                            waiting.self.value, why)});
  }
  if (waiting.standing == Standing::kRecovering) {
    findings.push_back(
        {.code = "recovering",
         .text = fmt::format("Replica {} is recovering, it signs nothing until a checkpoint at or "
                             "above sequence {} is stable; {} is the last one that it knows{}",
                             waiting.self.value, waiting.ceiling.value, waiting.stable.value, why),
         .next = "A recovery ends by itself while a quorum of the others works."});
  }
}

void add_lag(const Survey& survey, const ReplicaReport& report, std::vector<Finding>& findings) {
  const Waiting& waiting = report.waiting;
  const ledger::Sequence furthest =
      std::max({survey.executed_max(), waiting.furthest, waiting.stable});
  const bool is_old = !waiting.committed_age_ms || *waiting.committed_age_ms >= waiting.timeout_ms;
  if (waiting.committed > waiting.executed && is_old) {
    findings.push_back({.code = "execution-behind",
                        .text = fmt::format("Replica {} has committed up to sequence {} and "
                                            "executed only up to {}.",
                                            waiting.self.value, waiting.committed.value,
                                            waiting.executed.value),
                        .next = fmt::format("Look at disk and log of replica {}.",
                                            waiting.self.value)});
    return;
  }
  if (waiting.executed >= furthest) return;
  const std::uint64_t lag = furthest.value - waiting.executed.value;
  if (lag <= kUsualLag && waiting.stable <= waiting.executed && !is_old) return;
  findings.push_back(
      {.code = "catching-up",
       .text = fmt::format("Replica {} is catching up: it has executed {} of {} sequences.",
                           waiting.self.value, waiting.executed.value, furthest.value)});
}

void add_trouble(const ReplicaReport& report, std::vector<Finding>& findings) {
  if (report.trouble.empty()) return;
  findings.push_back({.code = "trouble",
                      .text = fmt::format("Replica {} is in trouble: {}",
                                          report.waiting.self.value, report.trouble)});
}

std::string patience_line(const Waiting& waiting) {
  const std::string when = duration_text(*waiting.patience_left_ms);
  if (!waiting.in_view) {
    return fmt::format("Replica {} moves on to view {} in {}, unless the NEW-VIEW comes.",
                       waiting.self.value, waiting.view.value + 1, when);
  }
  return fmt::format("Replica {} gives up on replica {}, its primary, in {}, unless there is "
                     "progress.",
                     waiting.self.value, waiting.primary.value, when);
}

}  // namespace

std::vector<Finding> find_single_trouble(const Survey& survey, bool is_testnet) {
  std::vector<Finding> findings;
  add_unreachable(survey, is_testnet, findings);
  add_unheard(survey, findings);
  for (const ReplicaReport* report : survey.reports) {
    add_trouble(*report, findings);
    add_standing(*report, findings);
    add_lag(survey, *report, findings);
  }
  if (!survey.cut_off.empty()) {
    findings.push_back(
        {.code = "cut-off",
         .text = capitalised(
             fmt::format("{} {} connected with fewer than a quorum.", replica_list(survey.cut_off),
                         survey.cut_off.size() == 1 ? "is" : "are"))});
  }
  return findings;
}

std::vector<std::string> timer_lines(const Survey& survey) {
  const Waiting* soonest = nullptr;
  const Waiting* reports = nullptr;
  for (const ReplicaReport* each : survey.reports) {
    const Waiting& waiting = each->waiting;
    if (waiting.patience_left_ms &&
        (!soonest || *waiting.patience_left_ms < *soonest->patience_left_ms)) {
      soonest = &waiting;
    }
    if (!reports || waiting.next_report_ms < reports->next_report_ms) reports = &waiting;
  }
  std::vector<std::string> lines;
  if (soonest) {
    lines.push_back(patience_line(*soonest));
  } else if (!survey.movers().empty()) {
    lines.push_back("No timeout runs: the one for a NEW-VIEW starts once a quorum has moved.");
  } else {
    lines.push_back("No timeout runs: nobody has a reason to change the view, or too few are "
                    "connected for another one to help.");
  }
  lines.push_back(fmt::format("Replica {} asks the others for what it lacks in {}.",
                              reports->self.value, duration_text(reports->next_report_ms)));
  return lines;
}

}  // namespace quorate::node
