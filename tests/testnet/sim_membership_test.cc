// Who may vote changes under load, under killed primaries and in silence; and what checkers say of
// hosts that change it wrongly.

#include <gtest/gtest.h>

#include <map>

#include "node/epoch_choice.h"
#include "testnet/random_run.h"
#include "testnet/scenario_run.h"

namespace quorate::testnet {
namespace {

using ledger::Epoch;
using ledger::ReplicaId;
using ledger::Sequence;
using Kind = TraceEvent::Kind;

constexpr std::uint64_t kSecondUs = 1'000'000;
constexpr std::uint64_t kTimeoutUs = kSecondUs;  // T at its smallest

ReplicaId seat(std::size_t number) { return {static_cast<std::uint16_t>(number)}; }

class SimMembership : public ::testing::Test {
 protected:
  explicit SimMembership(SimOptions options = spare(3))
      : simulator(options), workload(simulator, WorkloadOptions{}) {
    simulator.trace().on_event = [this](const TraceEvent& event) { note(event); };
    simulator.start_all();
  }
  static SimOptions spare(std::size_t spares) {
    SimOptions options;
    options.spares = spares;
    options.signatures = SimSignatures::kStandIn;
    return options;
  }

  // When each batch that has transactions was first committed anywhere.
  void note(const TraceEvent& event) {
    if (event.kind != Kind::kCommit || event.batch == nullptr) return;
    if (!event.batch->batch.ids.empty()) commits.try_emplace(event.number, event.time_us);
  }
  [[nodiscard]] std::uint64_t longest_gap_us(std::uint64_t from_us) const {
    std::uint64_t longest = 0;
    std::uint64_t last_us = from_us;
    for (const auto& [sequence, time_us] : commits) {
      if (time_us < from_us) continue;
      longest = std::max(longest, time_us - std::min(last_us, time_us));
      last_us = std::max(last_us, time_us);
    }
    return longest;
  }
  // A transaction each 20 ms, at each replica in turn.
  void trickle(std::uint64_t duration_us) {
    const std::uint64_t end_us = simulator.agenda().now_us() + duration_us;
    while (simulator.agenda().now_us() < end_us && simulator.is_sound()) {
      ++turn;
      (void)workload.submit(turn % simulator.world().clients(), turn % simulator.world().size());
      (void)simulator.run_for(20'000);
    }
  }
  void expect_epoch(std::uint64_t epoch, std::size_t members) {
    EXPECT_TRUE(simulator.run_until(
        [&] {
          return std::ranges::all_of(simulator.hosts(), [&](const auto& host) {
            return !host->is_up() || host->replica().epoch() == Epoch{epoch};
          });
        },
        30 * kSecondUs))
        << epoch;
    EXPECT_EQ(simulator.membership().current().size(), members);
    for (const Violation& found : simulator.checkers().violations()) ADD_FAILURE() << found.text;
  }
  void add(std::size_t number) {
    simulator.pursue(ledger::AddReplica{simulator.world().info(seat(number))});
  }
  void remove(std::size_t number) {
    simulator.pursue(ledger::RemoveReplica{simulator.world().info(seat(number)).vote_key});
  }

  Simulator simulator;
  Workload workload;
  std::map<std::uint64_t, std::uint64_t> commits;
  std::uint64_t turn = 0;
};

TEST_F(SimMembership, FourBecomeSevenAndFourAgainUnderLoad) {
  trickle(kSecondUs);
  for (std::size_t i = 4; i < 7; ++i) {
    add(i);
    trickle(2 * kSecondUs);
    expect_epoch(i - 3, i + 1);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    remove(i);  // with those after it moves down by one
    trickle(2 * kSecondUs);
    expect_epoch(i + 4, 6 - i);
  }
  EXPECT_TRUE(workload.run_until_all_end(30 * kSecondUs));
  EXPECT_LT(longest_gap_us(kSecondUs), kTimeoutUs);
  EXPECT_EQ(simulator.checkers().counters().views, 0U);
}

TEST_F(SimMembership, KilledPrimaryHoldsNobodyUpForLongerThanTwoTimeouts) {
  trickle(kSecondUs);
  add(4);
  trickle(200'000);
  simulator.host(0).crash(CrashKind::kPower);
  trickle(6 * kSecondUs);
  expect_epoch(1, 5);
  simulator.host(0).start();
  EXPECT_TRUE(workload.run_until_all_end(60 * kSecondUs));
  EXPECT_LT(longest_gap_us(kSecondUs), 2 * kTimeoutUs + kTimeoutUs / 2);
  expect_epoch(1, 5);
}

// Nothing is ready anywhere, so the end of the epoch is all that anybody waits for.
TEST_F(SimMembership, SilentNetworkChangesItsSetAsWell) {
  add(4);
  expect_epoch(1, 5);
  (void)simulator.run_for(5 * kSecondUs);
  remove(0);
  expect_epoch(2, 4);
  EXPECT_FALSE(simulator.host(0).is_member());
  EXPECT_EQ(simulator.checkers().counters().views, 0U);
}

TEST_F(SimMembership, PrimaryThatDiesWhileFillingIsReplacedInSilence) {
  add(4);
  (void)simulator.run_until(
      [&] { return simulator.membership().pending() != nullptr; }, 10 * kSecondUs);
  simulator.host(0).crash(CrashKind::kPower);
  expect_epoch(1, 5);
  EXPECT_GT(simulator.checkers().counters().views, 0U);
}

// It wakes up two epochs later, in a set in which it has another number.
TEST_F(SimMembership, ReplicaThatSleptThroughEpochsIsToldHowTheyEnded) {
  trickle(kSecondUs);
  simulator.host(3).crash(CrashKind::kPower);
  add(4);
  trickle(3 * kSecondUs);
  remove(0);
  trickle(3 * kSecondUs);
  simulator.host(3).start();
  EXPECT_TRUE(workload.run_until_all_end(60 * kSecondUs));
  expect_epoch(2, 4);
  EXPECT_EQ(simulator.host(3).replica().config().self, (ReplicaId{2}));
  EXPECT_TRUE(simulator.host(3).is_member());
}

TEST_F(SimMembership, RemovedReplicaSignsNothingMore) {
  trickle(kSecondUs);
  add(4);
  trickle(2 * kSecondUs);
  remove(2);
  trickle(2 * kSecondUs);
  expect_epoch(2, 4);
  EXPECT_TRUE(simulator.host(2).replica().is_observer());
  EXPECT_FALSE(simulator.host(2).replica().voter().may_vote());
  EXPECT_TRUE(workload.run_until_all_end(30 * kSecondUs));  // and it still follows
}

TEST_F(SimMembership, SpareWithNothingButGenesisCatchesUpBeforeItIsTakenIn) {
  simulator.host(4).crash(CrashKind::kPower);
  trickle(3 * kSecondUs);
  simulator.host(4).start();
  simulator.host(1).crash(CrashKind::kPower);  // without the new one there will be no quorum of 5
  add(4);
  trickle(5 * kSecondUs);
  expect_epoch(1, 5);
  EXPECT_TRUE(workload.run_while_any_settles(10 * kSecondUs) || workload.open() == 0);
}

TEST(SimMembershipSeeds, HoldsWithFaultsOfAllKinds) {
  std::uint64_t ended = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    RunOptions options;
    options.seed = seed;
    options.spares = 4;
    options.seconds = 30;
    options.signatures = SimSignatures::kStandIn;
    const RunReport report = run_random(options);
    EXPECT_EQ(report.verdict, Verdict::kSound) << seed << " " << report.stuck;
    for (const Violation& found : report.violations) ADD_FAILURE() << seed << " " << found.text;
    ended += report.counts.epochs;
  }
  EXPECT_GE(ended, 6U);
}

// A checker that cannot fail is none. The host is started again when its ledger has the boundary,
// and no quorum has cosigned it.
TEST_F(SimMembership, HostThatSwitchesTooEarlyIsNoticed) {
  SimHost& host = simulator.host(1);
  trickle(kSecondUs);
  add(4);
  ASSERT_TRUE(simulator.run_until(
      [&] {
        const ledger::ReplicaSet set = simulator.membership().current();
        return set.epoch == Epoch{1} && host.replica().executed() == set.start &&
               host.replica().low_watermark() < set.start;
      },
      10 * kSecondUs));
  host.crash(CrashKind::kProcess);
  host.bug = HostBug::kSwitchesTooEarly;
  host.start();
  trickle(kSecondUs / 10);
  EXPECT_FALSE(simulator.checkers().violations().empty());
}

// --- the choice of an epoch ----------------------------------------------------------------------

class EpochChoice : public ::testing::Test {
 protected:
  EpochChoice() {
    membership.add({{1}, {10}, {42}, world.genesis().replicas});
  }
  [[nodiscard]] std::uint64_t epoch(std::uint64_t head,
                                    std::optional<std::uint64_t> stable) const {
    const auto known = stable ? std::optional(Sequence{*stable}) : std::nullopt;
    return node::epoch_to_serve(membership, {head}, known).value;
  }
  SimWorld world{4, {}, 1};
  ledger::Membership membership{world.genesis()};
};

TEST_F(EpochChoice, IsThatOfTheNextBatch) {
  EXPECT_EQ(epoch(43, std::nullopt), 1U);
  EXPECT_EQ(epoch(43, 42), 1U);
  EXPECT_EQ(epoch(42, 42), 1U);
  EXPECT_EQ(epoch(42, 60), 1U);
}

TEST_F(EpochChoice, WaitsAtTheBoundaryUntilItsCheckpointIsStable) {
  EXPECT_EQ(epoch(42, std::nullopt), 0U);
  EXPECT_EQ(epoch(42, 32), 0U);
  EXPECT_EQ(node::epoch_to_serve(ledger::Membership(world.genesis()), {0}, std::nullopt), Epoch{0});
}

TEST_F(EpochChoice, KnowsWhereAnEpochEnds) {
  EXPECT_EQ(node::boundary_of(membership, {0}), Sequence{42});
  EXPECT_FALSE(node::boundary_of(membership, {1}));
}

TEST_F(EpochChoice, IdsOfThoseInNoSetAreBehindIt) {
  const SimWorld wide(4, {}, 1, SimSignatures::kStandIn, 2);
  ledger::ReplicaSet set = wide.replicas();
  set.replicas.erase(set.replicas.begin() + 1);
  set.replicas.push_back(wide.info(seat(5)));
  const auto ids = wide.ids_in(set);
  EXPECT_EQ(ids, (std::vector<ReplicaId>{{0}, {4}, {1}, {2}, {5}, {3}}));
  EXPECT_EQ(node::id_in(set, wide.info(seat(5)).vote_key), ReplicaId{3});
  EXPECT_FALSE(node::id_in(set, wide.info(seat(1)).vote_key));
}

}  // namespace
}  // namespace quorate::testnet
