#pragma once

// Attacks many times over, beside what the papers say: a table each, for people and for charts.
//
// The runs are those of attack_runs.h, on real chains, and their counts are integers; what is
// made of the counts here is for people. One seed gives one table, whatever the threads.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quorate::testnet {

struct AttackPoint {
  double x = 0;
  std::uint64_t runs = 0;
  double simulated = 0;
  double error = 0;                 // standard error
  std::optional<double> published;  // nullopt: nobody has a closed form

  // How many standard errors apart.
  [[nodiscard]] std::optional<double> apart() const;
};

struct AttackCurve {
  std::string name;
  bool is_dashed = false;  // another formula than the one that the points are held to
  std::vector<std::pair<double, double>> points;
};

struct AttackSeries {
  std::string name;
  std::vector<AttackPoint> points;
  std::vector<AttackCurve> curves;
};

struct AttackTable {
  std::string name;
  std::string title;
  std::string text;    // what was done, and what it is held to
  std::string source;  // of the curve
  std::string x_name;
  std::string y_name;
  bool is_log_x = false;
  bool is_log_y = false;
  std::vector<AttackSeries> series;

  // Over all points that something was published for. The sum of squares of N of them is N on
  // average, give or take the root of 2N.
  struct Fit {
    std::size_t points = 0;
    double farthest = 0;
    double squares = 0;
  };
  [[nodiscard]] Fit fit() const;
};

// "double-spend" and so on, in the order in which they are told.
[[nodiscard]] const std::vector<std::string_view>& attack_names();

// As on_all_cores (all_cores.h).
using Distribute = std::function<void(
    std::uint64_t count, const std::function<std::function<void(std::uint64_t)>()>& make_worker)>;

// `runs` is how many payments are attacked at each point; other attacks take more blocks a run and
// fewer runs. Preconditions: a name of attack_names, runs >= kAttackRunsMin (checked).
inline constexpr std::uint64_t kAttackRunsMin = 100;
inline constexpr std::uint64_t kAttackRunsMax = 10'000'000;
[[nodiscard]] AttackTable run_attack(std::string_view name, std::uint64_t seed, std::uint64_t runs,
                                     const Distribute& distribute);

}  // namespace quorate::testnet
