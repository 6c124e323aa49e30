// Each checker is shown to fail: told of an event that must never be, or watching a replica with a
// deliberate mistake. And none fails for what a liar does.

#include <gtest/gtest.h>

#include "testnet/checkers.h"
#include "testnet/nemesis.h"
#include "testnet/simulator.h"
#include "testnet/workload.h"

namespace quorate::testnet {
namespace {

using crypto::Purpose;
using ledger::CertifiedBatch;
using ledger::ReplicaId;
using ledger::TransactionPtr;
using ledger::Vote;

constexpr std::uint64_t kSecond = 1'000'000;
constexpr ReplicaId kLiar{3};

// A world in which replica 3 lies, and what its replicas would sign.
class SimCheckers : public ::testing::Test {
 protected:
  TransactionPtr transaction(std::uint64_t nonce, bool known = true) {
    auto made = world_.sign(0, nonce, {SimWorld::kStart.value + 3'600'000},
                            {ledger::Add{to_bytes("count"), 1}});
    if (known) checkers_.on_signed(made->id);
    return made;
  }

  CertifiedBatch batch(std::uint64_t sequence, std::vector<TransactionPtr> bodies) const {
    CertifiedBatch made;
    std::vector<ledger::TxId> ids;
    for (const TransactionPtr& body : bodies) ids.push_back(body->id);
    made.batch = ledger::make_batch({sequence}, SimWorld::kStart, 0, std::move(ids));
    made.transactions = std::move(bodies);
    made.certificate.sequence = {sequence};
    made.certificate.batch = ledger::digest_of_batch(made.batch.header);
    for (std::uint16_t i = 0; i < 3; ++i) {
      made.certificate.commits.push_back({{i}, sign(Purpose::kCommit, vote(made, {i}))});
    }
    return made;
  }

  static Vote vote(const CertifiedBatch& batch, ReplicaId replica) {
    return {{}, {}, batch.certificate.sequence, batch.certificate.batch, {}, replica};
  }

  crypto::Signature sign(Purpose purpose, const Vote& vote) const {
    return crypto::sign_body(world_.signer(vote.replica), purpose, world_.chain_id(), vote);
  }

  ledger::Execution execution(const CertifiedBatch& batch) const {
    return ledger::execute(batch.batch.header, batch.transactions, world_.genesis(), *ledger_)
        .value();
  }

  void executed(std::uint16_t replica, const CertifiedBatch& batch) {
    checkers_.on_executed({replica}, batch, execution(batch), {});
  }

  void commit(std::uint16_t from, const CertifiedBatch& batch, const VoteDisk& disk) {
    const Vote cast = vote(batch, {from});
    checkers_.on_send({from}, pbft::Commit{cast, sign(Purpose::kCommit, cast)}, disk, {});
  }

  // A vote store whose guard has reserved what the tests vote for.
  std::unique_ptr<VoteDisk> reserved_disk() const {
    auto disk = memory_votes(world_.chain_id());
    EXPECT_TRUE(disk->reserve({}, {9}, {99}).has_value());
    return disk;
  }

  void expect(std::string_view invariant) const {
    ASSERT_EQ(checkers_.violations().size(), 1U);
    EXPECT_EQ(checkers_.violations()[0].invariant, invariant) << checkers_.violations()[0].text;
  }
  void expect_nothing() const {
    for (const Violation& found : checkers_.violations()) ADD_FAILURE() << found.text;
  }

