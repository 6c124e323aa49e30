#pragma once

// Honest replicas under moderate load, and no reason to change a view.
//
// Nothing fails, but nothing is even either: delays jitter, now and then by a tenth of a second,
// packets are lost and repeated, clocks are apart by part of the slack, clients leave gaps in their
// nonces, sign two transactions with one nonce, let some expire, come in bursts and fall silent.
// Whoever leaves view 0 here blames an honest primary.

#include <cstdint>
#include <string>

#include "testnet/random_run.h"

namespace quorate::testnet {

struct HonestOptions {
  std::size_t replicas = 4;
  std::uint64_t seed = 1;
  std::uint64_t seconds = 3600;  // of load, in virtual time
};

struct HonestReport {
  RunReport run;
  std::uint64_t left = 0;    // times that a replica left its view
  std::string first;         // who did so first, when and why; empty: nobody
  std::uint64_t settled = 0;
  std::uint64_t expired = 0;

  [[nodiscard]] bool is_quiet() const { return left == 0 && run.verdict == Verdict::kSound; }
};

[[nodiscard]] HonestReport run_honest(const HonestOptions& options);

}  // namespace quorate::testnet
