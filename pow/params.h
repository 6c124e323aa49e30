#pragma once

// What a chain of its kind agrees on: limits, spacing, retargeting.
//
// Three sets are Bitcoin's (source: Bitcoin Core, kernel/chainparams.cpp), so that real headers can
// be held against the same code that judges ours; `own` is for everybody else.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/genesis.h"
#include "pow/header.h"

namespace quorate::pow {

struct Params {
  std::string name;
  Bits limit_bits;   // the easiest target, in its canonical spelling
  U256 limit;        // the same as a number
  std::uint32_t spacing_seconds = 600;  // wanted between blocks
  std::uint32_t interval = 2016;        // blocks between retargets; at least 2
  // A block later than twice the spacing after its parent may (and then must) have the limit as its
  // target: Bitcoin's test network since 2012.
  bool allows_late_minimum = false;
  bool retargets = true;
  std::uint32_t future_seconds_max = 7200;  // how far a header may lead the own clock
  std::optional<Digest> genesis;            // hash of block 0; nullopt: whatever block 0 is

  // T: the time that an interval should take.
  [[nodiscard]] std::uint64_t timespan_seconds() const {
    return std::uint64_t{spacing_seconds} * interval;
  }
};

[[nodiscard]] Params bitcoin_params();  // the main network
[[nodiscard]] Params testnet_params();  // test network 3
[[nodiscard]] Params regtest_params();

// A chain of one's own: retargets like the main network, with these constants.
// Errors (kInvalid): "pow-params-bad-interval" (2 to 1,000,000), "pow-params-bad-spacing" (1 to
// 1,000,000, and T from 4 s, below which a quarter of it is nothing, to 2^30 s),
// "pow-params-bad-limit".
[[nodiscard]] Result<Params> own_params(std::uint64_t spacing_seconds, std::uint64_t interval,
                                        Bits limit_bits);

// "bitcoin", "testnet" or "regtest". Error: "pow-params-unknown" (kInvalid).
[[nodiscard]] Result<Params> find_params(std::string_view name);

// The rules that a genesis document gives its chain. Errors: those of own_params.
[[nodiscard]] Result<Params> params_of(const ledger::ChainRules& rules);
// The way back.
[[nodiscard]] ledger::ChainRules rules_of(const Params& params, ledger::ChainCarries carries);

// Bitcoin's first blocks.
[[nodiscard]] Header bitcoin_genesis();
[[nodiscard]] Header testnet_genesis();
[[nodiscard]] Header regtest_genesis();

}  // namespace quorate::pow
