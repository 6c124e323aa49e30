#pragma once

// The rules of a proof-of-work chain as people choose them, and what follows from them and the
// genesis document: the parameters, block 0, and the name of the network.

#include <cstdint>
#include <string>

#include "ledger/genesis.h"
#include "node/config.h"
#include "pow/memory_chain.h"

namespace quorate::node {

inline constexpr std::size_t kPowBlockBytesMax = 1 << 20;

struct PowRules {
  // As `quorate pow check-headers` has them: bitcoin, testnet, regtest or own.
  std::string params = "own";
  std::uint64_t spacing_seconds = 10;  // of own, as the two below
  std::uint64_t interval = 2016;
  pow::Bits limit{0x207fffff};
};

// Error: "pow-bits-malformed".
[[nodiscard]] Result<PowRules> rules_of(const Config& config);
// Errors: those of pow::find_params and pow::own_params.
[[nodiscard]] Result<pow::Params> params_of(const PowRules& rules);
// Those of the node's chain: genesis has them; where it has none, as in networks made before it
// could, the settings. Errors: "genesis-without-anchors" (kUnsupported: engine `both`),
// "engine-other-chain" (kInvalid: engine `pow`, and blocks carry anchors), and as above.
[[nodiscard]] Result<pow::Params> chain_params(const ledger::Genesis& genesis,
                                               const Config& config);
// Eight hex digits, as in 207fffff. Error: "pow-bits-malformed" (kInvalid).
[[nodiscard]] Result<pow::Bits> parse_bits(std::string_view text);

// What two nodes must share to be of one network: genesis document and rules. Block 0 follows.
[[nodiscard]] ledger::Digest pow_network_id(const ledger::Genesis& genesis,
                                            const pow::Params& params);

// Block 0 with the smallest nonce that meets the limit, so everybody makes the same one. Errors:
// "pow-genesis-time" (kInvalid), "pow-genesis-not-minable" (kRejected).
[[nodiscard]] Result<pow::BlockPtr> mine_block_0(const ledger::Genesis& genesis,
                                                 const pow::Params& params, unsigned threads);

}  // namespace quorate::node
