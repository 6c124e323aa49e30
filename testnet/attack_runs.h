#pragma once

// Attacks on a proof-of-work chain, one run each, in a world of real chains (attack_world.h).
//
// A run is a function of its dice: one seed, one history. Shares are parts of a million of the
// work. Thread-safe, as nothing is shared.

#include <cstdint>

#include "testnet/prng.h"

namespace quorate::testnet {

// What a run counts, `part` of `whole`.
struct AttackCount {
  std::uint64_t part = 0;
  std::uint64_t whole = 0;

  friend bool operator==(const AttackCount&, const AttackCount&) = default;
};

// A payment gets `depth` blocks, its own among them; the attacker, who has one block in secret when
// it pays, mines a branch without it and shows it as soon as the payment is that deep and the
// branch is longer. It gives up when `give_up` blocks are missing. 1 of 1 if the payment left the
// chain of everybody else. (Rosenfeld, "Analysis of hashrate-based double-spending", §3; the block
// in secret is what makes drawing level in the formula a longer branch here.)
[[nodiscard]] AttackCount run_double_spend(const Prng& dice, std::uint64_t share,
                                           std::uint64_t depth, std::uint64_t give_up);
// The least deficit from which an attacker with this share comes back less than once in a million.
[[nodiscard]] std::uint64_t give_up_at(std::uint64_t share);

// Eyal and Sirer, "Majority is not enough", algorithm 1: blocks of the attacker on the chain at the
// end, of all on it. In a tie `gamma` of the others' work hears of the attacker's block first. It
// ends at the first moment after `blocks` finds at which all agree, so that no branch is cut off.
[[nodiscard]] AttackCount run_selfish(const Prng& dice, std::uint64_t share, std::uint64_t gamma,
                                      std::uint64_t blocks);

// Blocks that ended beside the chain, of all that were found, if each takes `delay_us` to all
// others. `pools` 0: so many miners that none finds the next block while its last is on its way. It
// ends at the first find after `blocks` before which all agree.
[[nodiscard]] AttackCount run_stale(const Prng& dice, std::size_t pools, std::uint64_t delay_us,
                                    std::uint64_t blocks);

// A network in two parts, one with `share`, for so long as `spacings` blocks take; then the parts
// meet and agree. Blocks that were thrown away, of one partition.
[[nodiscard]] AttackCount run_partition(const Prng& dice, std::uint64_t share,
                                        std::uint64_t spacings);

}  // namespace quorate::testnet
