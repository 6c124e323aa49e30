#include "node/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "crypto/bcs.h"
#include "ledger/epoch_proof.h"
#include "node/epoch_choice.h"

namespace quorate::node {

using ledger::ReplicaId;
using ledger::ReplicaInfo;
using ledger::ReplicaSet;

namespace {

// Of both stores; the vote store may know a later one.
Result<std::optional<ledger::Sequence>> highest_stable(const Stores& stores) {
  std::optional<ledger::Sequence> highest;
  QUORATE_ASSIGN(const auto kept, stores.ledger->latest_stable());
  if (kept) highest = kept->note.sequence;
  QUORATE_ASSIGN(const auto record, stores.votes->get(pbft::stable_key()));
  if (!record) return highest;
  pbft::RestoredVotes votes;
  QUORATE_TRY(pbft::restore_vote(pbft::stable_key(), *record, votes));
  return std::max(highest.value_or(ledger::Sequence{}), votes.stable->note.sequence);
}

std::vector<ReplicaSet> all_sets(const ledger::Membership& membership) {
  std::vector<ReplicaSet> sets;
  for (std::uint64_t epoch = 0; membership.knows({epoch}); ++epoch) {
    sets.push_back(membership.set_of({epoch}));
  }
  return sets;
}

bool was_ever_listed(const std::vector<ReplicaSet>& sets, const Identity& identity) {
  return std::ranges::any_of(sets, [&](const ReplicaSet& set) {
    return std::ranges::any_of(set.replicas, [&](const ReplicaInfo& replica) {
      return replica.vote_key == identity.vote_signer->public_key() &&
             replica.network_key == identity.network_key.public_key();
    });
  });
}

class Connections {
 public:
  Connections(Service& service, const Identity& identity, const Config& config)
      : service_(service), config_(config) {
    known_.insert(identity.network_key.public_key());
  }

  void add_members() {
    for (std::size_t i = 0; i < service_.set.size(); ++i) {
      const ReplicaId id{static_cast<std::uint16_t>(i)};
      if (id != service_.self) add(service_.set.replicas[i], id);
    }
  }

  void add_observers(const std::vector<ReplicaSet>& sets) {
    std::size_t next = service_.set.size() + (service_.is_observer() ? 1 : 0);
    for (const ReplicaSet& set : sets) {
      for (const ReplicaInfo& replica : set.replicas) {
        if (next == service_.set.size() + pbft::kObserversMax) return;
        if (add(replica, {static_cast<std::uint16_t>(next)})) ++next;
      }
    }
  }

 private:
  bool add(const ReplicaInfo& replica, ReplicaId id) {
    if (!known_.insert(replica.network_key).second) return false;
    const auto address = config_.peer_addresses.find(replica.name);
    if (address == config_.peer_addresses.end()) {
      if (id.value < service_.set.size()) service_.without_address.push_back(replica.name);
      return false;
    }
    service_.peers.push_back({id, replica.name, replica.network_key, address->second});
    return true;
  }

  Service& service_;
  const Config& config_;
  std::set<ledger::PublicKey> known_;
};

}  // namespace

Result<Service> choose_service(const Stores& stores, const ledger::Genesis& genesis,
                               const Identity& identity, const Config& config) {
  QUORATE_ASSIGN(const auto membership, ledger::Membership::read(*stores.ledger, genesis));
  QUORATE_ASSIGN(const auto stable, highest_stable(stores));
  const std::vector<ReplicaSet> sets = all_sets(membership);
  if (config.observe != "yes" && !was_ever_listed(sets, identity)) {
    return fail(ErrorKind::kInvalid, "node-not-a-member",
                fmt::format("No set of replicas up to epoch {} has the vote key {} with the "
                            "network key {}",
                            membership.current().epoch.value,
                            identity.vote_signer->public_key().hex(),
                            identity.network_key.public_key().hex()),
                "Check that genesis.json and the keys belong to the same network. One that a "
                "change of membership is to take in says node.observe = \"yes\" until then.");
  }
  Service service;
  const ledger::Epoch epoch = epoch_to_serve(membership, stores.ledger->height(), stable);
  service.set = membership.set_of(epoch);
  service.boundary = boundary_of(membership, epoch);
  service.self = id_in(service.set, identity.vote_signer->public_key())
                     .value_or(ReplicaId{static_cast<std::uint16_t>(service.set.size())});
  if (epoch.value > 0) {
    auto proofs = stores.ledger->epoch_proofs(epoch);
    // One that was not kept, whoever is still there hears of from others.
    if (!proofs && proofs.error().kind != ErrorKind::kUnavailable) {
      return tl::unexpected(proofs.error());
    }
    for (ledger::EpochProof& proof : proofs.value_or(std::vector<ledger::EpochProof>{})) {
      service.past.push_back(std::move(proof.boundary));
    }
  }
  Connections connections(service, identity, config);
  connections.add_members();
  connections.add_observers(sets);
  return service;
}

}  // namespace quorate::node
