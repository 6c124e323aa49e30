#include "testnet/commands/simulate_blame.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "testnet/blame_run.h"

namespace quorate::testnet {

namespace json = boost::json;
using node::ExitCode;

namespace {

constexpr std::uint64_t kProgressEvery = 25;
constexpr std::size_t kFaultsShown = 5;

}  // namespace

ExitCode simulate_blame(std::uint64_t first, std::uint64_t last, node::Console& console) {
  std::uint64_t broken = 0;
  std::uint64_t across = 0;
  std::uint64_t named = 0;
  std::uint64_t faults = 0;
  json::array failures;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const BlameReport report = run_blame(seed);
    broken += report.is_broken ? 1 : 0;
    across += report.is_broken && report.is_across_views() ? 1 : 0;
    named += report.named.size();
    if (report.fault) {
      failures.push_back(json::object{{"seed", seed}, {"fault", *report.fault}});
      if (++faults <= kFaultsShown) {
        console.line(fmt::format("seed {}: sequence {}, views {} and {}: {}", seed,
                                 report.sequence.value, report.one.value, report.other.value,
                                 *report.fault));
        console.line(fmt::format("  again: quorate simulate blame --seed {}", seed));
      }
    }
    if ((seed - first) % kProgressEvery == kProgressEvery - 1) {
      console.progress(fmt::format("{} of {} seeds, {} broken, {} of them across views, {} failed",
                                   seed - first + 1, last - first + 1, broken, across, faults));
    }
  }
  console.line(fmt::format("{} seeds: agreement broke in {}, {} within one view and {} across "
                           "views", last - first + 1, broken, broken - across, across));
  console.line(fmt::format("{} replicas were named; {} runs were blamed wrongly", named, faults));
  console.json(json::object{{"seeds", last - first + 1},
                            {"broken", broken},
                            {"across_views", across},
                            {"named", named},
                            {"failures", std::move(failures)}});
  return faults == 0 ? ExitCode::kSuccess : ExitCode::kUnsafe;
}

}  // namespace quorate::testnet
