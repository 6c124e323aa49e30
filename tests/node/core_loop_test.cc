// The thread around the replica: looking into it from outside.

#include "node/core_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "tests/ledger/example_network.h"

namespace quorate::node {
namespace {

using ledger::test::example_genesis;

// Replica 1 of the example network at genesis.
class Core {
 public:
  Core() { loop_ = std::make_unique<CoreLoop>(make_replica(), [](const CoreTurn&) {}); }
  [[nodiscard]] CoreLoop& loop() { return *loop_; }

 private:
  std::unique_ptr<pbft::Replica> make_replica() {
    pbft::ReplicaConfig config;
    config.self = {1};
    config.replicas = ledger::genesis_replicas(genesis_);
    config.parameters = genesis_.parameters;
    pbft::ReplicaStart start;
    start.effective_time = start.checkpoint_time = genesis_.time;
    return std::make_unique<pbft::Replica>(std::move(config), voter_, std::move(start));
  }

  ledger::Genesis genesis_ = example_genesis();
  crypto::KeySigner signer_ = ledger::test::key_of(ledger::test::vote_key_name(1));
  pbft::Voter voter_{signer_, ledger::chain_id_of(genesis_), {1},
                     ledger::genesis_replicas(genesis_), pbft::Standing::kVoter};
  std::unique_ptr<CoreLoop> loop_;
};

// The claim that the core has heard of replica 3 by the time it is looked at.
std::future<std::uint64_t> look_for_claim(CoreLoop& loop) {
  auto promise = std::make_shared<std::promise<std::uint64_t>>();
  auto future = promise->get_future();
  loop.inspect([promise](const pbft::Replica& replica) {
    promise->set_value(replica.sources().highest_claim({3}).value);
  });
  return future;
}

TEST(CoreLoop, ALookSeesWhatWasPostedBeforeIt) {
  Core core;
  pbft::StatusReport report;
  report.executed = {17};
  core.loop().post(pbft::StatusArrived{{3}, report});
  EXPECT_EQ(look_for_claim(core.loop()).get(), 17U);
}

TEST(CoreLoop, ALookWakesACoreWithoutInputs) {
  Core core;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(look_for_claim(core.loop()).get(), 0U);
}

TEST(CoreLoop, ALookThatComesTooLateIsDroppedAndHoldsNobodyUp) {
  Core core;
  core.loop().stop();
  EXPECT_THROW((void)look_for_claim(core.loop()).get(), std::future_error);  // its promise is gone
}

TEST(CoreLoop, StoppingAmongLooksNeitherHangsNorKeepsThem) {
  Core core;
  std::vector<std::future<std::uint64_t>> looks;
  std::thread asker([&] {
    for (int i = 0; i < 200; ++i) looks.push_back(look_for_claim(core.loop()));
  });
  core.loop().stop();
  asker.join();
  for (auto& look : looks) {
    EXPECT_EQ(look.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  }
}

}  // namespace
}  // namespace quorate::node
