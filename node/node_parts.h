#pragma once

// How a node starts: reads its home into values that the running node is made of. Used by node.cc.

#include <memory>
#include <optional>
#include <string>

#include "crypto/signing.h"
#include "crypto/verified.h"
#include "ledger/genesis.h"
#include "ledger/guard.h"
#include "ledger/store.h"
#include "ledger/vote_store.h"
#include "node/config.h"
#include "node/node.h"
#include "node/peers.h"
#include "node/tracker.h"
#include "pbft/replica.h"

namespace quorate::node {

struct Identity {
  ledger::ReplicaId self;
  std::unique_ptr<crypto::KeySigner> vote_signer;
  crypto::SecretKey network_key;
};

// `self` is its place in genesis; of one that genesis does not list, the first place of an observer
// (node/service.h judges it). Error: "node-not-a-member" if genesis has its vote key with another
// network key.
[[nodiscard]] Result<Identity> load_identity(const Home& home, const ledger::Genesis& genesis,
                                             const std::optional<std::string>& passphrase);

struct Stores {
  std::unique_ptr<ledger::Store> ledger;
  std::unique_ptr<ledger::VoteStore> votes;
  std::unique_ptr<ledger::Guard> guard;  // null: missing
  pbft::Standing standing = pbft::Standing::kVoter;
  std::string reason;                    // why it may not vote (yet); empty: it may
};
// A vote store that is older than its guard, or gone, is set aside and an empty one takes its
// place; a ledger that is gone begins again at genesis. Without guard nothing is made.
[[nodiscard]] Result<Stores> open_stores(const Home& home, const ledger::Genesis& genesis,
                                         const ledger::Digest& chain_id);

// What the core starts from: the ledger's end and the stored votes above it with their bodies.
[[nodiscard]] Result<pbft::ReplicaStart> restore_start(
    const Stores& stores, const ledger::TransactionVerifier& transactions);

// Up to where votes may have left that the vote store no longer has.
[[nodiscard]] pbft::Ceiling ceiling_of(const Stores& stores);
// Which boot of this machine monotonic time belongs to; empty: unknown.
[[nodiscard]] std::string boot_id();
// What the ledger knows of a transaction; unknown if it has none.
[[nodiscard]] Result<TxStatus> settled_status(const ledger::Store& store, const ledger::TxId& id);
// "ledger-diverged" (kCorrupt).
[[nodiscard]] Error error_of(const pbft::StateDiverged& diverged);

// "tx-before-snapshot" (kUnavailable, so that clients ask elsewhere and do not sign again): what
// Store::may_precede said yes to.
[[nodiscard]] Error before_snapshot(const ledger::Store& store,
                                    const ledger::CheckedTransaction& transaction);

// Error: "peer-address-missing" naming the replica that config.toml has no address for.
[[nodiscard]] Result<std::vector<PeerAddress>> peer_addresses(const ledger::Genesis& genesis,
                                                              ledger::ReplicaId self,
                                                              const Config& config);

}  // namespace quorate::node
