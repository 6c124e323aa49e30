#pragma once

// What `quorate simulate` prints, for people and for programs.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/commands/console.h"
#include "node/exit_code.h"
#include "testnet/picture.h"
#include "testnet/scenario_run.h"
#include "testnet/seed_search.h"

namespace quorate::testnet {

inline constexpr std::string_view kRandomScenario = "random";
inline constexpr std::string_view kHonestScenario = "honest";
inline constexpr std::string_view kBlameScenario = "blame";

// What was typed.
struct SimulateOptions {
  std::string scenario{kRandomScenario};
  std::optional<std::uint64_t> replicas;
  std::uint64_t spares = 0;
  std::uint64_t seed = 1;
  std::optional<std::string> seeds;
  std::optional<std::string> byzantine;
  std::optional<std::string> lies;
  std::uint64_t seconds = 60;
  std::uint64_t quiet = 0;
  std::optional<std::string> trace;
  std::optional<std::string> ledgers;
  std::optional<std::string> shrink;
  bool stand_in = false;
  bool list = false;
};

[[nodiscard]] node::ExitCode exit_code(Verdict verdict);

[[nodiscard]] boost::json::array violations_to_json(const std::vector<Violation>& violations);

// One run; `seed` instead of the one that was typed.
[[nodiscard]] boost::json::object report_to_json(const SimulateOptions& options,
                                                 std::uint64_t seed, const RunReport& report);
void print_report(const SimulateOptions& options, const RunReport& report,
                  node::Console& console);

// What stands above a picture of the run.
[[nodiscard]] Picture::Heading heading(const SimulateOptions& options, std::size_t replicas,
                                       const RunReport& report);

// Which invariants broke, and who lacks what; nothing of a sound run.
void print_trouble(const RunReport& report, node::Console& console);

// Many: what they have in common, and those that failed.
[[nodiscard]] node::ExitCode print_totals(const SimulateOptions& options, const Totals& totals,
                                          node::Console& console);
[[nodiscard]] std::string progress_text(const Totals& so_far, std::uint64_t count,
                                        std::uint64_t took_ms);

// The first piece of evidence, and the genesis document that it is verified with, as files in the
// current folder, named in `result`. Errors: those of node::replace_file.
[[nodiscard]] Status write_evidence(const std::string& stem, const ScenarioReport& report,
                                    boost::json::object& result, node::Console& console);

}  // namespace quorate::testnet
