#pragma once

// Each reason why a network may stand still, looked for in what its replicas report.

#include <optional>
#include <string>
#include <vector>

#include "node/explain/survey.h"

namespace quorate::node {

struct Finding {
  std::string code = {};                  // stable, for programs
  bool is_stuck = false;                  // the network waits because of it, not just one replica
  std::string text = {};                  // one sentence
  std::vector<std::string> details = {};  // more of them, a line each
  std::string next = {};                  // what to do about it; empty: nothing
};

// In the order in which one explains the others: where the first one holds, those behind it may
// follow from it.

// "no-quorum": fewer voters than a quorum are there; "not-connected": they are there and do not
// reach each other.
[[nodiscard]] std::optional<Finding> find_no_quorum(const Survey& survey, bool is_testnet);
// "view-change", "views-differ".
[[nodiscard]] std::optional<Finding> find_view_trouble(const Survey& survey);
// "window-full": the next checkpoint must become stable first.
[[nodiscard]] std::optional<Finding> find_full_window(const Survey& survey);
// "sequence-waits": votes, bodies or a proposal are missing for longer than is usual.
[[nodiscard]] std::optional<Finding> find_waiting_sequence(const Survey& survey);
// "primary-silent": ready transactions that it does not propose.
[[nodiscard]] std::optional<Finding> find_silent_primary(const Survey& survey);
// "checkpoint-waits": executed, and not stable for longer than is usual.
[[nodiscard]] std::optional<Finding> find_waiting_checkpoint(const Survey& survey);

// What concerns single replicas: "unreachable", "silent", "learner", "recovering", "catching-up",
// "other-view", "cut-off", "execution-behind", "trouble". None of them is stuck.
[[nodiscard]] std::vector<Finding> find_single_trouble(const Survey& survey, bool is_testnet);

// What comes by itself: timeouts and retries, a line each; empty: nothing.
[[nodiscard]] std::vector<std::string> timer_lines(const Survey& survey);

// How to bring replicas back.
[[nodiscard]] std::string how_to_start(const std::vector<ledger::ReplicaId>& ids, bool is_testnet);

}  // namespace quorate::node