  SimWorld world_{4, {}, 1};
  Checkers checkers_{world_, {kLiar}};
  std::unique_ptr<LedgerDisk> ledger_ = memory_ledger(world_.genesis());
};

TEST_F(SimCheckers, EqualHistoriesAreNoViolation) {
  const CertifiedBatch first = batch(1, {transaction(1)});
  for (std::uint16_t i = 0; i < 3; ++i) {
    checkers_.on_commit({i}, first);
    executed(i, first);
  }
  expect_nothing();
  EXPECT_EQ(checkers_.counters().commits, 1U);
  EXPECT_EQ(checkers_.highest_executed().value, 1U);
}

TEST_F(SimCheckers, DifferentBatchesAtOneSequenceBreakAgreement) {
  checkers_.on_commit({0}, batch(1, {transaction(1)}));
  checkers_.on_commit({1}, batch(1, {transaction(2)}));
  expect("agreement");
}

TEST_F(SimCheckers, LiarMayHandOutWhatItLikes) {
  checkers_.on_commit({0}, batch(1, {transaction(1)}));
  checkers_.on_commit(kLiar, batch(1, {transaction(2)}));
  checkers_.on_executed(kLiar, batch(1, {transaction(2)}), {}, {});
  expect_nothing();
}

TEST_F(SimCheckers, GapBreaksOrder) {
  checkers_.on_commit({0}, batch(2, {transaction(1)}));
  expect("order");
}

TEST_F(SimCheckers, RepetitionInOneLifeBreaksOrderAndInTheNextDoesNot) {
  const CertifiedBatch first = batch(1, {transaction(1)});
  checkers_.on_commit({0}, first);
  checkers_.on_start({0}, {0});
  checkers_.on_commit({0}, first);
  expect_nothing();
  checkers_.on_commit({0}, first);
  expect("order");
}

TEST_F(SimCheckers, TooFewCommitsAreNoCertificate) {
  CertifiedBatch first = batch(1, {transaction(1)});
  first.certificate.commits.pop_back();
  checkers_.on_commit({0}, first);
  expect("certificate");
}

TEST_F(SimCheckers, OtherBodiesDoNotBelongToTheCertificate) {
  CertifiedBatch first = batch(1, {transaction(1)});
  first.transactions = {transaction(2)};
  checkers_.on_commit({0}, first);
  expect("certificate");
}

TEST_F(SimCheckers, TransactionThatNobodySignedHereIsForged) {
  checkers_.on_commit({0}, batch(1, {transaction(1, false)}));
  expect("forged");
}

TEST_F(SimCheckers, TransactionThatTakesEffectTwiceIsSeen) {
  const TransactionPtr once = transaction(1);
  executed(0, batch(1, {once}));
  executed(0, batch(2, {once}));  // on the same state, as if the nonce had been forgotten
  expect("exactly-once");
}

TEST_F(SimCheckers, NonceThatServesTwoTransactionsIsSeen) {
  executed(0, batch(1, {transaction(1)}));
  const TransactionPtr rival =
      world_.sign(0, 1, {SimWorld::kStart.value + 3'600'000}, {ledger::Delete{to_bytes("count")}});
  checkers_.on_signed(rival->id);
  executed(0, batch(2, {rival}));
  expect("exactly-once");
}

TEST_F(SimCheckers, DifferentResultsAreSeen) {
  const CertifiedBatch first = batch(1, {transaction(1)});
  executed(0, first);
  ledger::Execution other = execution(first);
  other.results_root = {};
  checkers_.on_executed({1}, first, other, {});
  expect("results");
}

TEST_F(SimCheckers, DifferentTreeHeadsAreSeen) {
  const CertifiedBatch first = batch(1, {transaction(1)});
  executed(0, first);
  checkers_.on_executed({1}, first, execution(first), {2, {}});
  expect("results");
}

TEST_F(SimCheckers, VoteThatIsNotOnTheDiskIsSeen) {
  const auto disk = reserved_disk();
  commit(1, batch(1, {transaction(1)}), *disk);
  expect("durable");
}

TEST_F(SimCheckers, VoteBelowTheSyncedLedgerNeedsNoRecord) {
  const auto disk = reserved_disk();
  const CertifiedBatch first = batch(1, {transaction(1)});
  const Vote cast = vote(first, {1});
  checkers_.on_send({1}, pbft::Commit{cast, sign(Purpose::kCommit, cast)}, *disk, {1});
  expect_nothing();
}

TEST_F(SimCheckers, PrepareWithoutItsBodiesOnTheDiskIsSeen) {
  const auto disk = reserved_disk();
  const CertifiedBatch first = batch(1, {transaction(1)});
  const Vote proposed = vote(first, {0});
  const Vote cast = vote(first, {1});
  const pbft::PrePrepare proposal{proposed, sign(Purpose::kPrePrepare, proposed), first.batch};
  const pbft::Prepare prepare{cast, sign(Purpose::kPrepare, cast), proposal.signature};
  ASSERT_TRUE(disk->begin_write({pbft::to_vote_record(pbft::ProposalRecord{proposal, prepare})})
                  .has_value());
  ASSERT_TRUE(disk->finish_write().has_value());
  checkers_.on_send({1}, prepare, *disk, {});
  expect("durable");
}

TEST_F(SimCheckers, SecondVoteForOnePlaceIsSeenAcrossLives) {
  const auto disk = reserved_disk();
  for (const std::uint64_t nonce : {1, 2}) {
    const CertifiedBatch first = batch(1, {transaction(nonce)});
    const Vote cast = vote(first, {1});
    const pbft::CommitRecord record{{cast, sign(Purpose::kCommit, cast)}, {}};
    ASSERT_TRUE(disk->begin_write({pbft::to_vote_record(record)}).has_value());
    ASSERT_TRUE(disk->finish_write().has_value());
    commit(1, first, *disk);
    checkers_.on_start({1}, {0});
  }
  expect("contradiction");
}

TEST_F(SimCheckers, LiarMayVoteTwice) {
  const auto disk = reserved_disk();
  commit(3, batch(1, {transaction(1)}), *disk);
  commit(3, batch(1, {transaction(2)}), *disk);
  expect_nothing();
}

TEST_F(SimCheckers, SecondViewChangeForOneViewIsSeenAcrossLives) {
  const auto disk = reserved_disk();
  for (const bool has_stable : {false, true}) {
    pbft::ViewChangeBody body{{}, {1}, {1}, {}, {}};
    if (has_stable) body.stable.emplace();
    const pbft::ViewChange message{
        body, crypto::sign_body(world_.signer({1}), Purpose::kViewChange, world_.chain_id(),
                                pbft::view_vote(body))};
    ASSERT_TRUE(disk->begin_write({pbft::to_vote_record(pbft::ViewChangeRecord{message})}));
    ASSERT_TRUE(disk->finish_write());
    checkers_.on_send({1}, message, *disk, {});
    checkers_.on_start({1}, {0});
  }
  expect("contradiction");
}

TEST_F(SimCheckers, ViewChangeThatIsNotOnTheDiskIsSeen) {
  const auto disk = reserved_disk();
  checkers_.on_send({1}, pbft::ViewChange{{{}, {1}, {1}, {}, {}}, {}}, *disk, {});
  expect("durable");
}

TEST_F(SimCheckers, NewViewThatIsNotOnTheDiskIsSeen) {
  const auto disk = reserved_disk();
  checkers_.on_send({1}, pbft::NewView{{{}, {1}, {1}, {}}, {}}, *disk, {});
  expect("durable");
}

TEST_F(SimCheckers, CheckpointVoteThatIsNotOnTheDiskIsSeen) {
  const auto disk = reserved_disk();
  checkers_.on_send({1}, ledger::CheckpointVote{{world_.chain_id(), {5, {}}, {5}, {}, {}, {}}, 0,
                                                {1}, {}}, *disk, {});
  expect("durable");
}

TEST_F(SimCheckers, VoteAboveTheGuardsCeilingIsSeen) {
  const auto disk = memory_votes(world_.chain_id());
  const CertifiedBatch first = batch(1, {transaction(1)});
  const Vote cast = vote(first, {1});
  ASSERT_TRUE(disk->begin_write({pbft::to_vote_record(
      pbft::CommitRecord{{cast, sign(Purpose::kCommit, cast)}, {}})}));
  ASSERT_TRUE(disk->finish_write());
  commit(1, first, *disk);
  expect("ceiling");
}

TEST_F(SimCheckers, DifferentCheckpointNotesAreSeen) {
  checkers_.on_checkpoint({0}, {world_.chain_id(), {5, {}}, {5}, {}, {}, {}});
  checkers_.on_checkpoint({1}, {world_.chain_id(), {5, {}}, {5}, {}, {}, world_.chain_id()});
  expect("checkpoint");
}

TEST_F(SimCheckers, StableCheckpointWithoutAQuorumIsSeen) {
  const auto disk = reserved_disk();
  checkers_.on_send({0}, ledger::StableCheckpoint{{world_.chain_id(), {5, {}}, {5}, {}, {}, {}},
                                                  0, {}}, *disk, {});
  expect("checkpoint");
}

// Replica 1, as it starts.
struct Core {
  Core(const SimWorld& world, std::uint64_t executed)
      : voter(world.signer({1}), world.chain_id(), {1}, world.replicas(),
              pbft::Standing::kVoter),
        replica(config(world), voter, start(executed)) {}

