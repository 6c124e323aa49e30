#include "testnet/pow_race.h"

#include <algorithm>
#include <cmath>

#include "crypto/check.h"

namespace quorate::testnet {
namespace {

void check_domain(double q, std::uint64_t z) {
  QUORATE_CHECK(q > 0 && q < 1 && z <= kRaceBlocksMax, "a share and a depth that were judged");
}

double real(std::uint64_t value) { return static_cast<double>(value); }

// Logarithms, so that nothing overflows at a depth of thousands.
double log_choose(std::uint64_t n, std::uint64_t k) {
  return std::lgamma(real(n) + 1) - std::lgamma(real(k) + 1) - std::lgamma(real(n - k) + 1);
}

double as_probability(double value) { return std::clamp(value, 0.0, 1.0); }

}  // namespace

double nakamoto_risk(double q, std::uint64_t z) {
  check_domain(q, z);
  const double p = 1 - q;
  if (q >= p || z == 0) return 1;
  const double lambda = real(z) * q / p;
  double safe = 0;
  for (std::uint64_t k = 0; k <= z; ++k) {
    const double log_poisson = real(k) * std::log(lambda) - lambda - std::lgamma(real(k) + 1);
    safe += std::exp(log_poisson) * (1 - std::pow(q / p, real(z - k)));
  }
  return as_probability(1 - safe);
}

double race_risk(double q, std::uint64_t z) {
  check_domain(q, z);
  const double p = 1 - q;
  if (q >= p || z == 0) return 1;
  const double log_p = std::log(p);
  const double log_q = std::log(q);
  double safe = 0;
  for (std::uint64_t m = 0; m < z; ++m) {
    const double ways = log_choose(m + z - 1, m);
    safe += std::exp(ways + real(z) * log_p + real(m) * log_q) -
            std::exp(ways + real(m) * log_p + real(z) * log_q);
  }
  return as_probability(1 - safe);
}

std::optional<std::uint64_t> blocks_for(double (*risk)(double, std::uint64_t), double q,
                                        double limit) {
  // The risk falls with z.
  std::uint64_t below = 0;
  std::uint64_t above = kRaceBlocksMax;
  if (risk(q, above) >= limit) return std::nullopt;
  while (below < above) {
    const std::uint64_t middle = below + (above - below) / 2;
    if (risk(q, middle) < limit) {
      above = middle;
    } else {
      below = middle + 1;
    }
  }
  return above;
}

double selfish_revenue(double alpha, double gamma) {
  QUORATE_CHECK(alpha > 0 && alpha < 0.5 && gamma >= 0 && gamma <= 1, "shares that were judged");
  const double others = 1 - alpha;
  const double gain = alpha * others * others * (4 * alpha + gamma * (1 - 2 * alpha)) -
                      alpha * alpha * alpha;
  return gain / (1 - alpha * (1 + (2 - alpha) * alpha));
}

double selfish_threshold(double gamma) { return (1 - gamma) / (3 - 2 * gamma); }

}  // namespace quorate::testnet
