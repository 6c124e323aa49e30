#include "testnet/attack_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crypto/check.h"
#include "testnet/attack_runs.h"
#include "testnet/attack_world.h"
#include "testnet/pow_race.h"

namespace quorate::testnet {
namespace {

using Run = std::function<AttackCount(const Prng&)>;

// A point that is to be measured.
struct Plan {
  std::size_t series = 0;
  double x = 0;
  std::uint64_t runs = 0;
  std::optional<double> published;
  bool is_chance = false;  // a run counts 0 or 1
  Run run;
};

struct Design {
  AttackTable table;
  std::vector<Plan> plans;
};

constexpr std::uint64_t kRunsAPiece = 16;     // that one thread does in one go
constexpr std::uint64_t kSelfishBlocks = 100;  // at least, a run
constexpr std::uint64_t kStaleBlocks = 100;

double real(std::uint64_t value) { return static_cast<double>(value); }
double share_of(std::uint64_t part) { return real(part) / real(kMillion); }

// Of attacks that take a hundred blocks a run. Not so few that an error that is estimated from them
// is off itself.
std::uint64_t long_runs(std::uint64_t runs) { return runs / 2; }

// -- What is measured ----------------------------------------------------------------------------

Design double_spend_design(std::uint64_t runs) {
  constexpr double kRareBelow = 0.005;
  constexpr std::uint64_t kDepthMax = 20;
  Design design;
  design.table.title = "Double spending";
  design.table.text =
      "A payment is accepted when its block has so many blocks, its own among them. The attacker "
      "mines a branch without it from one secret block on, and shows it when it is longer. Counted "
      "is how often the others' chains then left the payment. Nakamoto's figure takes the "
      "attacker's progress as Poisson and is too small; the race itself is what the points must "
      "lie on.";
  design.table.source = "lines: Rosenfeld 2012, the race; dashed: Nakamoto 2008, section 11";
  design.table.x_name = "blocks on the payment, its own among them";
  design.table.y_name = "chance that it is spent twice";
  design.table.is_log_y = true;
  for (const std::uint64_t share : {100'000U, 200'000U, 300'000U, 400'000U}) {
    const double q = share_of(share);
    AttackSeries series{fmt::format("{:g} % of the work", 100 * q), {},
                        {{"the race", false, {}}, {"Nakamoto", true, {}}}};
    for (std::uint64_t z = 1; z <= kDepthMax && race_risk(q, z) >= kRareBelow; ++z) {
      series.curves[0].points.emplace_back(real(z), race_risk(q, z));
      series.curves[1].points.emplace_back(real(z), nakamoto_risk(q, z));
      if (z > 4 && z % 2 != 0) continue;
      const std::uint64_t give_up = give_up_at(share);
      design.plans.push_back({design.table.series.size(), real(z), runs, race_risk(q, z), true,
                              [=](const Prng& dice) {
                                return run_double_spend(dice, share, z, give_up);
                              }});
    }
    design.table.series.push_back(std::move(series));
  }
  return design;
}

Design selfish_design(std::uint64_t runs) {
  constexpr std::uint64_t kCurveStep = 10'000;
  Design design;
  design.table.title = "Selfish mining";
  design.table.text =
      "A miner keeps its blocks to itself and shows them when the others draw near, so that they "
      "waste work. Counted is its part of the chain's blocks, by its share of the work. In a tie "
      "gamma of the others hear its block first. Above the dashed line it gets more than its "
      "share.";
  design.table.source = "lines: Eyal and Sirer 2014, equation 8; dashed: honest mining";
  design.table.x_name = "share of the work";
  design.table.y_name = "share of the blocks";
  for (const std::uint64_t gamma : {0U, 500'000U, 1'000'000U}) {
    AttackSeries series{fmt::format("gamma {:g}", share_of(gamma)), {}, {{"formula", false, {}}}};
    for (std::uint64_t share = kCurveStep; share <= 470'000; share += kCurveStep) {
      series.curves[0].points.emplace_back(share_of(share),
                                           selfish_revenue(share_of(share), share_of(gamma)));
    }
    if (gamma == 0) {
      series.curves.push_back({"honest mining", true, {{0.01, 0.01}, {0.47, 0.47}}});
    }
    for (const std::uint64_t share : {100'000U, 200'000U, 250'000U, 300'000U, 350'000U, 400'000U,
                                      450'000U}) {
      design.plans.push_back({design.table.series.size(), share_of(share), long_runs(runs),
                              selfish_revenue(share_of(share), share_of(gamma)), false,
                              [=](const Prng& dice) {
                                return run_selfish(dice, share, gamma, kSelfishBlocks);
                              }});
    }
    design.table.series.push_back(std::move(series));
  }
  return design;
}

Design stale_design(std::uint64_t runs) {
  Design design;
  design.table.title = "Stale blocks";
  design.table.text =
      "A block takes some time to reach everybody, and what is found meanwhile is found beside "
      "it. Among many small miners the chain grows by a block in T and the delay: so "
      "delay / (T + delay) of all blocks are stale, since two that were found beside each other "
      "may see a third come. The often quoted 1 - exp(-delay / T) is the chance that a block gets "
      "a rival at all. Four pools waste less: whoever found the last block knows it at once.";
  design.table.source =
      "line: delay / (T + delay); dashed: 1 - exp(-delay / T), Decker and Wattenhofer 2013";
  design.table.x_name = "delay / T";
  design.table.y_name = "part of the blocks that are stale";
  design.table.is_log_x = true;
  design.table.is_log_y = true;
  design.table.series = {
      {"many small miners", {}, {{"renewal", false, {}}, {"fork chance", true, {}}}},
      {"four equal pools", {}, {}}};
  constexpr int kCurvePoints = 60;
  for (int i = 0; i <= kCurvePoints; ++i) {
    const double x = 0.003 * std::pow(200.0, static_cast<double>(i) / kCurvePoints);
    design.table.series[0].curves[0].points.emplace_back(x, x / (1 + x));
    design.table.series[0].curves[1].points.emplace_back(x, 1 - std::exp(-x));
  }
  for (const std::uint64_t delay_ms : {2'000U, 5'000U, 12'600U, 30'000U, 60'000U, 150'000U,
                                       300'000U}) {
    const double x = real(delay_ms * 1000) / real(kAttackSpacingUs);
    for (const std::size_t pools : {0U, 4U}) {
      const std::optional<double> published =
          pools == 0 ? std::optional(x / (1 + x)) : std::nullopt;
      design.plans.push_back({pools == 0 ? 0U : 1U, x, long_runs(runs), published, false,
                              [=](const Prng& dice) {
                                return run_stale(dice, pools, delay_ms * 1000, kStaleBlocks);
                              }});
    }
  }
  return design;
}

// Of the lesser of two independent Poisson variables, the sum of P(both > k).
double lesser_of(double a, double b) {
  double term_a = std::exp(-a);
  double term_b = std::exp(-b);
  double above_a = 1 - term_a;
  double above_b = 1 - term_b;
  double sum = 0;
  const double enough = 2 * std::max(a, b) + 60;
  for (double k = 0; k < enough; ++k) {
    sum += above_a * above_b;
    term_a *= a / (k + 1);
    term_b *= b / (k + 1);
    above_a = std::max(0.0, above_a - term_a);
    above_b = std::max(0.0, above_b - term_b);
  }
  return sum;
}

Design partition_design(std::uint64_t runs) {
  constexpr std::uint64_t kLongest = 48;
  Design design;
  design.table.title = "Partition and merge";
  design.table.text =
      "The network falls into two parts, and each goes on mining. When they meet, the part with "
      "less work gives up its blocks, and every transaction in them waits again. Counted are "
      "those blocks.";
  design.table.source = "lines: expectation of the lesser of two Poisson variables";
  design.table.x_name = "how long, in spacings T of blocks";
  design.table.y_name = "blocks thrown away";
  for (const std::uint64_t share : {500'000U, 700'000U, 900'000U}) {
    const double a = share_of(share);
    AttackSeries series{fmt::format("{:g} : {:g}", 100 * a, 100 - 100 * a), {},
                        {{"expectation", false, {}}}};
    for (std::uint64_t spacings = 1; spacings <= kLongest; ++spacings) {
      const double expected = lesser_of(a * real(spacings), (1 - a) * real(spacings));
      series.curves[0].points.emplace_back(real(spacings), expected);
      if (spacings != 2 && spacings != 6 && spacings % 12 != 0) continue;
      design.plans.push_back({design.table.series.size(), real(spacings), runs, expected, false,
                              [=](const Prng& dice) {
                                return run_partition(dice, share, spacings);
                              }});
    }
    design.table.series.push_back(std::move(series));
  }
  return design;
}

using MakeDesign = Design (*)(std::uint64_t runs);
const std::vector<std::pair<std::string_view, MakeDesign>>& designs() {
  static const std::vector<std::pair<std::string_view, MakeDesign>> kAll = {
      {"double-spend", double_spend_design},
      {"selfish", selfish_design},
      {"stale", stale_design},
      {"partition", partition_design}};
  return kAll;
}

// -- Measuring -----------------------------------------------------------------------------------

// Sums of whole numbers, so that their order does not matter.
struct Sums {
  std::uint64_t part = 0;
  std::uint64_t whole = 0;
  std::uint64_t part_part = 0;
  std::uint64_t part_whole = 0;
  std::uint64_t whole_whole = 0;

  void add(const AttackCount& count) {
    part += count.part;
    whole += count.whole;
    part_part += count.part * count.part;
    part_whole += count.part * count.whole;
    whole_whole += count.whole * count.whole;
  }
  void add(const Sums& other) {
    part += other.part;
    whole += other.whole;
    part_part += other.part_part;
    part_whole += other.part_whole;
    whole_whole += other.whole_whole;
  }
};

// A ratio of sums, and its standard error (Cochran, "Sampling techniques", §2.11).
AttackPoint point_of(const Plan& plan, const Sums& sums) {
  AttackPoint point;
  point.x = plan.x;
  point.runs = plan.runs;
  point.published = plan.published;
  const double n = real(plan.runs);
  const double ratio = real(sums.part) / real(sums.whole);
  point.simulated = ratio;
  const double spread = real(sums.part_part) - 2 * ratio * real(sums.part_whole) +
                        ratio * ratio * real(sums.whole_whole);
  point.error = std::sqrt(std::max(0.0, spread) / (n * (n - 1))) * n / real(sums.whole);
  if (plan.is_chance && plan.published) {
    // If the formula is true this is the error, and it is none even where nothing was hit.
    point.error = std::sqrt(*plan.published * (1 - *plan.published) / n);
  }
  return point;
}

}  // namespace

std::optional<double> AttackPoint::apart() const {
  if (!published || error == 0) return std::nullopt;
  return (simulated - *published) / error;
}

AttackTable::Fit AttackTable::fit() const {
  Fit fit;
  for (const AttackSeries& each : series) {
    for (const AttackPoint& point : each.points) {
      const auto apart = point.apart();
      if (!apart) continue;
      ++fit.points;
      fit.farthest = std::max(fit.farthest, std::abs(*apart));
      fit.squares += *apart * *apart;
    }
  }
  return fit;
}

const std::vector<std::string_view>& attack_names() {
  static const std::vector<std::string_view> kNames = [] {
    std::vector<std::string_view> names;
    for (const auto& [name, make] : designs()) names.push_back(name);
    return names;
  }();
  return kNames;
}

AttackTable run_attack(std::string_view name, std::uint64_t seed, std::uint64_t runs,
                       const Distribute& distribute) {
  const auto found =
      std::ranges::find(designs(), name, [](const auto& each) { return each.first; });
  QUORATE_CHECK(found != designs().end() && runs >= kAttackRunsMin, "an attack that is known");
  Design design = found->second(runs);
  design.table.name = name;
  const Prng dice =
      Prng(seed).fork(static_cast<std::uint64_t>(found - designs().begin()) + 1);

  struct Piece {
    std::size_t plan;
    std::uint64_t first;
    std::uint64_t last;
    Sums sums;
  };
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < design.plans.size(); ++i) {
    for (std::uint64_t first = 0; first < design.plans[i].runs; first += kRunsAPiece) {
      pieces.push_back({i, first, std::min(first + kRunsAPiece, design.plans[i].runs), {}});
    }
  }
  distribute(pieces.size(), [&] {
    return [&](std::uint64_t number) {
      Piece& piece = pieces[number];
      const Plan& plan = design.plans[piece.plan];
      const Prng here = dice.fork(piece.plan + 1);
      for (std::uint64_t run = piece.first; run < piece.last; ++run) {
        piece.sums.add(plan.run(here.fork(run + 1)));
      }
    };
  });

  std::vector<Sums> sums(design.plans.size());
  for (const Piece& piece : pieces) sums[piece.plan].add(piece.sums);
  for (std::size_t i = 0; i < design.plans.size(); ++i) {
    design.table.series[design.plans[i].series].points.push_back(
        point_of(design.plans[i], sums[i]));
  }
  return std::move(design.table);
}

}  // namespace quorate::testnet
