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

struct Genesis {
  std::uint32_t format = 1;
  std::string name;    // of the network, for people; 1 to 64 characters of [a-z0-9.-]
  TimeMs time;         // agreed time before the first batch
  bool testnet = false;  // laboratory behaviours are refused elsewhere
  std::uint16_t faults = 0;  // f that the operators count on; must be <= faults_tolerated(n)
  std::vector<ReplicaInfo> replicas;
  std::optional<std::vector<PublicKey>> senders;  // nullopt: anyone may send
  std::vector<GenesisAccount> accounts;
  Parameters parameters;
};

inline constexpr std::uint32_t kGenesisFormat = 1;
inline constexpr std::size_t kReplicasMax = 400;
inline constexpr std::size_t kNameCharactersMax = 64;

// 1 to kNameCharactersMax characters of [a-z0-9.-].
[[nodiscard]] bool is_name(std::string_view name);

// The chain id.
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
