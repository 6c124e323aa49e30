#pragma once

// Makes a scenario that fails as small as it can be and still fail in the same way.
//
// A random run is written as a scenario first, with each fault at the time at which its seed had
// it. Lines are taken out, in halves first and one by one in the end (Zeller and Hildebrandt's
// delta debugging), then words such as a liar's second behaviour, then numbers are made smaller,
// then the time between two faults and how long one lasts; over and over, until nothing more can
// go. Every candidate is run with the same seed, so the result is one command away from being seen.
// It is small, not the smallest of all: a smaller one may need two changes at once.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "testnet/scenario_run.h"

namespace quorate::testnet {

inline constexpr std::uint64_t kShrinkRunsMax = 2'000;

// How a run failed: the invariant that broke, or what did not end or hold. nullopt: it did not.
[[nodiscard]] std::optional<std::string> failure_of(const ScenarioReport& report);

// As text that stands by itself: what options say of replicas and liars is written into it.
[[nodiscard]] std::string scenario_text(const Scenario& scenario, const ScenarioOptions& options);

// A random run with all that it drew: its liars, clients and faults, each at its time. Run with the
// same seed, it has the same history until all is healed.
[[nodiscard]] std::string scenario_text_of_run(const RunOptions& options, const RunReport& report);

struct Shrunk {
  std::string text;
  std::string failure;
  std::uint64_t lines = 0;
  std::uint64_t runs = 0;
  bool is_done = true;  // false: kShrinkRunsMax came first, and more may go
};

// `on_progress` hears of each smaller one. Errors: "shrink-does-not-fail" (kInvalid), those of
// parse_scenario.
[[nodiscard]] Result<Shrunk> shrink(
    const std::string& text, std::uint64_t seed,
    const std::function<void(std::uint64_t lines, std::uint64_t runs)>& on_progress);

}  // namespace quorate::testnet
