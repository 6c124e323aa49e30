// Why the next sequence is not committed, and why a checkpoint is not stable.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "node/explain/findings.h"
#include "node/explain/words.h"

namespace quorate::node {

using ledger::ReplicaId;
using pbft::Waiting;
using pbft::WaitingSlot;

namespace {

using Reports = std::vector<const ReplicaReport*>;

// "2 more commits (1 of 3 are here; missing: replicas 2 and 3)"
std::string more_votes(std::string_view word, std::uint64_t have, std::uint64_t needed,
                       const std::vector<ReplicaId>& missing) {
  return fmt::format("{} ({} of {} there; missing: {})",
                     count_of(needed - have, fmt::format("more {}", word)), have, needed,
                     replica_list(missing));
}

// What this sequence waits for here, in the order of the protocol.
std::string awaited(const Waiting& waiting, const WaitingSlot& slot) {
  const bool is_primary = waiting.self == waiting.primary;
  if (slot.is_committed && (!slot.has_proposal || slot.is_outvoted || slot.bodies_missing > 0)) {
    return "what a quorum committed there, which it asks the others for";
  }
  if (!slot.has_proposal) {
    return is_primary ? "its own proposal"
                      : fmt::format("the proposal of replica {}, the primary",
                                    waiting.primary.value);
  }
  if (slot.bodies_missing > 0) {
    return fmt::format("{} of {} that the proposal names, which it asks the others for",
                       slot.bodies_missing, count_of(slot.transactions, "transaction"));
  }
  if (slot.early_ms > 0) {
    return fmt::format("its clock: the proposed time is {} ahead of it beyond the slack",
                       duration_text(slot.early_ms));
  }
  if (slot.prepares + 1 < waiting.quorum) {
    return more_votes("prepare", slot.prepares, waiting.quorum - 1, slot.prepares_missing);
  }
  if (slot.commits < waiting.quorum) {
    return more_votes("commit", slot.commits, waiting.quorum, slot.commits_missing);
  }
  return "its turn";
}

// Of the first sequence that waits; the time of a later one where nothing came for the first.
std::optional<std::uint64_t> open_ms(const Waiting& waiting) {
  std::optional<std::uint64_t> longest;
  if (waiting.slots.front().open_ms) return waiting.slots.front().open_ms;
  for (const WaitingSlot& slot : waiting.slots) longest = std::max(longest, slot.open_ms);
  return longest;
}

bool waits_unusually(const Waiting& waiting) {
  if (waiting.slots.empty()) return false;
  const auto age_ms = open_ms(waiting);
  return !age_ms || *age_ms >= usual_wait_ms(waiting);
}

struct Wait {
  std::vector<ReplicaId> ids;
  std::optional<std::uint64_t> open_ms;
  bool is_refused = false;
};

std::string wait_text(const std::string& what, const Wait& wait) {
  std::string text = fmt::format("at {} for {}", replica_list(wait.ids), what);
  if (wait.open_ms) text += fmt::format(", since {} ago", duration_text(*wait.open_ms));
  return text;
}

bool has_full_window(const ReplicaReport* report) {
  return report->waiting.committed >= report->waiting.high_watermark;
}

// Who lacks whose vote for the checkpoint.
std::vector<std::string> checkpoint_lines(const Reports& front) {
  std::vector<std::string> lines;
  for (const ReplicaReport* each : front) {
    const Waiting& waiting = each->waiting;
    if (!waiting.checkpoint) continue;
    if (!waiting.checkpoint_missing.empty()) {
      lines.push_back(fmt::format("Replica {} has no vote of {} for the checkpoint at sequence {}.",
                                  waiting.self.value, replica_list(waiting.checkpoint_missing),
                                  waiting.checkpoint->value));
    }
    if (!waiting.checkpoint_differs.empty()) {
      lines.push_back(capitalised(fmt::format(
          "{} voted for another state at sequence {} than replica {} has: ledgers differ.",
          replica_list(waiting.checkpoint_differs), waiting.checkpoint->value,
          waiting.self.value)));
    }
  }
  return lines;
}

bool any_differs(const Reports& front) {
  return std::ranges::any_of(
      front, [](const ReplicaReport* each) { return !each->waiting.checkpoint_differs.empty(); });
}

std::string checkpoint_next(const Reports& front) {
  if (!any_differs(front)) return {};
  return "Find the first block in which the ledgers differ; set the wrong ledger aside (keep the "
         "guard) and start that replica again.";
}

}  // namespace

std::optional<Finding> find_full_window(const Survey& survey) {
  const Reports front = survey.front();
  if (front.empty() || !std::ranges::all_of(front, has_full_window)) return std::nullopt;
  const Waiting& waiting = front.front()->waiting;
  Finding finding{.code = "window-full", .is_stuck = true};
  finding.text = fmt::format(
      "The window is full: sequence {} is committed{}, but no checkpoint above {} is stable, and "
      "nothing more can be proposed until one is.",
      waiting.committed.value,
      waiting.executed < waiting.committed
          ? fmt::format(" and {} executed", waiting.executed.value)
          : "",
      waiting.stable.value);
  finding.details = checkpoint_lines(front);
  finding.next = checkpoint_next(front);
  return finding;
}

std::optional<Finding> find_waiting_sequence(const Survey& survey) {
  std::map<std::string, Wait> waits;
  ledger::Sequence first;
  std::uint64_t later = 0;
  std::vector<ReplicaId> refused;
  for (const ReplicaReport* each : survey.front()) {
    const Waiting& waiting = each->waiting;
    if (!waits_unusually(waiting)) continue;
    const WaitingSlot& slot = waiting.slots.front();
    if (first.value == 0 || slot.sequence < first) first = slot.sequence;
    later = std::max<std::uint64_t>(later, waiting.slots.size() - 1);
    Wait& wait = waits[awaited(waiting, slot)];
    wait.ids.push_back(waiting.self);
    wait.open_ms = std::max(wait.open_ms, open_ms(waiting));
    if (slot.is_refused) refused.push_back(waiting.self);
  }
  if (waits.empty()) return std::nullopt;
  const auto main = std::ranges::max_element(
      waits, {}, [](const auto& entry) { return entry.second.ids.size(); });
  Finding finding{.code = "sequence-waits", .is_stuck = true};
  finding.text =
      fmt::format("Sequence {} waits {}.", first.value, wait_text(main->first, main->second));
  for (auto it = waits.begin(); it != waits.end(); ++it) {
    if (it == main) continue;
    finding.details.push_back(fmt::format("It waits {}.", wait_text(it->first, it->second)));
  }
  if (!refused.empty()) {
    finding.details.push_back(capitalised(
        fmt::format("{} refused to vote for it; it needs the votes of others.",
                    replica_list(refused))));
  }
  if (later > 0) {
    finding.details.push_back(
        fmt::format("Behind it {} already under way.",
                    later == 1 ? "1 sequence is" : fmt::format("{} sequences are", later)));
  }
  return finding;
}

std::optional<Finding> find_silent_primary(const Survey& survey) {
  std::vector<ReplicaId> waiting_ids;
  std::uint64_t oldest_ms = 0;
  std::optional<ReplicaId> primary;
  std::uint64_t view = 0;
  for (const ReplicaReport* each : survey.front()) {
    const Waiting& waiting = each->waiting;
    if (waiting.unordered == 0 || has_full_window(each)) continue;
    const bool is_proposed = !waiting.slots.empty() && (waiting.slots.front().has_proposal ||
                                                        waiting.slots.front().is_committed);
    const std::uint64_t age_ms = waiting.oldest_unordered_ms.value_or(0);
    if (is_proposed || age_ms < usual_wait_ms(waiting)) continue;
    waiting_ids.push_back(waiting.self);
    oldest_ms = std::max(oldest_ms, age_ms);
    primary = waiting.primary;
    view = waiting.view.value;
  }
  if (waiting_ids.empty()) return std::nullopt;
  const bool is_away =
      std::ranges::find(survey.unreachable, *primary) != survey.unreachable.end();
  Finding finding{.code = "primary-silent", .is_stuck = true};
  finding.text = fmt::format(
      "Replica {}, the primary of view {}, {}: {} {} ready transactions that no proposal names, "
      "the oldest for {}.",
      primary->value, view, is_away ? "cannot be reached" : "proposes nothing",
      replica_list(waiting_ids), waiting_ids.size() == 1 ? "holds" : "hold",
      duration_text(oldest_ms));
  const ReplicaReport* own = survey.find(*primary);
  if (own && own->waiting.unordered == 0) {
    finding.details.push_back(
        fmt::format("Replica {} itself has none of them.", primary->value));
  }
  if (survey.voters() >= survey.quorum) {
    finding.next = fmt::format("The others replace replica {} by themselves; if they do not, look "
                               "at its log.",
                               primary->value);
  }
  return finding;
}

std::optional<Finding> find_waiting_checkpoint(const Survey& survey) {
  Reports lacking;
  Reports unclosed;
  for (const ReplicaReport* each : survey.front()) {
    const Waiting& waiting = each->waiting;
    const bool is_old =
        !waiting.committed_age_ms || *waiting.committed_age_ms >= waiting.timeout_ms;
    if (waiting.checkpoint && is_old) lacking.push_back(each);
    if (waiting.unchecked_ms.value_or(0) > waiting.unchecked_ms_max) unclosed.push_back(each);
  }
  if (lacking.empty() && unclosed.empty()) return std::nullopt;
  Finding finding{.code = "checkpoint-waits", .is_stuck = true};
  if (!lacking.empty()) {
    const Waiting& waiting = lacking.front()->waiting;
    finding.text = fmt::format(
        "The checkpoint at sequence {} does not become stable; the last stable one is at {}.",
        waiting.checkpoint->value, waiting.stable.value);
    finding.details = checkpoint_lines(lacking);
    finding.next = checkpoint_next(lacking);
    return finding;
  }
  const Waiting& waiting = unclosed.front()->waiting;
  finding.text = fmt::format(
      "Sequence {} is executed without a checkpoint for {}, longer than the primary, replica {}, "
      "may take to propose one.",
      waiting.executed.value, duration_text(*waiting.unchecked_ms), waiting.primary.value);
  return finding;
}

}  // namespace quorate::node
