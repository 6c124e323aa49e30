#include "ledger/genesis.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "crypto/signing.h"
#include "ledger/quorum.h"

namespace quorate::ledger {
namespace {

constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::uint64_t kTimeMsMax = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z

constexpr std::string_view kCorrect = "Correct the genesis document; every replica needs the same.";

[[nodiscard]] tl::unexpected<Error> refuse(std::string_view code, std::string message,
                                           std::string_view next = kCorrect) {
  return fail(ErrorKind::kInvalid, code, std::move(message), std::string(next));
}

[[nodiscard]] Status check_name(std::string_view field, std::string_view name) {
  if (is_name(name)) return {};
  return refuse("genesis-malformed",
                fmt::format("{} has {} characters that are not all of a-z, 0-9, '.' and '-'; 1 to "
                            "{} such characters were expected",
                            field, name.size(), kNameCharactersMax));
}

// The keys of one group and where each was named first.
class KeyRegister {
 public:
  [[nodiscard]] Status add(const PublicKey& key, std::string where) {
    if (auto admitted = crypto::admit_public_key(key); !admitted) {
      return refuse("genesis-invalid-key", fmt::format("{}: {}", where, admitted.error().message),
                    admitted.error().next);
    }
    const auto [it, is_new] = seen_.emplace(key, where);
    if (is_new) return {};
    return refuse("genesis-duplicate-key",
                  fmt::format("{} is the key {} again; it stands at {} already", where, key.hex(),
                              it->second),
                  "Give every replica a vote key and a network key of its own, and list a sender "
                  "or an account once.");
  }

 private:
  std::map<PublicKey, std::string> seen_;
};

[[nodiscard]] Status check_replicas(const Genesis& genesis) {
  const std::size_t n = genesis.replicas.size();
  // 3f+1 replicas outvote f liars, and no smaller number does.
  const std::size_t needed = 3 * std::size_t{genesis.faults} + 1;
  if (n < needed) {
    return refuse(
        "genesis-too-few-replicas",
        fmt::format("found {} replicas; faults = {} needs at least {}", n, genesis.faults, needed),
        "Add replicas, or count on fewer faults.");
  }
  if (n > kReplicasMax) {
    return refuse("genesis-bad-parameter",
                  fmt::format("replicas: found {}; 1 to {} were expected", n, kReplicasMax));
  }
  std::set<std::string_view> names;
  KeyRegister keys;
  for (std::size_t i = 0; i < n; ++i) {
    const ReplicaInfo& replica = genesis.replicas[i];
    QUORATE_TRY(check_name(fmt::format("replicas[{}].name", i), replica.name));
    if (!names.insert(replica.name).second) {
      return refuse("genesis-duplicate-name",
                    fmt::format("replicas[{}].name is \"{}\", which another replica has already", i,
                                replica.name),
                    "Give every replica a name of its own.");
    }
    QUORATE_TRY(keys.add(replica.vote_key, fmt::format("replicas[{}].vote_key", i)));
    QUORATE_TRY(keys.add(replica.network_key, fmt::format("replicas[{}].network_key", i)));
  }
  return {};
}

[[nodiscard]] Status check_senders(const Genesis& genesis) {
  if (!genesis.senders) return {};
  if (genesis.senders->empty()) {
    return refuse("genesis-bad-parameter",
                  "senders: found an empty list, with which nobody could send; at least one key "
                  "was expected",
                  "List a key, or leave `senders` out to let anyone send.");
  }
  KeyRegister keys;
  for (std::size_t i = 0; i < genesis.senders->size(); ++i) {
    QUORATE_TRY(keys.add((*genesis.senders)[i], fmt::format("senders[{}]", i)));
  }
  return {};
}

[[nodiscard]] Status check_accounts(const Genesis& genesis) {
  KeyRegister keys;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < genesis.accounts.size(); ++i) {
    const GenesisAccount& account = genesis.accounts[i];
    QUORATE_TRY(keys.add(account.key, fmt::format("accounts[{}].key", i)));
    // No later sum can overflow: transfers only move what is here.
    if (__builtin_add_overflow(total, account.balance, &total)) {
      return refuse("genesis-balance-overflow",
                    fmt::format("the balances up to accounts[{}] add up to more than {} units", i,
                                UINT64_MAX),
                    "Lower the balances.");
    }
  }
  return {};
}

[[nodiscard]] Status check_range(std::string_view field, std::uint64_t value, std::uint64_t least,
                                 std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return refuse("genesis-bad-parameter",
                fmt::format("{}: found {}; {} to {} was expected", field, value, least, most));
}

[[nodiscard]] Status check_parameters(const Parameters& p) {
  QUORATE_TRY(check_range("parameters.window_batches", p.window_batches, 1, 1024));
  // K <= L/2 with L = 4W, else a window could fill before a checkpoint in it becomes stable.
  QUORATE_TRY(check_range("parameters.checkpoint_interval", p.checkpoint_interval, 1,
                          std::uint64_t{2} * p.window_batches));
  QUORATE_TRY(check_range("parameters.checkpoint_quiet_ms", p.checkpoint_quiet_ms, 1, kDayMs));
  QUORATE_TRY(check_range("parameters.time_slack_ms", p.time_slack_ms, 1, kDayMs / 24));
  // Admission refuses what is within a slack of its expiry, and clocks differ by another.
  QUORATE_TRY(check_range("parameters.valid_until_horizon_ms", p.valid_until_horizon_ms,
                          4 * p.time_slack_ms, 366 * kDayMs));
  QUORATE_TRY(
      check_range("parameters.batch_transactions_max", p.batch_transactions_max, 1, 100'000));
  QUORATE_TRY(check_range("parameters.batch_bytes_max", p.batch_bytes_max, 1024, 64 << 20));
  // The smallest transaction has about 150 bytes.
  QUORATE_TRY(check_range("parameters.transaction_bytes_max", p.transaction_bytes_max, 256,
                          std::min<std::uint64_t>(p.batch_bytes_max, 1 << 20)));
  return check_range("parameters.sender_pending_max", p.sender_pending_max, 1, 1'000'000);
}

// Whether the limit is a target's spelling is for pow/ to say.
[[nodiscard]] Status check_chain_rules(const Genesis& genesis) {
  if (!genesis.pow) return {};
  QUORATE_TRY(check_range("pow.spacing_seconds", genesis.pow->spacing_seconds, 1, 1'000'000));
  QUORATE_TRY(check_range("pow.interval", genesis.pow->interval, 2, 1'000'000));
  // Block 0 has this time, in 32 bits.
  return check_range("time_ms of a document with pow", genesis.time.value, 0,
                     std::uint64_t{UINT32_MAX} * 1000);
}

}  // namespace

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameCharactersMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
         });
}

