#include "node/node_parts.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "crypto/bcs.h"
#include "crypto/key_file.h"
#include "ledger/published_checkpoint.h"
#include "node/files.h"
#include "node/init.h"

namespace quorate::node {

using ledger::Digest;

namespace {

std::optional<std::string_view> view_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return std::string_view(*text);
}

// An empty store with an id of its own in place of one that is older than its guard or gone. The
// old one is set aside: its votes are below the ceiling and bind nobody any more, but an operator
// may want to see it.
Result<std::unique_ptr<ledger::VoteStore>> replace_votes(const Home& home, const Digest& chain_id,
                                                         std::uint64_t incarnation) {
  if (std::filesystem::exists(home.votes())) {
    const std::filesystem::path aside =
        home.votes().string() + fmt::format(".older-than-guard-{}", incarnation);
    std::error_code error;
    std::filesystem::rename(home.votes(), aside, error);
    if (error) {
      return fail(ErrorKind::kEnvironment, "vote-store-unreadable",
                  fmt::format("{} could not be renamed to {}: {}", home.votes().string(),
                              aside.string(), error.message()),
                  "Look at the folder's permissions and its disk, then start the node again.");
    }
  }
  return ledger::VoteStore::create(home.votes(), chain_id, random_store_id());
}

// The vote store beside its guard, and what they say together.
Status open_votes(const Home& home, const Digest& chain_id, Stores& stores) {
  auto guard = ledger::Guard::open(home.guard(), chain_id);
  if (!guard) {
    if (guard.error().code != "guard-missing") return tl::unexpected(guard.error());
    stores.standing = pbft::Standing::kLearner;
    stores.reason = fmt::format(
        "the guard file {} is missing, so nobody can tell which votes this replica has cast; it "
        "follows the others and signs nothing until its vote key is changed",
        home.guard().string());
    QUORATE_ASSIGN(stores.votes, ledger::VoteStore::open(home.votes(), chain_id));
    return {};
  }
  stores.guard = std::move(*guard);
  const ledger::GuardState& state = stores.guard->state();
  std::string found = "is missing";
  if (std::filesystem::exists(home.votes())) {
    QUORATE_ASSIGN(stores.votes, ledger::VoteStore::open(home.votes(), chain_id));
    if (ledger::judge_store_age(state, stores.votes->store_id(), stores.votes->last_write()) ==
        ledger::StoreAge::kCurrent) {
      // Synced, unlike the numbers noted since: from here on no older copy passes for this store.
      return stores.guard->adopt(stores.votes->store_id(), stores.votes->last_write());
    }
    found = fmt::format("is older than its guard (its last write is {}, the guard remembers {})",
                        stores.votes->last_write(), state.last_write);
    stores.votes.reset();
  }
  QUORATE_ASSIGN(stores.votes, replace_votes(home, chain_id, state.incarnation));
  stores.standing = pbft::Standing::kRecovering;
  stores.reason = fmt::format(
      "the vote store {}: it was restored from a copy, or wiped. This replica may have voted up to "
      "sequence {} and moved up to view {}; it signs nothing until it holds a stable checkpoint at "
      "or above that sequence, which the others help it to",
      found, state.sequence_ceiling.value, state.view_ceiling.value);
  return {};
}

}  // namespace

Result<Identity> load_identity(const Home& home, const ledger::Genesis& genesis,
                               const std::optional<std::string>& passphrase) {
  using crypto::key_file::read_secret;
  QUORATE_ASSIGN(crypto::SecretKey vote,
                 read_secret(home.vote_key().string(), "vote", view_of(passphrase)));
  QUORATE_ASSIGN(crypto::SecretKey network,
                 read_secret(home.network_key().string(), "network", view_of(passphrase)));
  for (std::size_t i = 0; i < genesis.replicas.size(); ++i) {
    const ledger::ReplicaInfo& replica = genesis.replicas[i];
    if (replica.vote_key != vote.public_key()) continue;
    if (replica.network_key != network.public_key()) {
      return fail(
          ErrorKind::kInvalid, "node-not-a-member",
          fmt::format("{} is the vote key of {}, whose network key in genesis is {}, but {} "
                      "holds {}",
                      home.vote_key().string(), replica.name, replica.network_key.hex(),
                      home.network_key().string(), network.public_key().hex()),
          "put the network key that belongs to this replica beside its vote key");
    }
    return Identity{{static_cast<std::uint16_t>(i)},
                    std::make_unique<crypto::KeySigner>(std::move(vote)),
                    std::move(network)};
  }
  return Identity{{static_cast<std::uint16_t>(genesis.replicas.size())},
                  std::make_unique<crypto::KeySigner>(std::move(vote)),
                  std::move(network)};
}

Result<Stores> open_stores(const Home& home, const ledger::Genesis& genesis,
                           const Digest& chain_id) {
  Stores stores;
  // A ledger that is gone begins again at genesis and catches up; its guard says that it was one.
  if (!std::filesystem::exists(home.ledger()) && std::filesystem::exists(home.guard())) {
    QUORATE_ASSIGN(stores.ledger, ledger::Store::create(home.ledger(), genesis));
  } else {
    QUORATE_ASSIGN(stores.ledger, ledger::Store::open(home.ledger(), chain_id));
  }
  QUORATE_TRY(open_votes(home, chain_id, stores));
  return stores;
}

