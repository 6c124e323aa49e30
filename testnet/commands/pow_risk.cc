// quorate pow risk

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <charconv>
#include <memory>

#include "testnet/commands/registry.h"
#include "testnet/pow_race.h"

namespace quorate::testnet {
namespace {

using node::Console;
using node::ExitCode;

constexpr double kSmallRisk = 0.001;

struct Options {
  std::string attacker = "10%";
  std::uint64_t depth = 6;
};

// "10%" or "0.1".
Result<double> parse_share(const std::string& text) {
  const bool is_percent = text.ends_with('%');
  const char* end = text.data() + text.size() - (is_percent ? 1 : 0);
  double share = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, share);
  if (is_percent) share /= 100;
  if (error == std::errc{} && stop == end && share > 0 && share < 1) return share;
  return fail(ErrorKind::kUsage, "pow-share-malformed",
              fmt::format("found \"{}\" where a share of the work was expected", text),
              "Give more than none and less than all of it, as in 10% or 0.1.");
}

std::string blocks_text(std::optional<std::uint64_t> blocks) {
  return blocks ? fmt::format("{}", *blocks) : fmt::format("more than {}", kRaceBlocksMax);
}

Result<ExitCode> risk(const Options& options, Console& console) {
  QUORATE_ASSIGN(const double q, parse_share(options.attacker));
  if (options.depth < 1 || options.depth > kRaceBlocksMax) {
    return fail(ErrorKind::kUsage, "usage",
                fmt::format("found --depth {}, expected 1 to {}", options.depth, kRaceBlocksMax));
  }
  const std::uint64_t z = options.depth - 1;
  const auto enough = blocks_for(race_risk, q, kSmallRisk);
  const auto enough_nakamoto = blocks_for(nakamoto_risk, q, kSmallRisk);
  console.line(fmt::format("An attacker with {:g}% of the work rewrites a block at depth {}, with "
                           "{} block{} after it:",
                           q * 100, options.depth, z, z == 1 ? "" : "s"));
  console.line(fmt::format("  {:.7f}  the race itself (Rosenfeld)", race_risk(q, z)));
  console.line(fmt::format("  {:.7f}  Nakamoto's approximation (Bitcoin, section 11)",
                           nakamoto_risk(q, z)));
  console.line(fmt::format("Blocks after it for a risk below 0.1%: {} by the race, {} by "
                           "Nakamoto's",
                           blocks_text(enough), blocks_text(enough_nakamoto)));
  boost::json::object out{{"attacker", q},
                          {"depth", options.depth},
                          {"race", race_risk(q, z)},
                          {"nakamoto", nakamoto_risk(q, z)},
                          {"blocks_after_for_0.1%", nullptr}};
  if (enough) out["blocks_after_for_0.1%"] = *enough;
  console.json(out);
  return ExitCode::kSuccess;
}

}  // namespace

void add_pow_risk_command(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "pow risk",
            .sentence = "How likely an attacker rewrites a block, by its share and the depth",
            .details = "The attacker starts when the block does and never gives up. The tip has "
                       "depth 1. Nakamoto's figure is\nthe one that is often quoted; it is too "
                       "small, as the race shows.",
            .example = "  quorate pow risk --attacker 30% --depth 25",
            .parameters = {{.name = "--attacker",
                            .value = "SHARE",
                            .help = "Of all the work; default 10%",
                            .target = &options->attacker},
                           {.name = "--depth",
                            .value = "N",
                            .help = "Of the block; default 6",
                            .target = &options->depth}},
            .run = [options](Console& console) { return risk(*options, console); }});
}

}  // namespace quorate::testnet
