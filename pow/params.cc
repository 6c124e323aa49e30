#include "pow/params.h"

#include <limits>
#include <utility>

#include "crypto/check.h"

namespace quorate::pow {
namespace {

constexpr Bits kMainLimit{0x1d00ffff};
constexpr Bits kRegtestLimit{0x207fffff};
constexpr std::uint64_t kIntervalMax = 1'000'000;
constexpr std::uint64_t kSpacingMax = 1'000'000;

Params named_params(std::string name, Bits limit_bits) {
  Params params;
  params.name = std::move(name);
  params.limit_bits = limit_bits;
  const auto limit = decode_target(limit_bits, u256_max());
  QUORATE_CHECK(limit.has_value(), "a limit that was judged before");
  params.limit = *limit;
  return params;
}

// The three differ in time, bits and nonce; the transaction in them is one.
Header genesis_of(std::uint32_t time, Bits bits, std::uint32_t nonce) {
  Header header;
  const auto root =
      parse_display_hex("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b");
  QUORATE_CHECK(root.has_value(), "a constant");
  header.merkle_root = *root;
  header.time = time;
  header.bits = bits;
  header.nonce = nonce;
  return header;
}

}  // namespace

Header bitcoin_genesis() { return genesis_of(1231006505, kMainLimit, 2083236893); }
Header testnet_genesis() { return genesis_of(1296688602, kMainLimit, 414098458); }
Header regtest_genesis() { return genesis_of(1296688602, kRegtestLimit, 2); }

Params bitcoin_params() {
  Params params = named_params("bitcoin", kMainLimit);
  params.genesis = hash_of(bitcoin_genesis());
  return params;
}

Params testnet_params() {
  Params params = named_params("testnet", kMainLimit);
  params.allows_late_minimum = true;
  params.genesis = hash_of(testnet_genesis());
  return params;
}

Params regtest_params() {
  Params params = named_params("regtest", kRegtestLimit);
  params.allows_late_minimum = true;
  params.retargets = false;
  params.genesis = hash_of(regtest_genesis());
  return params;
}

Result<Params> own_params(std::uint64_t spacing_seconds, std::uint64_t interval, Bits limit_bits) {
  if (interval < 2 || interval > kIntervalMax) {
    return fail(ErrorKind::kInvalid, "pow-params-bad-interval",
                "the interval is " + std::to_string(interval) + " blocks, expected 2 to 1000000",
                "Bitcoin retargets every 2016 blocks.");
  }
  if (spacing_seconds < 1 || spacing_seconds > kSpacingMax ||
      spacing_seconds * interval < 4 ||
      4 * spacing_seconds * interval > std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorKind::kInvalid, "pow-params-bad-spacing",
                "the spacing is " + std::to_string(spacing_seconds) +
                    " s, expected 1 to 1000000 with an interval of 4 s to 2^30 s",
                "Bitcoin's blocks are 600 s apart.");
  }
  if (!decode_target(limit_bits, u256_max())) {
    return fail(ErrorKind::kInvalid, "pow-params-bad-limit",
                "the limit is " + std::to_string(limit_bits.value) +
                    ", expected the canonical spelling of a target",
                "207fffff (as on regtest) takes two hashes a block, 1d00ffff four thousand "
                "million.");
  }
  Params params = named_params("own", limit_bits);
  params.spacing_seconds = static_cast<std::uint32_t>(spacing_seconds);
  params.interval = static_cast<std::uint32_t>(interval);
  return params;
}

Result<Params> params_of(const ledger::ChainRules& rules) {
  QUORATE_ASSIGN(Params params,
                 own_params(rules.spacing_seconds, rules.interval, Bits{rules.limit_bits}));
  params.allows_late_minimum = rules.allows_late_minimum;
  params.retargets = rules.retargets;
  return params;
}

ledger::ChainRules rules_of(const Params& params, ledger::ChainCarries carries) {
  return {carries,         params.limit_bits.value,    params.spacing_seconds,
          params.interval, params.allows_late_minimum, params.retargets};
}

Result<Params> find_params(std::string_view name) {
  if (name == "bitcoin") return bitcoin_params();
  if (name == "testnet") return testnet_params();
  if (name == "regtest") return regtest_params();
  return fail(ErrorKind::kInvalid, "pow-params-unknown",
              "found \"" + std::string(name) + "\" where a set of parameters was expected",
              "There are bitcoin, testnet and regtest.");
}

}  // namespace quorate::pow
