#pragma once

// The genesis document: everything that all replicas agree on before the first vote.
//
// On disk it is JSON, written by hand and by `quorate testnet up`; its digest over the canonical
// encoding of the parsed values (so spaces and key order do not matter) is the chain id, which
// every signature covers. An unknown JSON field is refused: a misspelt limit must not be silently
// dropped.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/bcs.h"
#include "ledger/types.h"

namespace quorate::ledger {

struct ReplicaInfo {
  std::string name;       // for people; unique, 1 to 64 characters of [a-z0-9.-]
  PublicKey vote_key;     // signs protocol messages
  PublicKey network_key;  // stands in the TLS certificate

  friend bool operator==(const ReplicaInfo&, const ReplicaInfo&) = default;
};

struct GenesisAccount {
  PublicKey key;
  std::uint64_t balance = 0;
};

// Genesis constants. Durations in milliseconds, sizes in bytes.
struct Parameters {
  std::uint32_t window_batches = 8;            // W: batches in flight; watermark window L = 4W
  std::uint32_t checkpoint_interval = 16;      // K: sequences; K <= L/2
  std::uint64_t checkpoint_quiet_ms = 1000;    // C: agreed time between flagged checkpoints
  std::uint64_t time_slack_ms = 500;           // a proposal may lead a correct clock by this much
  std::uint64_t valid_until_horizon_ms = 86'400'000;  // valid-until may lie this far ahead
  std::uint32_t batch_transactions_max = 1000;
  std::uint32_t batch_bytes_max = 1 << 20;
  std::uint32_t transaction_bytes_max = 128 << 10;    // <= batch_bytes_max
  std::uint32_t sender_pending_max = 10'000;   // quota: unsettled transactions of one sender a node
};

// What a chain of proof of work carries: the transactions themselves (the engine `pow`), or anchors
// of what replicas agreed on (`both`).
enum class ChainCarries : std::uint8_t { kTransactions, kAnchors };

// The rules of the network's chain (pow/params.h judges them; here they are numbers).
struct ChainRules {
  ChainCarries carries = ChainCarries::kTransactions;
  std::uint32_t limit_bits = 0x207fffff;  // the easiest target, compact
  std::uint32_t spacing_seconds = 10;
  std::uint32_t interval = 2016;          // blocks between retargets
  bool allows_late_minimum = false;
  bool retargets = true;

  friend bool operator==(const ChainRules&, const ChainRules&) = default;
};

struct Genesis {
  std::uint32_t format = 1;  // 2 with `pow`
  std::string name;    // of the network, for people; 1 to 64 characters of [a-z0-9.-]
  TimeMs time;         // agreed time before the first batch
  bool testnet = false;  // laboratory behaviours are refused elsewhere
  std::uint16_t faults = 0;  // f that the operators count on; must be <= faults_tolerated(n)
  std::vector<ReplicaInfo> replicas;
  std::optional<std::vector<PublicKey>> senders;  // nullopt: anyone may send
  std::vector<GenesisAccount> accounts;
  Parameters parameters;
  std::optional<ChainRules> pow;  // nullopt: no chain of proof of work
};

inline constexpr std::uint32_t kGenesisFormat = 2;  // 1: without `pow`
inline constexpr std::size_t kReplicasMax = 400;
inline constexpr std::size_t kNameCharactersMax = 64;

// 1 to kNameCharactersMax characters of [a-z0-9.-].
[[nodiscard]] bool is_name(std::string_view name);

// Says which rules its chain has, and the format that this takes.
void set_chain_rules(Genesis& genesis, const ChainRules& rules);

// The chain id. Of format 1 the rules of a chain are no part of it, since there are none.
[[nodiscard]] Digest chain_id_of(const Genesis& genesis);

// Errors (kInvalid): "genesis-malformed" (with line where JSON is broken, or the field, found and
// expected), "genesis-unknown-field", "genesis-duplicate-key", "genesis-invalid-key",
// "genesis-duplicate-name", "genesis-too-few-replicas", "genesis-bad-parameter",
// "genesis-balance-overflow"; "genesis-newer-format" (kUnsupported).
[[nodiscard]] Result<Genesis> parse_genesis(std::string_view json);
[[nodiscard]] std::string genesis_to_json(const Genesis& genesis);
// What parse_genesis judges beyond syntax.
[[nodiscard]] Status validate_genesis(const Genesis& genesis);

}  // namespace quorate::ledger

template <>
inline constexpr quorate::ledger::ChainCarries
    quorate::crypto::bcs::enum_max<quorate::ledger::ChainCarries> =
        quorate::ledger::ChainCarries::kAnchors;
