#include <gtest/gtest.h>

#include <string>

#include "testnet/sim_network.h"

namespace quorate::testnet {
namespace {

using ledger::ReplicaId;

constexpr ReplicaId kA{0};
constexpr ReplicaId kB{1};

// Two replicas that write down what reaches them.
struct Pair {
  Pair() {
    network.set_up(kA, true);
    network.set_up(kB, true);
  }
  void run_for(std::uint64_t us) {
    const std::uint64_t end = agenda.now_us() + us;
    while (agenda.next_us() && *agenda.next_us() <= end) agenda.run_next();
    agenda.advance_to(end);
  }
  void connect() { run_for(1'000'000); }
  void send(ReplicaId from, ReplicaId to) {
    network.send(from, to, std::make_shared<const Bytes>(10, 1));
  }

  Agenda agenda;
  Trace trace;
  std::string log;
  SimNetwork network{
      2,
      agenda,
      trace,
      Prng(1),
      {[this](ReplicaId from, ReplicaId, const SharedBytes&) { log += from == kA ? 'a' : 'b'; },
       [this](ReplicaId at, ReplicaId, bool connected) {
         log += std::string(connected ? "+" : "-") + (at == kA ? 'A' : 'B');
       }}};
};

TEST(SimNetwork, SessionBeginsAtBothEndsBeforeAnythingIsDelivered) {
  Pair pair;
  pair.send(kA, kB);
  pair.connect();
  EXPECT_EQ(pair.log, "+B+A");
  pair.send(kA, kB);
  pair.send(kB, kA);
  pair.run_for(10'000);
  EXPECT_EQ(pair.log.size(), 6U);
}

TEST(SimNetwork, HalfACutLosesOneDirectionAndKeepsTheSession) {
  Pair pair;
  pair.connect();
  pair.log.clear();
  pair.network.set_cut(kA, kB, true);
  pair.send(kA, kB);
  pair.send(kB, kA);
  pair.run_for(10'000'000);
  EXPECT_EQ(pair.log, "b");
}

TEST(SimNetwork, WholeCutEndsTheSessionAndMendingBeginsAnother) {
  Pair pair;
  pair.connect();
  pair.log.clear();
  pair.network.set_cut(kA, kB, true);
  pair.network.set_cut(kB, kA, true);
  pair.run_for(10'000'000);
  EXPECT_EQ(pair.log, "-B-A");
  pair.network.heal();
  pair.run_for(10'000'000);
  EXPECT_EQ(pair.log, "-B-A+B+A");
}

TEST(SimNetwork, RestartedReplicaGetsANewSession) {
  Pair pair;
  pair.connect();
  pair.log.clear();
  pair.network.set_up(kA, false);
  pair.network.set_up(kA, true);
  pair.run_for(10'000'000);
  EXPECT_EQ(pair.log, "-B+A+B");
}

TEST(SimNetwork, ClogHoldsEverythingBackUntilItsEnd) {
  Pair pair;
  pair.connect();
  pair.log.clear();
  pair.send(kA, kB);
  pair.network.clog(kA, kB, pair.agenda.now_us() + 5'000'000);
  pair.send(kA, kB);
  pair.run_for(4'999'000);
  EXPECT_EQ(pair.log, "");
  pair.run_for(10'000);
  EXPECT_EQ(pair.log, "aa");
}

TEST(SimNetwork, LossAndRepetitionFollowTheirChances) {
  Pair pair;
  pair.connect();
  pair.log.clear();
  LinkQuality quality;
  quality.loss_permille = 300;
  quality.repeat_permille = 500;
  pair.network.set_quality(quality);
  for (int i = 0; i < 2000; ++i) pair.send(kA, kB);
  pair.run_for(1'000'000);
  EXPECT_NEAR(static_cast<double>(pair.log.size()), 2000 * 0.7 * 1.5, 100);
}

// The same on every compiler, at every optimisation, under every sanitizer. It changes with the
// dice and with how they are used, and is then written anew.
TEST(SimNetwork, HistoryOfASeedIsTheSameOnEveryBuild) {
  Pair pair;
  LinkQuality quality;
  quality.loss_permille = 100;
  quality.repeat_permille = 100;
  quality.slow_permille = 100;
  quality.slow_us_max = 10'000;
  pair.network.set_quality(quality);
  pair.connect();
  for (int i = 0; i < 100; ++i) {
    pair.send(kA, kB);
    pair.send(kB, kA);
    pair.run_for(1'000);
  }
  EXPECT_EQ(pair.trace.digest(), 5503908861752955017U);
}

TEST(SimNetwork, FullLinkDropsWhatFollows) {
  Pair pair;
  pair.connect();
  pair.log.clear();
  const auto large = std::make_shared<const Bytes>(SimNetwork::kLinkBytesMax, 1);
  pair.network.send(kA, kB, large);
  pair.send(kA, kB);
  pair.run_for(1'000'000);
  EXPECT_EQ(pair.log, "a");
  pair.send(kA, kB);
  pair.run_for(1'000'000);
  EXPECT_EQ(pair.log, "aa");
}

}  // namespace
}  // namespace quorate::testnet
