#include "node/pow_rules.h"

#include <fmt/format.h>

#include <charconv>

#include "crypto/sha256.h"
#include "pow/anchored_receipt.h"
#include "pow/miner.h"

namespace quorate::node {
namespace {

struct PowNetwork {
  ledger::Digest chain_id;
  std::uint32_t limit_bits = 0;
  std::uint32_t spacing_seconds = 0;
  std::uint32_t interval = 0;
  bool allows_late_minimum = false;
  bool retargets = false;
};

}  // namespace

Result<PowRules> rules_of(const Config& config) {
  PowRules rules{config.pow_params, config.pow_spacing_seconds, config.pow_interval, {}};
  QUORATE_ASSIGN(rules.limit, parse_bits(config.pow_limit));
  return rules;
}

Result<pow::Params> params_of(const PowRules& rules) {
  if (rules.params != "own") return pow::find_params(rules.params);
  return pow::own_params(rules.spacing_seconds, rules.interval, rules.limit);
}

Result<pow::Params> chain_params(const ledger::Genesis& genesis, const Config& config) {
  if (config.engine == "both") return pow::anchor_params(genesis);
  if (!genesis.pow) {
    QUORATE_ASSIGN(const PowRules rules, rules_of(config));
    return params_of(rules);
  }
  if (genesis.pow->carries == ledger::ChainCarries::kTransactions) {
    return pow::params_of(*genesis.pow);
  }
  return fail(ErrorKind::kInvalid, "engine-other-chain",
              fmt::format("genesis \"{}\" has a chain whose blocks carry anchors, found the engine "
                          "{}",
                          genesis.name, config.engine),
              "Set node.engine to both, or to pbft for a node without the chain.");
}

Result<pow::Bits> parse_bits(std::string_view text) {
  pow::Bits bits;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, bits.value, 16);
  if (error == std::errc{} && stop == end && text.size() == 8) return bits;
  return fail(ErrorKind::kInvalid, "pow-bits-malformed",
              fmt::format("found \"{}\" where compact bits were expected", text),
              "Give eight hex digits, as in 207fffff.");
}

ledger::Digest pow_network_id(const ledger::Genesis& genesis, const pow::Params& params) {
  return crypto::digest_of("pow-network",
                           PowNetwork{ledger::chain_id_of(genesis), params.limit_bits.value,
                                      params.spacing_seconds, params.interval,
                                      params.allows_late_minimum, params.retargets});
}

Result<pow::BlockPtr> mine_block_0(const ledger::Genesis& genesis, const pow::Params& params,
                                   unsigned threads) {
  QUORATE_ASSIGN(pow::Block draft, pow::draft_block_0(genesis, params));
  const std::atomic<bool> stop = false;
  const pow::Search search = pow::search_nonce(draft.header, threads, stop);
  if (search.found) return pow::finish_block(std::move(draft), *search.found);
  return fail(ErrorKind::kRejected, "pow-genesis-not-minable",
              "none of the 2^32 nonces of block 0 meets the limit",
              "Make another genesis document, or choose an easier limit.");
}

}  // namespace quorate::node
