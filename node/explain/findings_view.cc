// Whether a quorum is in one view.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "node/explain/findings.h"
#include "node/explain/words.h"

namespace quorate::node {

using ledger::ReplicaId;
using ledger::View;
using pbft::Waiting;

namespace {

using Reports = std::vector<const ReplicaReport*>;

std::vector<ReplicaId> ids_of(const Reports& reports) {
  std::vector<ReplicaId> ids;
  for (const ReplicaReport* each : reports) ids.push_back(each->waiting.self);
  return ids;
}

std::string for_how_long(const Reports& movers) {
  std::optional<std::uint64_t> longest;
  for (const ReplicaReport* each : movers) longest = std::max(longest, each->waiting.view_age_ms);
  return longest ? fmt::format(", for {} now", duration_text(*longest)) : "";
}

// Those that wait for the same view; of equally many, the higher view.
std::pair<View, Reports> largest_group(const Reports& movers) {
  std::map<View, Reports> by_view;
  for (const ReplicaReport* each : movers) by_view[each->waiting.view].push_back(each);
  return *std::ranges::max_element(by_view, {}, [](const auto& entry) {
    return std::pair(entry.second.size(), entry.first);
  });
}

// What keeps the NEW-VIEW away, as its primary sees it, or else whoever knows most.
std::string view_change_progress(const Reports& movers, ReplicaId primary) {
  const auto rank = [&](const ReplicaReport* each) {
    return std::pair(each->waiting.self != primary, each->waiting.view_changes_missing.size());
  };
  const Waiting& best = (*std::ranges::min_element(movers, {}, rank))->waiting;
  const std::size_t have = best.replicas - best.view_changes_missing.size();
  if (have >= best.quorum) {
    return best.self == primary ? "it has the VIEW-CHANGEs that it takes"
                                : "the VIEW-CHANGEs that it takes have been sent";
  }
  return fmt::format("replica {} has {} of the {} VIEW-CHANGEs that it takes, and none of {}",
                     best.self.value, have, best.quorum, replica_list(best.view_changes_missing));
}

std::string mover_line(const Waiting& waiting) {
  std::string line = fmt::format("Replica {} waits for the NEW-VIEW of view {} from replica {}",
                                 waiting.self.value, waiting.view.value, waiting.primary.value);
  if (waiting.view_age_ms) line += fmt::format(", for {}", duration_text(*waiting.view_age_ms));
  if (waiting.replicas - waiting.view_changes_missing.size() < waiting.quorum) {
    line += fmt::format("; it lacks the VIEW-CHANGEs of {}",
                        replica_list(waiting.view_changes_missing));
  }
  if (waiting.transcripts_missing > 0) {
    line += fmt::format("; a NEW-VIEW came, of which {} still {}",
                        count_of(waiting.transcripts_missing, "part"),
                        waiting.transcripts_missing == 1 ? "lacks" : "lack");
  }
  return line + ".";
}

Finding view_change(const Survey& survey, const Reports& movers) {
  const auto [view, group] = largest_group(movers);
  const ReplicaId primary = group.front()->waiting.primary;
  const bool is_away = std::ranges::find(survey.unreachable, primary) != survey.unreachable.end();
  Finding finding{.code = "view-change", .is_stuck = true};
  finding.text = fmt::format(
      "A view change is under way: {} {} for the NEW-VIEW of view {} from replica {}{}{}; {}.",
      replica_list(ids_of(group)), group.size() == 1 ? "waits" : "wait", view.value, primary.value,
      is_away ? ", which cannot be reached" : "", for_how_long(group),
      view_change_progress(group, primary));
  for (const ReplicaReport* each : movers) finding.details.push_back(mover_line(each->waiting));
  for (const ViewGroup& in : survey.views()) {
    finding.details.push_back(capitalised(
        fmt::format("{} {} in view {} and {} left it.", replica_list(in.ids),
                    in.ids.size() == 1 ? "is" : "are", in.view.value,
                    in.ids.size() == 1 ? "has not" : "have not")));
  }
  finding.next = "A view change ends by itself while a quorum answers; ask again in a few seconds.";
  return finding;
}

Finding differing(const Survey& survey, const std::vector<ViewGroup>& groups) {
  std::vector<std::string> parts;
  for (const ViewGroup& group : groups) {
    parts.push_back(fmt::format("{} in view {}", replica_list(group.ids), group.view.value));
  }
  Finding finding{.code = "views-differ", .is_stuck = true};
  finding.text =
      fmt::format("The replicas are in different views: {}; no view has the quorum of {} that "
                  "orders something.",
                  fmt::join(parts, ", "), survey.quorum);
  finding.next =
      "Who is behind is sent the NEW-VIEW with the next report, if they are connected; ask again "
      "in a few seconds.";
  return finding;
}

}  // namespace

std::optional<Finding> find_view_trouble(const Survey& survey) {
  const std::vector<ViewGroup> groups = survey.views();
  const Reports movers = survey.movers();
  if (movers.empty() && groups.size() < 2) return std::nullopt;
  const std::size_t largest = groups.empty() ? 0 : groups.front().ids.size();
  const bool is_working = largest + survey.unheard() >= survey.quorum;
  if (!is_working) return movers.empty() ? differing(survey, groups) : view_change(survey, movers);
  // The others go on; who is not with them hears of it.
  Finding finding{.code = "other-view"};
  for (const ReplicaReport* each : movers) finding.details.push_back(mover_line(each->waiting));
  for (std::size_t i = 1; i < groups.size(); ++i) {
    finding.details.push_back(capitalised(fmt::format(
        "{} {} in view {}.", replica_list(groups[i].ids),
        groups[i].ids.size() == 1 ? "is" : "are", groups[i].view.value)));
  }
  finding.text = groups.empty() ? "Whoever was asked is between views; the others may have entered."
                                : fmt::format("A quorum works in view {}, but not everybody does.",
                                              groups.front().view.value);
  return finding;
}

}  // namespace quorate::node
