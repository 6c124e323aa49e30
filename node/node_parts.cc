#include "node/node_parts.h"

#include <fmt/format.h>

#include <utility>

#include "crypto/bcs.h"
#include "crypto/key_file.h"

namespace quorate::node {

using ledger::Digest;

namespace {

std::optional<std::string_view> view_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return std::string_view(*text);
}

// Why a replica whose stores look like this may not sign; empty if it may.
Result<std::string> judge_guard(const Home& home, const Digest& chain_id, Stores& stores) {
  auto guard = ledger::Guard::open(home.guard(), chain_id);
  if (!guard) {
    if (guard.error().code != "guard-missing") return tl::unexpected(guard.error());
    return fmt::format(
        "the guard file {} is missing, so nobody can tell which votes this replica has cast; it "
        "follows the others and signs nothing until its vote key is changed",
        home.guard().string());
  }
  stores.guard = std::move(*guard);
  const ledger::GuardState& state = stores.guard->state();
  if (ledger::judge_store_age(state, stores.votes->store_id(), stores.votes->last_write()) ==
      ledger::StoreAge::kOlder) {
    return fmt::format(
        "the vote store is older than its guard (last write {}, the guard remembers {}): it was "
        "restored from a copy or wiped; this replica follows the others and signs nothing, because "
        "it may have voted up to sequence {} in view {}",
        stores.votes->last_write(), state.last_write, state.sequence_ceiling.value,
        state.view_ceiling.value);
  }
  return std::string();
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
  return fail(ErrorKind::kInvalid, "node-not-a-member",
              fmt::format("genesis lists {} replicas, and none has the vote key {} of {}",
                          genesis.replicas.size(), vote.public_key().hex(),
                          home.vote_key().string()),
              "check that genesis.json and vote.key belong to the same network");
}

Result<Stores> open_stores(const Home& home, const Digest& chain_id) {
  Stores stores;
  QUORATE_ASSIGN(stores.ledger, ledger::Store::open(home.ledger(), chain_id));
  QUORATE_ASSIGN(stores.votes, ledger::VoteStore::open(home.votes(), chain_id));
  QUORATE_ASSIGN(stores.learner_reason, judge_guard(home, chain_id, stores));
  return stores;
}

Result<pbft::ReplicaStart> restore_start(const Stores& stores,
                                         const ledger::TransactionVerifier& transactions) {
  pbft::ReplicaStart start;
  start.executed = stores.ledger->height();
  start.effective_time = stores.ledger->time();
  QUORATE_TRY(stores.votes->for_each_from(
      pbft::first_vote_key_above(start.executed), [&](ByteView key, ByteView value) -> Status {
        if (!pbft::is_vote_key(key)) return {};
        return pbft::restore_vote(key, value, start.votes);
      }));
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
