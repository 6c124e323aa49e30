#pragma once

// Runs a scenario: one seed, one history.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "testnet/random_run.h"
#include "testnet/scenario.h"

namespace quorate::testnet {

struct ScenarioOptions {
  std::uint64_t seed = 1;
  std::optional<std::size_t> replicas;    // instead of what the scenario says
  std::set<ledger::ReplicaId> byzantine;  // instead of its liars, with the first one's behaviours
  std::function<void(const TraceEvent&)> on_event;
  std::function<void(Simulator&)> at_end;
};

struct ScenarioReport {
  RunReport run;
  std::optional<std::string> unmet;  // the line whose expectation did not hold, and what was found
  std::vector<std::string> story;    // views left and entered, evidence, in one sentence each
  std::size_t seats = 0;  // replicas of genesis and spares
  ledger::Genesis genesis;
  std::size_t lacking_a_store_max = 0;  // so many at once lacked a store that they had
};

// Who lies and how, by the scenario or instead of it by the options.
[[nodiscard]] Liars liars_of(const Scenario& scenario, const ScenarioOptions& options);

// Errors: "scenario-malformed" where the options do not fit what it says.
[[nodiscard]] Result<ScenarioReport> run_scenario(const Scenario& scenario,
                                                  const ScenarioOptions& options);

}  // namespace quorate::testnet