void set_chain_rules(Genesis& genesis, const ChainRules& rules) {
  genesis.pow = rules;
  genesis.format = kGenesisFormat;
}

Digest chain_id_of(const Genesis& genesis) {
  Bytes bytes;
  crypto::encode_to(bytes, genesis.format);
  crypto::encode_to(bytes, genesis.name);
  crypto::encode_to(bytes, genesis.time);
  crypto::encode_to(bytes, genesis.testnet);
  crypto::encode_to(bytes, genesis.faults);
  crypto::encode_to(bytes, genesis.replicas);
  crypto::encode_to(bytes, genesis.senders);
  crypto::encode_to(bytes, genesis.accounts);
  crypto::encode_to(bytes, genesis.parameters);
  if (genesis.pow) crypto::encode_to(bytes, *genesis.pow);
  return crypto::digest_of_encoded("genesis", bytes);
}

Status validate_genesis(const Genesis& genesis) {
  if (genesis.format > kGenesisFormat) {
    return fail(ErrorKind::kUnsupported, "genesis-newer-format",
                fmt::format("the genesis document has format {}; this program knows up to {}",
                            genesis.format, kGenesisFormat),
                "Use the version of Quorate that made it, or a newer one.");
  }
  const std::uint32_t expected = genesis.pow ? 2 : 1;
  if (genesis.format != expected) {
    return refuse("genesis-malformed",
                  fmt::format("format: found {}; {} was expected of a document {} the field pow",
                              genesis.format, expected, genesis.pow ? "with" : "without"));
  }
  QUORATE_TRY(check_name("name", genesis.name));
  QUORATE_TRY(check_range("time_ms", genesis.time.value, 0, kTimeMsMax));
  QUORATE_TRY(check_replicas(genesis));
  QUORATE_TRY(check_senders(genesis));
  QUORATE_TRY(check_accounts(genesis));
  QUORATE_TRY(check_parameters(genesis.parameters));
  return check_chain_rules(genesis);
}

}  // namespace quorate::ledger
