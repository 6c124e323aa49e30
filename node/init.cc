#include "node/init.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "crypto/key_file.h"
#include "ledger/guard.h"
#include "ledger/store.h"
#include "ledger/vote_store.h"
#include "node/files.h"
#include "node/pow_chain.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;

Status refuse_existing(const Home& home) {
  for (const fs::path& file :
       {home.vote_key(), home.guard(), home.network_key(), home.votes(), home.ledger(),
                               home.chain()}) {
    std::error_code ignored;
    if (!fs::exists(file, ignored)) continue;
    return fail(ErrorKind::kConflict, "home-exists",
                fmt::format("{} exists already; a home is made once, and nothing in it is "
                            "overwritten",
                            file.string()),
                "Start the node with `quorate node --home`, or choose another folder.");
  }
  return {};
}

Status find_replica(const ledger::Genesis& genesis, const ledger::PublicKey& vote_key,
                    const ledger::PublicKey& network_key) {
  const auto replica =
      std::find_if(genesis.replicas.begin(), genesis.replicas.end(),
                   [&](const ledger::ReplicaInfo& each) { return each.vote_key == vote_key; });
  if (replica == genesis.replicas.end()) {
    return fail(
        ErrorKind::kInvalid, "key-not-in-genesis",
        fmt::format("No replica of genesis \"{}\" has the vote key {}", genesis.name,
                    vote_key.hex()),
        "Give the key files whose addresses stand in the genesis (`quorate keys address`).");
  }
  if (replica->network_key != network_key) {
    return fail(ErrorKind::kInvalid, "key-not-in-genesis",
                fmt::format("Genesis \"{}\" gives {} the network key {}, found {}", genesis.name,
                            replica->name, replica->network_key.hex(), network_key.hex()),
                "Give the network key that belongs to this vote key.");
  }
  return {};
}

// A chain with its block 0.
Status init_chain(const Home& home, const Config& config, const ledger::Genesis& genesis) {
  QUORATE_ASSIGN(const pow::Params params, chain_params(genesis, config));
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, 256U);
  QUORATE_ASSIGN(const pow::BlockPtr block_0, mine_block_0(genesis, params, threads));
  return PowChain::create(home.chain(), genesis, params, block_0);
}

// An id that no other store has. A fresh public key is 32 random bytes, and the only source of
// randomness here is crypto/.
}  // namespace

ledger::Digest random_store_id() {
  return crypto::sha256(crypto::SecretKey::generate().public_key().bytes);
}

Status init_home(const Home& home, const Config& config, const ledger::Genesis& genesis,
                 const crypto::SecretKey& vote_key, const crypto::SecretKey& network_key,
                 std::optional<std::string> passphrase, FirstLedger first_ledger) {
  QUORATE_TRY(refuse_existing(home));
  if (config.observe != "yes") {
    QUORATE_TRY(find_replica(genesis, vote_key.public_key(), network_key.public_key()));
  }
  std::error_code trouble;
  fs::create_directories(home.root, trouble);
  if (!trouble) fs::permissions(home.root, fs::perms::owner_all, trouble);
  if (trouble) {
    return fail(ErrorKind::kEnvironment, "file-write-failed",
                fmt::format("Cannot make {}: {}", home.root.string(), trouble.message()),
                "Choose a folder that this user may write.");
  }
  QUORATE_TRY(replace_file(home.config(), config_to_toml(config)));
  QUORATE_TRY(replace_file(home.genesis(), ledger::genesis_to_json(genesis)));

  if (config.engine == "pow") {
    QUORATE_TRY(init_chain(home, config, genesis));
    return crypto::key_file::create(home.network_key(), kNetworkKeyPurpose, network_key,
                                    passphrase);
  }
  if (config.engine == "both") QUORATE_TRY(init_chain(home, config, genesis));
  const ledger::Digest chain_id = ledger::chain_id_of(genesis);
  const ledger::Digest store_id = random_store_id();
  if (first_ledger == FirstLedger::kAtGenesis) {
    QUORATE_ASSIGN(const auto ledger_store, ledger::Store::create(home.ledger(), genesis));
    QUORATE_TRY(ledger_store->sync());
  }
  QUORATE_ASSIGN(const auto votes, ledger::VoteStore::create(home.votes(), chain_id, store_id));
  QUORATE_ASSIGN(const auto guard, ledger::Guard::create(home.guard(), chain_id, store_id));

  const std::optional<std::string_view> secret = passphrase;
  QUORATE_TRY(
      crypto::key_file::create(home.network_key(), kNetworkKeyPurpose, network_key, secret));
  return crypto::key_file::create(home.vote_key(), kVoteKeyPurpose, vote_key, secret);
}

}  // namespace quorate::node
