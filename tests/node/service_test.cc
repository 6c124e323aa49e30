// Whom a node serves, as whom, and whom it knows, from epoch to epoch.

#include "node/service.h"

#include <gtest/gtest.h>

#include "tests/ledger/epoch_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::ledger::test {
namespace {

using node::choose_service;
using node::Config;
using node::Identity;
using node::Service;

class ServiceTest : public EpochLedger {
 protected:
  static crypto::SecretKey secret_of(const std::string& name) {
    const Digest seed = crypto::sha256(as_bytes(name));
    return crypto::SecretKey::from_seed(seed.bytes);
  }
  // Of the example network's replica with this number.
  static Identity identity(std::size_t number) {
    return {{},
            std::make_unique<crypto::KeySigner>(vote_signer(example_replica(number).vote_key)),
            secret_of("network key of replica " + std::to_string(number))};
  }
  static Config config() {
    Config config;
    for (std::size_t i = 0; i < 16; ++i) {
      config.peer_addresses["replica-" + std::to_string(i)] = {
          "10.0.0.1", static_cast<std::uint16_t>(1000 + i)};
    }
    return config;
  }
  Service service(std::size_t number, const Config& settings = config()) {
    auto chosen = choose(number, settings);
    EXPECT_TRUE(chosen) << chosen.error().to_string();
    return std::move(chosen).value_or(Service{});
  }
  Result<Service> choose(std::size_t number, const Config& settings = config()) {
    node::Stores stores;
    stores.ledger = std::move(store_);
    stores.votes =
        VoteStore::create(folder_.path() / std::to_string(++made_), chain_id_of(genesis_), {})
            .value();
    auto chosen = choose_service(stores, genesis_, identity(number), settings);
    store_ = std::move(stores.ledger);
    return chosen;
  }
  static std::vector<std::string> names(const Service& service, bool members) {
    std::vector<std::string> result;
    for (const node::PeerAddress& peer : service.peers) {
      if ((peer.id.value < service.set.size()) == members) result.push_back(peer.name);
    }
    return result;
  }

 private:
  quorate::test::TemporaryFolder folder_;
  int made_ = 0;
};

TEST_F(ServiceTest, BeginsWithGenesis) {
  const Service chosen = service(2);
  EXPECT_EQ(chosen.set.epoch, Epoch{0});
  EXPECT_EQ(chosen.self, ReplicaId{2});
  EXPECT_FALSE(chosen.boundary);
  EXPECT_EQ(chosen.peers.size(), 3U);
  EXPECT_TRUE(names(chosen, false).empty());
}

TEST_F(ServiceTest, KnowsWhereItsEpochEndsAndWhoComes) {
  begin_change(AddReplica{example_replica(4)});
  const Service chosen = service(0);
  EXPECT_EQ(chosen.set.epoch, Epoch{0});
  EXPECT_EQ(chosen.boundary, membership().pending()->boundary);
  EXPECT_EQ(names(chosen, false), std::vector<std::string>{"replica-4"});
  EXPECT_EQ(chosen.peers.back().id, ReplicaId{4});
  EXPECT_TRUE(service(4).is_observer());
}

TEST_F(ServiceTest, WaitsAtTheBoundaryUntilItsCheckpointIsStable) {
  begin_change(AddReplica{example_replica(4)});
  run_to_boundary(false);
  EXPECT_EQ(service(0).set.epoch, Epoch{0});
  stabilise_head();
  const Service after = service(0);
  EXPECT_EQ(after.set.epoch, Epoch{1});
  EXPECT_EQ(after.set.size(), 5U);
  ASSERT_EQ(after.past.size(), 1U);
  EXPECT_EQ(after.past[0].note.sequence, after.set.start);
  EXPECT_EQ(service(4).self, ReplicaId{4});
}

TEST_F(ServiceTest, NumbersMoveDownAndTheRemovedOneObserves) {
  change(AddReplica{example_replica(4)});
  change(RemoveReplica{example_replica(0).vote_key});
  EXPECT_EQ(service(3).self, ReplicaId{2});
  const Service removed = service(0);
  EXPECT_TRUE(removed.is_observer());
  EXPECT_EQ(removed.self, ReplicaId{4});
  EXPECT_EQ(removed.peers.size(), 4U);
  EXPECT_EQ(names(service(3), false), std::vector<std::string>{"replica-0"});
  EXPECT_EQ(service(3).past.size(), 2U);
}

TEST_F(ServiceTest, StrangerIsRefusedUnlessItObserves) {
  const auto refused = choose(9);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "node-not-a-member");
  Config observing = config();
  observing.observe = "yes";
  EXPECT_TRUE(service(9, observing).is_observer());
}

TEST_F(ServiceTest, MemberWithoutAddressIsNamed) {
  Config settings = config();
  settings.peer_addresses.erase("replica-1");
  const Service chosen = service(0, settings);
  EXPECT_EQ(chosen.without_address, std::vector<std::string>{"replica-1"});
  EXPECT_EQ(chosen.peers.size(), 2U);
}

}  // namespace
}  // namespace quorate::ledger::test
