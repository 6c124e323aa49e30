// Clusters with Byzantine replicas, which sign what they like with keys of their own: agreement
// holds, the correct ones go on where they can, and the liars leave proofs.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "ledger/quorum.h"
#include "tests/support/pbft_cluster.h"

namespace quorate::pbft::test {
namespace {

ClusterOptions with_liars(std::size_t replicas, std::set<ReplicaId> liars, std::uint64_t seed = 1) {
  ClusterOptions options;
  options.replicas = replicas;
  options.byzantine = std::move(liars);
  options.seed = seed;
  return options;
}

std::vector<ReplicaId> correct_of(const Cluster& cluster) {
  std::vector<ReplicaId> result;
  for (std::size_t i = 0; i < cluster.world.size(); ++i) {
    if (cluster.is_correct(r(i))) result.push_back(r(i));
  }
  return result;
}

// All liars prepare and commit this proposal, to `to` only.
void support(Cluster& cluster, const PrePrepare& proposal, ReplicaId to) {
  for (const ReplicaId liar : cluster.options_.byzantine) {
    if (liar != proposal.vote.replica) {
      cluster.send(liar, to, Message{cluster.world.prepare(proposal, liar)});
    }
    cluster.send(liar, to, Message{cluster.world.commit(proposal, liar)});
  }
}

// An equivocating primary with all the accomplices that n tolerates: one batch to `first` of the
// correct backups, another to the rest, and every liar's vote for whatever each was given.
void equivocate(Cluster& cluster, std::size_t first) {
  const TransactionPtr a = cluster.submit();
  const TransactionPtr b = cluster.submit();
  const std::array<PrePrepare, 2> proposals = {
      cluster.world.pre_prepare(batch_of(1, {a})), cluster.world.pre_prepare(batch_of(1, {b}))};
  const auto correct = correct_of(cluster);
  for (std::size_t i = 0; i < correct.size(); ++i) {
    const PrePrepare& given = proposals[i < first ? 0 : 1];
    cluster.send(r(0), correct[i], Message{given});
    support(cluster, given, correct[i]);
  }
}

TEST(EquivocatingPrimary, NeverGetsTwoBatchesCommittedAndLeavesAProof) {
  const std::array<std::pair<std::size_t, std::set<ReplicaId>>, 5> networks = {{
      {4, {r(0)}},
      {5, {r(0)}},
      {6, {r(0)}},
      {7, {r(0), r(4)}},
      {10, {r(0), r(1), r(9)}},
  }};
  for (const auto& [n, liars] : networks) {
    const std::size_t correct = n - liars.size();
    for (std::size_t first = 1; first < correct; ++first) {
      Cluster cluster(with_liars(n, liars, first));
      cluster.run_for(30);  // the greetings are over: each backup sees first what it is given
      equivocate(cluster, first);
      cluster.run_for(3000);
      EXPECT_GE(cluster.witness.evidence_seen(), 1U) << n << " " << first;
    }
  }
}

// Where the larger part reaches a quorum with the liars, those that were given the other batch
// follow it.
TEST(EquivocatingPrimary, ReplicasGivenTheLosingBatchFollowTheCommittedOne) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Cluster cluster(with_liars(4, {r(0)}, seed));
    equivocate(cluster, 2);
    EXPECT_TRUE(cluster.run_until(
        [&] {
          const auto correct = correct_of(cluster);
          return std::ranges::all_of(
              correct, [&](ReplicaId id) { return !cluster.node(id).ledger.empty(); });
        },
        3000))
        << "seed " << seed;
  }
}

// Pitfall 19: a liar's first commit is for another batch than its second; those that kept the first
// must still end with what the others committed.
TEST(EquivocatingCommitter, DelaysNobodyForLong) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Cluster cluster(with_liars(4, {r(3)}, seed));
    const PrePrepare bogus = cluster.world.pre_prepare(batch_of(1, {}));
    for (const ReplicaId id : correct_of(cluster)) {
      cluster.send(r(3), id, Message{cluster.world.commit(bogus, r(3))});
    }
    cluster.run_for(10);
    for (int i = 0; i < 10; ++i) cluster.submit();
    EXPECT_TRUE(cluster.run_until_all_executed(1000)) << "seed " << seed;
  }
}

// The primary gives the last correct backup nothing: it follows the others' votes and blocks.
TEST(SelectivePrimary, ReplicaKeptInTheDarkFollows) {
  Cluster cluster(with_liars(4, {r(0)}));
  const TransactionPtr body = cluster.submit({r(1), r(2)});
  const PrePrepare proposal = cluster.world.pre_prepare(batch_of(1, {body}));
  for (const std::size_t i : {1, 2}) {
    cluster.send(r(0), r(i), Message{proposal});
    support(cluster, proposal, r(i));
  }
  EXPECT_TRUE(cluster.run_until([&] { return cluster.node(r(3)).ledger.size() == 1; }, 1000));
}

