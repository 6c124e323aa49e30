#pragma once

// How likely it is that someone with a share of the work rewrites what stands in the chain.
//
// Closed forms, for people: no choice of a node depends on them. Pure functions, thread-safe; the
// answers are good to ten digits.

#include <cstdint>
#include <optional>

namespace quorate::testnet {

inline constexpr std::uint64_t kRaceBlocksMax = 10'000;

// That an attacker with the share `q` of the work, who started when the block did, ever draws level
// after `z` blocks were linked after it. Preconditions of both: 0 < q < 1, z <= kRaceBlocksMax
// (checked).
//
// Nakamoto's (Bitcoin, §11): the attacker's progress by then taken as Poisson, an approximation.
[[nodiscard]] double nakamoto_risk(double q, std::uint64_t z);
// The race itself, where that progress has a negative binomial distribution (Rosenfeld, "Analysis
// of hashrate-based double-spending", §5): larger, and what a simulation finds.
[[nodiscard]] double race_risk(double q, std::uint64_t z);

// The least number of blocks after which `risk(q, z)` is below `limit`; nullopt: none up to
// kRaceBlocksMax, as for a majority.
[[nodiscard]] std::optional<std::uint64_t> blocks_for(double (*risk)(double, std::uint64_t),
                                                      double q, double limit);

// The share of the blocks that a selfish miner with `alpha` of the work gets, where `gamma` of the
// others mine on its block in a tie, and the alpha from which on it pays. Eyal and Sirer, "Majority
// is not enough", equation 8 and observation 1. Precondition: 0 < alpha < 1/2, 0 <= gamma <= 1.
[[nodiscard]] double selfish_revenue(double alpha, double gamma);
[[nodiscard]] double selfish_threshold(double gamma);

}  // namespace quorate::testnet