  static pbft::ReplicaConfig config(const SimWorld& world) {
    pbft::ReplicaConfig config;
    config.self = {1};
    config.replicas = world.replicas();
    return config;
  }
  static pbft::ReplicaStart start(std::uint64_t executed) {
    pbft::ReplicaStart start;
    start.executed = {executed};
    return start;
  }

  pbft::Voter voter;
  pbft::Replica replica;
};

// An old core in place of a newer one within a life.
TEST_F(SimCheckers, ReplicaThatGoesBackIsSeen) {
  checkers_.on_step({1}, Core(world_, 2).replica, {});
  checkers_.on_step({1}, Core(world_, 1).replica, {});
  expect("transition");
}

// It entered view 1, whose plan ends at sequence 5, and nothing new is committed there.
TEST_F(SimCheckers, FirstNewBatchOfAViewThatIsLargeOrNotAloneIsSeen) {
  const auto propose = [&](Checkers& checkers, std::uint64_t sequence, std::size_t count) {
    const Core core(world_, 5);
    pbft::Output out;
    out.events.emplace_back(pbft::ViewEntered{{1}, crypto::sha256({}), {5}, {5}});
    pbft::ProposalRecord record;
    record.pre_prepare.vote.replica = {1};
    record.pre_prepare.vote.sequence = {sequence};
    record.pre_prepare.batch.ids.resize(count);
    out.persist.emplace_back(record);
    checkers.on_step({1}, core.replica, out);
  };
  propose(checkers_, 6, 32);
  expect_nothing();
  propose(checkers_, 6, 33);
  expect("plan");
  Checkers others(world_, {kLiar});
  propose(others, 7, 1);
  ASSERT_EQ(others.violations().size(), 1U);
  EXPECT_EQ(others.violations()[0].invariant, "plan");
}

TEST_F(SimCheckers, NoteOfADamagedStateIsItsReplicasOwnMatter) {
  ledger::CheckpointNote note;
  note.sequence = {1};
  checkers_.on_checkpoint({0}, note);
  note.state_root.bytes[0] ^= 1;
  checkers_.on_damage({1});
  checkers_.on_checkpoint({1}, note);
  expect_nothing();
  checkers_.on_checkpoint({2}, note);
  expect("checkpoint");
}

ledger::Evidence contradiction(const Vote& first, const Vote& second,
                               const crypto::Signature& first_signature,
                               const crypto::Signature& second_signature) {
  return ledger::VoteEvidence{ledger::VotePhase::kCommit, first, first_signature, second,
                              second_signature};
}

TEST_F(SimCheckers, EvidenceAgainstALiarIsWelcome) {
  const Vote first = vote(batch(1, {transaction(1)}), kLiar);
  const Vote second = vote(batch(1, {transaction(2)}), kLiar);
  checkers_.on_evidence({0}, contradiction(first, second, sign(Purpose::kCommit, first),
                                           sign(Purpose::kCommit, second)));
  expect_nothing();
  EXPECT_EQ(checkers_.counters().evidence, 1U);
}

TEST_F(SimCheckers, EvidenceAgainstACorrectReplicaIsSeen) {
  const Vote first = vote(batch(1, {transaction(1)}), {1});
  const Vote second = vote(batch(1, {transaction(2)}), {1});
  checkers_.on_evidence({0}, contradiction(first, second, sign(Purpose::kCommit, first),
                                           sign(Purpose::kCommit, second)));
  expect("evidence");
}

TEST_F(SimCheckers, EvidenceThatProvesNothingIsSeen) {
  const Vote first = vote(batch(1, {transaction(1)}), kLiar);
  const Vote second = vote(batch(1, {transaction(2)}), kLiar);
  checkers_.on_evidence({0}, contradiction(first, second, sign(Purpose::kCommit, first),
                                           sign(Purpose::kPrepare, second)));
  expect("evidence");
}

TEST_F(SimCheckers, RefusalOfACorrectReplicasMessageIsSeen) {
  checkers_.on_rejected({0}, kLiar, "bad-signature");
  expect_nothing();
  checkers_.on_rejected({0}, {1}, "bad-signature");
  expect("rejected");
}

// The first violation that so many seeds find when one replica has this bug.
std::string find_bug(HostBug bug, std::size_t replica, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SimOptions options;
    options.seed = seed;
    Simulator simulator(options);
    simulator.host(replica).bug = bug;
    WorkloadOptions clients;
    clients.pause_us_max = 20'000;
    clients.retry_us = 200'000;
    Workload workload(simulator, clients);
    NemesisOptions faults;
    faults.crash = 20;
    faults.pause_us_max = 300'000;
    faults.fault_us_max = 500'000;
    faults.amnesia = 0;
    Nemesis nemesis(simulator, faults);
    simulator.start_all();
    workload.start();
    nemesis.start();
    if (!simulator.run_for(10 * kSecond)) {
      return std::string(simulator.checkers().violations()[0].invariant);
    }
  }
  return "nothing";
}

TEST(SimMutants, NoBugIsFoundWhereThereIsNone) {
  EXPECT_EQ(find_bug(HostBug::kNone, 0, 3), "nothing");
}

TEST(SimMutants, HostThatSendsBeforeItWroteIsFound) {
  EXPECT_EQ(find_bug(HostBug::kSendsBeforeWrite, 1, 5), "durable");
}

TEST(SimMutants, PrimaryThatForgetsItsVotesIsFound) {
  EXPECT_EQ(find_bug(HostBug::kForgetsVotes, 0, 50), "contradiction");
}

TEST(SimMutants, LedgerThatForgetsNoncesIsFound) {
  EXPECT_EQ(find_bug(HostBug::kForgetsNonces, 2, 20), "checkpoint");
}

TEST(SimMutants, LedgerThatSkipsABatchIsFound) {
  EXPECT_EQ(find_bug(HostBug::kSkipsBatch, 2, 5), "results");
}

}  // namespace
}  // namespace quorate::testnet
