#include "testnet/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "crypto/key_file.h"
#include "ledger/genesis.h"
#include "node/files.h"
#include "node/init.h"
#include "node/pow_chain.h"
#include "testnet/ports.h"
#include "tests/support/temporary_folder.h"

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Layout : public testing::Test {
 protected:
  node::NetworkFolder make(std::uint16_t replicas = 4) {
    auto folder = make_testnet(root_, {replicas, std::nullopt});
    EXPECT_TRUE(folder.has_value()) << folder.error().to_string();
    return folder.value();
  }

  quorate::test::TemporaryFolder folder_;
  const fs::path root_ = folder_.path() / "Net 1";
};

TEST_F(Layout, HasAGenesisWithEachReplicaAndAFundedKey) {
  const auto folder = make();
  const auto text = node::read_file(folder.genesis_path(), 1 << 20);
  const auto genesis = ledger::parse_genesis(text.value());
  ASSERT_TRUE(genesis.has_value()) << genesis.error().to_string();
  EXPECT_TRUE(genesis->testnet);
  EXPECT_EQ(genesis->name, "net1");
  EXPECT_EQ(genesis->faults, 1);
  ASSERT_EQ(genesis->replicas.size(), 4u);
  EXPECT_EQ(genesis->replicas[2].vote_key, folder.replicas[2].vote_key);
  const auto key = crypto::key_file::read_public(folder.default_key_path().string());
  ASSERT_EQ(genesis->accounts.size(), 1u);
  EXPECT_EQ(genesis->accounts[0].key, key->public_key);
  EXPECT_EQ(genesis->accounts[0].balance, kDefaultBalance);
}

TEST_F(Layout, KeyFilesAreForTheirOwnerOnly) {
  const auto folder = make();
  for (const fs::path& file :
       {folder.default_key_path(), folder.home_of(folder.replicas[0]).vote_key(),
        folder.home_of(folder.replicas[0]).network_key()}) {
    struct stat facts{};
    ASSERT_EQ(::stat(file.c_str(), &facts), 0) << file;
    EXPECT_EQ(facts.st_mode & 0777U, 0600U) << file;
  }
}

TEST_F(Layout, EachHomeKnowsItsPortsAndWhereTheOthersAre) {
  const auto folder = make();
  const auto config = node::load_config_file(folder.home_of(folder.replicas[1]).config());
  ASSERT_TRUE(config.has_value()) << config.error().to_string();
  EXPECT_EQ(config->rpc_listen, folder.replicas[1].rpc);
  EXPECT_EQ(config->peer_listen, folder.replicas[1].peer);
  EXPECT_EQ(config->peer_addresses.size(), 3u);
  EXPECT_EQ(config->peer_addresses.at("replica-3"), folder.replicas[3].peer);
}

TEST_F(Layout, HomesOfProofOfWorkHaveOneChainAndNothingThatVotes) {
  node::Config config;
  config.engine = "pow";
  config.pow_params = "regtest";
  const auto folder = make_testnet(root_, {2, std::nullopt, config});
  ASSERT_TRUE(folder) << folder.error().to_string();
  EXPECT_EQ(node::read_network_folder(root_)->engine, "pow");
  const auto text = node::read_file(folder->genesis_path(), 1 << 20);
  const auto genesis = ledger::parse_genesis(text.value()).value();
  std::vector<ledger::Digest> blocks;
  for (const node::NetworkReplica& replica : folder->replicas) {
    const node::Home home = folder->home_of(replica);
    EXPECT_EQ(node::load_config_file(home.config())->engine, "pow");
    for (const fs::path& file : {home.vote_key(), home.votes(), home.guard(), home.ledger()}) {
      EXPECT_FALSE(fs::exists(file)) << file;
    }
    const auto chain = node::PowChain::open(home.chain(), genesis, pow::regtest_params());
    ASSERT_TRUE(chain) << chain.error().to_string();
    blocks.push_back((*chain)->chain().tip().hash);
  }
  EXPECT_EQ(blocks[0], blocks[1]);
}

TEST_F(Layout, RefusesAFolderThatHoldsSomethingElse) {
  fs::create_directories(root_);
  std::ofstream(root_ / "thesis.txt") << "years of work";
  const auto folder = make_testnet(root_, {});
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().code, "testnet-folder-not-ours");
  EXPECT_THAT(folder.error().message, HasSubstr("thesis.txt"));
  EXPECT_FALSE(fs::exists(root_ / "testnet.json"));
}

TEST_F(Layout, DoesNotMakeATestnetTwice) {
  make(1);
  EXPECT_EQ(make_testnet(root_, {}).error().code, "testnet-exists");
}

TEST_F(Layout, StartsAnewWhereTheMakingWasInterrupted) {
  auto folder = make(1);
  folder.is_complete = false;
  ASSERT_TRUE(node::write_network_file(folder).has_value());
  std::ofstream(root_ / "thesis.txt") << "years of work";
  const auto again = make_testnet(root_, {1, std::nullopt});
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  EXPECT_NE(again->replicas[0].vote_key, folder.replicas[0].vote_key);
  EXPECT_TRUE(fs::exists(root_ / "thesis.txt"));
}

TEST_F(Layout, ResetRemovesWhatWasMadeAndNothingElse) {
  const auto folder = make(1);
  std::ofstream(root_ / "receipt.json") << "kept";
  std::ofstream(root_ / "supervisor.log") << "ours";
  const auto left = remove_testnet(folder);
  ASSERT_TRUE(left.has_value()) << left.error().to_string();
  EXPECT_THAT(*left, ElementsAre(root_ / "receipt.json"));
  EXPECT_TRUE(fs::exists(root_ / "receipt.json"));
}

TEST_F(Layout, ResetRemovesAnEmptyFolder) {
  const auto left = remove_testnet(make(1));
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(*left, IsEmpty());
  EXPECT_FALSE(fs::exists(root_));
}

TEST_F(Layout, MovesToOtherPortsAndKeepsOtherSettings) {
  auto folder = make(2);
  const auto home = folder.home_of(folder.replicas[0]);
  auto config = node::load_config_file(home.config()).value();
  config.log_level = "debug";
  ASSERT_TRUE(node::replace_file(home.config(), node::config_to_toml(config)).has_value());
  const auto base = choose_base_port(std::nullopt, 2).value();
  const auto other = static_cast<std::uint16_t>(base + 1000);
  ASSERT_TRUE(move_ports(folder, other).has_value());
  const auto moved = node::load_config_file(home.config()).value();
  EXPECT_EQ(moved.rpc_listen.port, other);
  EXPECT_EQ(moved.peer_addresses.at("replica-1").port, other + 3);
  EXPECT_EQ(moved.log_level, "debug");
  EXPECT_EQ(node::read_network_folder(root_)->replicas[1].rpc.port, other + 1);
}

TEST_F(Layout, AHomeIsMadeOnce) {
  const auto folder = make(1);
  const auto genesis =
      ledger::parse_genesis(node::read_file(folder.genesis_path(), 1 << 20).value()).value();
  const auto key = crypto::SecretKey::generate();
  const auto again =
      node::init_home(folder.home_of(folder.replicas[0]), {}, genesis, key, key, std::nullopt);
  EXPECT_EQ(again.error().code, "home-exists");
  const auto stranger =
      node::init_home({root_ / "other"}, {}, genesis, key, key, std::nullopt);
  EXPECT_EQ(stranger.error().code, "key-not-in-genesis");
  EXPECT_FALSE(fs::exists(root_ / "other"));
}

}  // namespace
}  // namespace quorate::testnet