// The bodies are with one correct backup only; the primary that has them stays silent.
TEST(SelectivePrimary, BodiesAreFoundAtTheOneBackupThatHasThem) {
  Cluster cluster(with_liars(4, {r(0)}));
  const TransactionPtr body = cluster.submit({r(3)});
  const PrePrepare proposal = cluster.world.pre_prepare(batch_of(1, {body}));
  for (const ReplicaId id : correct_of(cluster)) {
    cluster.send(r(0), id, Message{proposal});
    support(cluster, proposal, id);
  }
  EXPECT_TRUE(cluster.run_until_all_executed(2000));
}

// Rows 3 and 8 of what can arrive: every field at its edges, every signature valid.
class ValidlySigned : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ValidlySigned, NonsenseStopsNobodyAndGrowsNothing) {
  Cluster cluster(with_liars(4, {r(3)}, GetParam()));
  std::mt19937_64 random(GetParam());
  const auto edge = [&]() -> std::uint64_t {
    static constexpr std::array<std::uint64_t, 12> kEdges = {
        0, 1, 2, 3, 31, 32, 33, 1ull << 31, 1ull << 32, 1ull << 63, UINT64_MAX - 1, UINT64_MAX};
    return random() % 2 == 0 ? kEdges[random() % kEdges.size()] : 1 + random() % 40;
  };
  const auto nonsense = [&]() -> Packet {
    Vote vote;
    vote.epoch = {random() % 4 == 0 ? edge() : 0};
    vote.view = {random() % 4 == 0 ? edge() : 0};
    vote.sequence = {edge()};
    vote.replica = r(random() % 8 == 0 ? random() % 65536 : 3);
    vote.batch.bytes[0] = static_cast<std::uint8_t>(random() % 3);
    const auto sign = [&](crypto::Purpose purpose) {
      return crypto::sign_body(cluster.world.signer(r(3)), purpose, cluster.world.chain_id(), vote);
    };
    switch (random() % 7) {
      case 0: return Message{Commit{vote, sign(crypto::Purpose::kCommit)}};
      case 1: return Message{Prepare{vote, sign(crypto::Purpose::kPrepare), {}}};
      case 2: {  // in views where it is the primary, its proposals are good
        const View view{random() % 2 == 0 ? 3 : edge()};
        PrePrepare proposal = cluster.world.pre_prepare(batch_of(edge(), {}, {edge()}), view);
        if (proposal.vote.replica != r(3)) proposal.signature = sign(crypto::Purpose::kPrePrepare);
        return Message{proposal};
      }
      case 3: {
        std::vector<std::uint8_t> slots(random() % 70, static_cast<std::uint8_t>(random()));
        StatusReport report = report_of(edge(), slots, random() % 2 == 0);
        report.epoch = vote.epoch;
        report.view = vote.view;
        report.stable = {edge()};
        report.fill_to = {edge()};
        report.in_view = random() % 2 == 0;
        return Message{report};
      }
      case 4: return BodiesWanted{{TxId{vote.batch}, TxId{}}};
      case 5: return BlocksWanted{{1 + edge() % 40}, static_cast<std::uint32_t>(edge())};
      default: {
        CommitCertificate forged{vote.epoch, vote.view, vote.sequence, vote.batch, {}, {}};
        for (std::size_t i = 0; i < random() % 5; ++i) forged.commits.push_back({r(i), {}});
        return BlocksGiven{{{batch_of(edge(), {}), forged, {}}}};
      }
    }
  };
  for (int i = 0; i < 400; ++i) {
    cluster.send(r(3), r(random() % 3), nonsense());
    if (i % 10 == 0) cluster.submit();
    if (i % 5 == 0) cluster.run_for(1);
  }
  EXPECT_TRUE(cluster.run_until_all_executed(2000));
  for (const ReplicaId id : correct_of(cluster)) {
    EXPECT_LE(cluster.node(id).replica->open_slots(), 32U);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ValidlySigned, testing::Range<std::uint64_t>(1, 9));

// A liar that claims to have everything and answers each request with an old block, while a correct
// replica has a long way to catch up.
TEST(LyingSource, DoesNotKeepAReplicaBehind) {
  ClusterOptions options = with_liars(4, {r(0)});
  options.parameters.window_batches = 64;  // two replicas alone make no checkpoint stable
  Cluster cluster(options);
  cluster.crash(r(3));
  std::vector<PrePrepare> history;
  for (std::uint64_t sequence = 1; sequence <= 200; ++sequence) {
    const TransactionPtr body = cluster.submit();
    history.push_back(cluster.world.pre_prepare(
        batch_of(sequence, {body}, {kStartTime.value + cluster.now_ms()})));
    for (const std::size_t i : {1, 2}) {
      cluster.send(r(0), r(i), Message{history.back()});
      support(cluster, history.back(), r(i));
    }
    cluster.run_for(4);
  }
  ASSERT_TRUE(cluster.run_until_all_executed(2000));
  cluster.on_liar_receives = [&](ReplicaId to, ReplicaId from, const Packet& packet) {
    if (std::holds_alternative<BlocksWanted>(packet)) {
      cluster.send(to, from, BlocksGiven{});
    }
    cluster.send(to, from, Message{report_of(UINT64_MAX)});
  };
  cluster.restart(r(3));
  cluster.send(r(0), r(3), Message{report_of(UINT64_MAX)});
  EXPECT_TRUE(cluster.run_until_all_executed(2000));
}

}  // namespace
}  // namespace quorate::pbft::test
