#include "node/explain/explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>

#include "node/explain/words.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

// Where too few vote, what is said of those that do not stands with the verdict already.
bool is_said(const Finding& single, const std::vector<Finding>& findings) {
  if (findings.empty()) return false;
  static const std::set<std::string_view> kWithNoQuorum{"learner", "cut-off"};
  if (findings.front().code == "no-quorum") return kWithNoQuorum.contains(single.code);
  return findings.front().code == "not-connected" && single.code == "cut-off";
}

// A checkpoint that waits follows from it.
bool explains_checkpoints(const Finding& finding) {
  return finding.code == "window-full" || finding.code == "no-quorum" ||
         finding.code == "not-connected";
}

std::string nothing_stuck(const Survey& survey) {
  const std::vector<ViewGroup> views = survey.views();
  ledger::Sequence lowest = survey.executed_max();
  std::uint64_t ready = 0;
  for (const ReplicaReport* each : survey.reports) {
    lowest = std::min(lowest, each->waiting.executed);
    ready = std::max(ready, each->waiting.ready);
  }
  std::string text = fmt::format("Nothing is stuck: {} of {} replicas answer",
                                 survey.reports.size(), survey.replicas);
  if (views.size() == 1 && survey.movers().empty()) {
    text += fmt::format(", in view {}", views.front().view.value);
  }
  text += fmt::format(", executed up to sequence {}", survey.executed_max().value);
  if (lowest < survey.executed_max()) text += fmt::format(" (the last of them {})", lowest.value);
  if (ready > 0) text += fmt::format("; {} under way", count_of(ready, "transaction"));
  return text + ".";
}

}  // namespace

Explanation explain(const std::vector<Answer>& answers, bool is_testnet) {
  const Survey survey = survey_of(answers);
  Explanation result;
  const auto add = [&](std::optional<Finding> finding) {
    if (finding) result.findings.push_back(std::move(*finding));
  };
  add(find_no_quorum(survey, is_testnet));
  add(find_view_trouble(survey));
  add(find_full_window(survey));
  add(find_waiting_sequence(survey));
  add(find_silent_primary(survey));
  if (!std::ranges::any_of(result.findings, explains_checkpoints)) {
    add(find_waiting_checkpoint(survey));
  }
  for (Finding& single : find_single_trouble(survey, is_testnet)) {
    if (!is_said(single, result.findings)) result.findings.push_back(std::move(single));
  }
  std::stable_partition(result.findings.begin(), result.findings.end(),
                        [](const Finding& finding) { return finding.is_stuck; });

  result.is_stuck = !result.findings.empty() && result.findings.front().is_stuck;
  result.code = result.is_stuck ? result.findings.front().code : "nothing-stuck";
  result.verdict = result.is_stuck ? result.findings.front().text : nothing_stuck(survey);
  if (result.is_stuck) result.timers = timer_lines(survey);
  for (const Finding& finding : result.findings) {
    if (finding.next.empty() || std::ranges::count(result.next, finding.next) > 0) continue;
    result.next.push_back(finding.next);
  }
  return result;
}

std::vector<std::string> explanation_lines(const Explanation& explanation) {
  std::vector<std::string> lines{explanation.verdict};
  const auto add_list = [&](const std::vector<std::string>& list, std::string_view indent) {
    for (const std::string& each : list) lines.push_back(fmt::format("{}{}", indent, each));
  };
  for (const Finding& finding : explanation.findings) {
    if (finding.text != explanation.verdict) {
      lines.push_back("");
      lines.push_back(finding.text);
    }
    add_list(finding.details, "  ");
  }
  if (!explanation.timers.empty()) {
    lines.push_back("");
    lines.push_back("What comes by itself:");
    add_list(explanation.timers, "  ");
  }
  if (!explanation.next.empty()) {
    lines.push_back("");
    lines.push_back("What to do:");
    add_list(explanation.next, "  ");
  }
  return lines;
}

json::object explanation_json(const Explanation& explanation, const std::vector<Answer>& answers) {
  const auto texts = [](const std::vector<std::string>& list) {
    json::array array;
    for (const std::string& each : list) array.emplace_back(each);
    return array;
  };
  json::array findings;
  for (const Finding& finding : explanation.findings) {
    findings.push_back(json::object{{"code", finding.code},
                                    {"stuck", finding.is_stuck},
                                    {"text", finding.text},
                                    {"details", texts(finding.details)},
                                    {"next", finding.next}});
  }
  json::array replicas;
  for (const Answer& answer : answers) {
    json::object object{{"url", answer.url}};
    if (answer.id) object["id"] = answer.id->value;
    if (answer.report) object["report"] = report_to_json(*answer.report);
    if (!answer.error.empty()) object["error"] = answer.error;
    replicas.push_back(std::move(object));
  }
  return {{"stuck", explanation.is_stuck},
          {"code", explanation.code},
          {"verdict", explanation.verdict},
          {"findings", std::move(findings)},
          {"timers", texts(explanation.timers)},
          {"next", texts(explanation.next)},
          {"replicas", std::move(replicas)}};
}

}  // namespace quorate::node
