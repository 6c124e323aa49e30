#pragma once

// Making the home of a node: configuration, genesis, keys, and the stores that belong
// together.

#include <optional>
#include <string>

#include "crypto/ed25519.h"
#include "ledger/genesis.h"
#include "node/config.h"

namespace quorate::node {

enum class FirstLedger {
  kAtGenesis,
  kFromPeers,  // none is made: the first start takes a snapshot if peers have one (node/join.h)
};

// Vote key and guard are made together, once: a home that has either is refused, because a guard
// that forgets is how a replica comes to contradict its own votes. The vote key is written last, so
// what an interrupted run leaves behind signs nothing. With the engine `pow` there is a chain with
// its block 0 in the place of ledger, votes and guard, and no vote key is written; with `both`, all
// of them.
// Errors: "home-exists" (kConflict), "key-not-in-genesis" (kInvalid: no replica of this genesis has
// these two keys, and the settings do not say that it observes), those of the parts.
[[nodiscard]] Status init_home(const Home& home, const Config& config,
                               const ledger::Genesis& genesis, const crypto::SecretKey& vote_key,
                               const crypto::SecretKey& network_key,
                               std::optional<std::string> passphrase,
                               FirstLedger first_ledger = FirstLedger::kAtGenesis);

// A vote store's id: tells it from any other that ever stood beside the guard.
[[nodiscard]] ledger::Digest random_store_id();

// Purposes of the key files.
inline constexpr std::string_view kVoteKeyPurpose = "vote";
inline constexpr std::string_view kNetworkKeyPurpose = "network";
inline constexpr std::string_view kSenderKeyPurpose = "sender";
inline constexpr std::string_view kLogKeyPurpose = "log";  // node/log_publisher.h

}  // namespace quorate::node