Result<pbft::ReplicaStart> restore_start(const Stores& stores,
                                         const ledger::TransactionVerifier& transactions) {
  pbft::ReplicaStart start;
  start.executed = stores.ledger->height();
  start.effective_time = stores.ledger->time();
  QUORATE_ASSIGN(const ledger::CheckpointMark mark,
                 ledger::read_checkpoint_mark(*stores.ledger));
  start.checkpoint = mark.sequence;
  start.checkpoint_time = mark.time;
  if (mark.sequence.value > 0) {
    // A crash may have come between the sync at this checkpoint and the vote for it.
    QUORATE_TRY(stores.ledger->sync());
    QUORATE_ASSIGN(const auto note, stores.ledger->own_checkpoint(mark.sequence));
    if (note) start.last_checkpoint = pbft::CheckpointExecuted{*note, mark.time.value / 1000};
  }
  const auto restore = [&](ByteView key, ByteView value) -> Status {
    return pbft::restore_vote(key, value, start.votes);
  };
  const Bytes stable_key = pbft::stable_key();
  QUORATE_ASSIGN(const std::optional<Bytes> stable, stores.votes->get(stable_key));
  if (stable) QUORATE_TRY(restore(stable_key, *stable));
  // The ledger may know a later one: it began from a snapshot, or the votes are new.
  QUORATE_ASSIGN(auto kept, stores.ledger->latest_stable());
  const bool is_later = kept && (!start.votes.stable ||
                                 start.votes.stable->note.sequence < kept->note.sequence);
  if (is_later) start.votes.stable = std::move(*kept);
  const ledger::Sequence low =
      start.votes.stable ? start.votes.stable->note.sequence : ledger::Sequence{};
  for (const Bytes& first : pbft::first_keys(low)) {
    QUORATE_TRY(stores.votes->for_each_from(first, restore));
  }
  for (const pbft::ProposalRecord& proposal : start.votes.proposals) {
    for (const ledger::TxId& id : proposal.pre_prepare.batch.ids) {
      if (start.bodies.contains(id)) continue;
      QUORATE_ASSIGN(const std::optional<Bytes> body, stores.votes->get(pbft::body_key(id)));
      if (!body) continue;  // fetched from peers
      auto checked = transactions.check(ByteView(*body));
      if (!checked || (*checked)->id != id) {
        return fail(ErrorKind::kCorrupt, "vote-store-corrupt",
                    fmt::format("the vote store holds for transaction {} a body that is not it",
                                id.hex()),
                    "set the vote store aside; the replica must be recovered as one that lost it");
      }
      start.bodies.emplace(id, std::move(*checked));
    }
  }
  return start;
}

pbft::Ceiling ceiling_of(const Stores& stores) {
  if (!stores.guard) return {};
  const ledger::GuardState& state = stores.guard->state();
  return {state.epoch_ceiling, state.view_ceiling, state.sequence_ceiling};
}

std::string boot_id() {
  constexpr std::size_t kBytesMax = 256;
  const auto text = read_file("/proc/sys/kernel/random/boot_id", kBytesMax);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

Result<TxStatus> settled_status(const ledger::Store& store, const ledger::TxId& id) {
  TxStatus status;
  status.id = id;
  QUORATE_ASSIGN(const auto place, store.find(id));
  if (!place) return status;
  QUORATE_ASSIGN(const ledger::StoredBlock block, store.block(place->height));
  status.height = place->height;
  status.index = place->index;
  status.outcome = block.results[place->index].outcome;
  status.level = level_of(*status.outcome);
  status.history.push_back({status.level, block.record.effective_time.value, 0,
                            fmt::format("committed at height {}", place->height.value)});
  if (status.level != Level::kReplicated) return status;
  QUORATE_ASSIGN(const auto stable, ledger::covering(store, place->height));
  if (!stable) return status;
  status.level = Level::kStable;
  status.history.push_back({status.level, stable->time_seconds * 1000, 0,
                            fmt::format("under the checkpoint of height {}, which a quorum "
                                        "cosigned",
                                        stable->note.sequence.value)});
  return status;
}

Error error_of(const pbft::StateDiverged& diverged) {
  return {ErrorKind::kCorrupt, "ledger-diverged",
          fmt::format("at sequence {} this ledger has log root {} and state root {}, but a quorum "
                      "cosigned {} and {}",
                      diverged.own.sequence.value, diverged.own.head.root.hex(),
                      diverged.own.state_root.hex(), diverged.certified.head.root.hex(),
                      diverged.certified.state_root.hex()),
          "Set the ledger aside (keep the guard) and start the node again: it catches up from its "
          "peers. Compare the two ledgers to find the first block that differs."};
}

Error before_snapshot(const ledger::Store& store, const ledger::CheckedTransaction& transaction) {
  return {ErrorKind::kUnavailable, "tx-before-snapshot",
          fmt::format("nonce {} was used by height {}, where this node's ledger begins, perhaps by "
                      "transaction {} itself",
                      transaction.signed_transaction->body.nonce, store.base().value,
                      transaction.id.hex()),
          "Ask a node that has the whole ledger. Signing another one could make it happen twice."};
}

Result<std::vector<PeerAddress>> peer_addresses(const ledger::Genesis& genesis,
                                                ledger::ReplicaId self, const Config& config) {
  std::vector<PeerAddress> peers;
  for (std::size_t i = 0; i < genesis.replicas.size(); ++i) {
    if (i == self.value) continue;
    const ledger::ReplicaInfo& replica = genesis.replicas[i];
    const auto address = config.peer_addresses.find(replica.name);
    if (address == config.peer_addresses.end()) {
      return fail(ErrorKind::kInvalid, "peer-address-missing",
                  fmt::format("genesis lists replica {}, but config.toml has no address for it",
                              replica.name),
                  fmt::format("add a line {} = \"host:port\" under [peers.addresses]",
                              replica.name));
    }
    peers.push_back({{static_cast<std::uint16_t>(i)}, replica.name, replica.network_key,
                     address->second});
  }
  return peers;
}

}  // namespace quorate::node
