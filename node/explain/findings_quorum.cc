// Whether enough replicas are there to order anything.

#include <fmt/format.h>

#include "node/explain/findings.h"
#include "node/explain/words.h"

namespace quorate::node {

using ledger::ReplicaId;

namespace {

// "replicas 0 and 2 cannot be reached", "replica 3 is a learner"
std::string who_does_not_vote(const Survey& survey) {
  std::vector<std::string> parts;
  const auto add = [&](const std::vector<ReplicaId>& ids, std::string_view one,
                       std::string_view many) {
    if (ids.empty()) return;
    parts.push_back(fmt::format("{} {}", replica_list(ids), ids.size() == 1 ? one : many));
  };
  add(survey.unreachable, "cannot be reached", "cannot be reached");
  add(survey.learners, "is a learner", "are learners");
  add(survey.recovering, "is recovering", "are recovering");
  return fmt::format("{}", fmt::join(parts, ", and "));
}

// "until one of them is back"
std::string until(std::size_t lacking, std::size_t absent, std::string_view one,
                  std::string_view many) {
  if (absent == 1) return fmt::format("it {}", one);
  if (lacking == absent) return fmt::format("they {}", many);
  if (lacking == 1) return fmt::format("one of them {}", one);
  return fmt::format("{} of them {}", lacking, many);
}

// Errors of a connection go on with their code and advice.
std::string_view first_sentence(std::string_view text) { return text.substr(0, text.find(". ")); }

std::string why_unreachable(const Survey& survey, ReplicaId id) {
  for (const ReplicaReport* report : survey.reports) {
    for (const LinkReport& link : report->links) {
      if (link.id == id && !link.error.empty()) {
        return fmt::format("Replica {} says of replica {}: {}", report->waiting.self.value,
                           id.value, first_sentence(link.error));
      }
    }
  }
  return {};
}

Finding no_quorum(const Survey& survey, bool is_testnet) {
  const std::size_t absent =
      survey.unreachable.size() + survey.learners.size() + survey.recovering.size();
  const std::size_t lacking = survey.quorum - survey.voters();
  const bool is_absence = absent == survey.unreachable.size();
  Finding finding{.code = "no-quorum", .is_stuck = true};
  finding.text = capitalised(fmt::format(
      "{}: {} of {} {}, a quorum takes {}; nothing can be ordered until {}.",
      who_does_not_vote(survey), survey.voters(), survey.replicas,
      !is_absence ? "can vote" : survey.unheard() == 0 ? "answer" : "are there", survey.quorum,
      is_absence ? until(lacking, absent, "is back", "are back")
                 : until(lacking, absent, "votes again", "vote again")));
  for (const ReplicaId id : survey.unreachable) {
    if (std::string why = why_unreachable(survey, id); !why.empty()) {
      finding.details.push_back(std::move(why));
    }
  }
  for (const ReplicaReport* report : survey.reports) {
    if (report->standing_reason.empty()) continue;
    finding.details.push_back(fmt::format("Replica {} signs nothing: {}",
                                          report->waiting.self.value, report->standing_reason));
  }
  if (!survey.unreachable.empty()) finding.next = how_to_start(survey.unreachable, is_testnet);
  const std::size_t lost = survey.learners.size() + survey.recovering.size();
  if (survey.replicas < lost + survey.quorum) {
    finding.next = fmt::format(
        "{} of {} replicas lost their votes, more than may fail, so it does not end by itself: "
        "their operators begin anew together, see `quorate recover --help`.",
        lost, survey.replicas);
  }
  return finding;
}

// "replica 1 (connection refused)"
std::string missing_links(const ReplicaReport& report) {
  std::vector<std::string> parts;
  for (const LinkReport& link : report.links) {
    if (link.is_connected()) continue;
    parts.push_back(link.error.empty() ? fmt::to_string(link.id.value)
                                       : fmt::format("{} ({})", link.id.value,
                                                     first_sentence(link.error)));
  }
  return fmt::format("Replica {} is not connected both ways with: {}", report.waiting.self.value,
                     fmt::join(parts, ", "));
}

}  // namespace

std::string how_to_start(const std::vector<ReplicaId>& ids, bool is_testnet) {
  const std::string_view it = ids.size() == 1 ? "it" : "them";
  if (!is_testnet) {
    return fmt::format("Start {}, or find out on {} machine what keeps {} from answering.",
                       replica_list(ids), ids.size() == 1 ? "its" : "their", it);
  }
  std::vector<std::string> commands;
  for (const ReplicaId id : ids) {
    commands.push_back(fmt::format("`quorate testnet start {}`", id.value));
  }
  return fmt::format("Start {}: {}. If {} already, look with `quorate testnet logs {}`.", it,
                     fmt::join(commands, ", "), ids.size() == 1 ? "it runs" : "they run",
                     ids.front().value);
}

std::optional<Finding> find_no_quorum(const Survey& survey, bool is_testnet) {
  if (survey.voters() < survey.quorum) return no_quorum(survey, is_testnet);
  if (survey.voters() - survey.cut_off.size() >= survey.quorum) return std::nullopt;
  Finding finding{.code = "not-connected", .is_stuck = true};
  finding.text = fmt::format(
      "{} of {} replicas are there, but {} {} connected with fewer than a quorum of {}: votes do "
      "not get through, so nothing can be ordered.",
      survey.replicas - survey.unreachable.size(), survey.replicas, replica_list(survey.cut_off),
      survey.cut_off.size() == 1 ? "is" : "are", survey.quorum);
  for (const ReplicaId id : survey.cut_off) {
    finding.details.push_back(missing_links(*survey.find(id)));
  }
  finding.next =
      "Look at the addresses of the peers in config.toml and at what lies between the machines. "
      "Connections are tried again at least every 2 s.";
  return finding;
}

}  // namespace quorate::node
