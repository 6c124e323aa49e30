#include "ledger/membership.h"

#include <gtest/gtest.h>

#include <functional>

#include "ledger/recorded_evidence.h"
#include "tests/ledger/example_membership.h"

namespace quorate::ledger {
namespace {

using namespace test;

// W = 2, so a change takes effect 8 batches after its own.
class MembershipTest : public testing::Test {
 protected:
  MembershipTest() {
    genesis_.faults = 1;
    genesis_.parameters.window_batches = 2;
    genesis_.parameters.checkpoint_interval = 4;
  }

  // The next batch.
  Execution run(std::vector<Operation> operations = {}) {
    std::vector<TransactionPtr> transactions;
    if (!operations.empty()) {
      transactions.push_back(
          Trusting::trust(example_body(genesis_, ++nonce_, std::move(operations))));
    }
    ++sequence_.value;
    return run_batch(state_, genesis_, {kGenesisTime.value + sequence_.value}, transactions,
                     sequence_);
  }
  // How the operation ends as a transaction of the next batch.
  std::string_view outcome(Operation operation) {
    return outcome_code(run({std::move(operation)}).results.at(0).outcome);
  }
  std::string_view change(MembershipChange change) {
    return outcome(example_change(genesis_, set(), std::move(change)));
  }
  void run_to_boundary() {
    while (read_standing(state_, sequence_).value().boundary != sequence_) run();
  }
  // One change after the other, each up to its boundary.
  void change_fully(MembershipChange next_change) {
    ASSERT_EQ(change(std::move(next_change)), "applied");
    run_to_boundary();
  }

  Membership membership() const { return Membership::read(state_, genesis_).value(); }
  ReplicaSet set() const { return membership().current(); }
  static std::string names(const std::vector<ReplicaInfo>& replicas) {
    std::string all;
    for (const ReplicaInfo& each : replicas) all += each.name.substr(8);
    return all;
  }
  std::string names() const { return names(set().replicas); }

  Genesis genesis_ = example_genesis(4);
  MapState state_{genesis_state(genesis_)};
  Sequence sequence_{0};
  std::uint64_t nonce_ = 0;
};

TEST_F(MembershipTest, AnAddedReplicaComesLastAfterTheBoundary) {
  run();
  const Execution changed = run({example_change(genesis_, set(), AddReplica{example_replica(4)})});
  ASSERT_EQ(outcome_code(changed.results[0].outcome), "applied");
  EXPECT_EQ(changed.boundary, Sequence{10});
  const auto start = read_epoch_start(state_, {1}).value().value();
  EXPECT_EQ(start.executed, Sequence{2});
  EXPECT_EQ(start.boundary, Sequence{10});
  EXPECT_EQ(names(start.replicas), "01234");
  for (std::uint64_t height = 3; height <= 10; ++height) {
    const Execution execution = run();
    EXPECT_EQ(execution.epoch, Epoch{0}) << height;
    EXPECT_EQ(execution.boundary, Sequence{10}) << height;
    EXPECT_EQ(execution.is_checkpoint, height % 4 == 0 || height == 10) << height;
    EXPECT_EQ(execution.writes.contains(epoch_key()), height == 10) << height;
    EXPECT_EQ(read_epoch(state_).value(), Epoch{height == 10 ? 1U : 0U}) << height;
    EXPECT_EQ(names(), height == 10 ? "01234" : "0123") << height;
  }
  EXPECT_EQ(read_checkpoint_mark(state_).value().sequence, Sequence{10});
  const Execution after = run();
  EXPECT_EQ(after.epoch, Epoch{1});
  EXPECT_EQ(after.boundary, std::nullopt);
  EXPECT_EQ(set().start, Sequence{10});
}

TEST_F(MembershipTest, ThoseAfterARemovedReplicaMoveDown) {
  change_fully(AddReplica{example_replica(4)});
  change_fully(RemoveReplica{example_replica(1).vote_key});
  EXPECT_EQ(names(), "0234");
  EXPECT_EQ(membership().set_of({1}).size(), 5U);
  EXPECT_EQ(membership().set_of({0}).size(), 4U);
}

TEST_F(MembershipTest, ARekeyedReplicaKeepsItsPlaceAndMayKeepNameAndNetworkKey) {
  ReplicaInfo rekeyed = example_replica(1);
  rekeyed.vote_key = example_replica(11).vote_key;
  change_fully(RekeyReplica{example_replica(1).vote_key, rekeyed});
  EXPECT_EQ(set().replicas[1], rekeyed);
  change_fully(RekeyReplica{rekeyed.vote_key, example_replica(12)});
  EXPECT_EQ(names(), "01223");
}

TEST_F(MembershipTest, GrowsToSevenAndBack) {
  for (std::size_t number = 4; number < 7; ++number) {
    change_fully(AddReplica{example_replica(number)});
  }
  EXPECT_EQ(names(), "0123456");
  for (std::size_t number = 0; number < 3; ++number) {
    change_fully(RemoveReplica{example_replica(number).vote_key});
  }
  EXPECT_EQ(names(), "3456");
  EXPECT_EQ(set().epoch, Epoch{6});
}

TEST_F(MembershipTest, OneChangeAnEpochAlsoInTheLastBatchOfIt) {
  ASSERT_EQ(change(AddReplica{example_replica(4)}), "applied");
  const MapState pending = state_;
  EXPECT_EQ(change(AddReplica{example_replica(5)}), "tx-membership-pending");
  while (sequence_.value + 1 < 9) run();
  EXPECT_EQ(change(AddReplica{example_replica(5)}), "tx-membership-pending");
  ASSERT_EQ(sequence_, Sequence{9}) << "the boundary";
  EXPECT_EQ(change(AddReplica{example_replica(5)}), "applied");
  EXPECT_EQ(read_epoch_start(state_, {1}).value(), read_epoch_start(pending, {1}).value());
}

TEST_F(MembershipTest, TheFirstOfTwoInABatchWins) {
  const ChangeMembership first = example_change(genesis_, set(), AddReplica{example_replica(4)});
  const ChangeMembership second = example_change(genesis_, set(), AddReplica{example_replica(5)});
  const std::vector<TransactionPtr> both = {
      Trusting::trust(example_body(genesis_, 1, {first})),
      Trusting::trust(example_body(genesis_, 2, {put("k", "v"), second}))};
  const Execution execution = run_batch(state_, genesis_, {kGenesisTime.value + 1}, both);
  EXPECT_EQ(execution.results[0].outcome, Outcome::kApplied);
  EXPECT_EQ(execution.results[1].outcome, Outcome::kRejectedChangePending);
  EXPECT_EQ(execution.results[1].failed_operation, 1U);
}

TEST_F(MembershipTest, AChangeInARejectedTransactionHappensNot) {
  const Operation change = example_change(genesis_, set(), AddReplica{example_replica(4)});
  const Execution execution = run({change, Transfer{public_key_of("bob"), 5000}});
  EXPECT_EQ(execution.results[0].outcome, Outcome::kRejectedInsufficientFunds);
  EXPECT_EQ(execution.boundary, std::nullopt);
  EXPECT_FALSE(read_epoch_start(state_, {1}).value());
}

TEST_F(MembershipTest, RefusesWhatAQuorumOfTheEpochDidNotSign) {
  const MembershipChange add = AddReplica{example_replica(4)};
  const ReplicaSet set = this->set();
  const auto altered = [&](const std::function<void(ChangeMembership&)>& how) {
    ChangeMembership operation = example_change(genesis_, set, add, {0, 1, 3});
    how(operation);
    return outcome(operation);
  };
  EXPECT_EQ(outcome(example_change(genesis_, set, add, {1, 3})), "tx-membership-not-signed");
  EXPECT_EQ(outcome(example_change(genesis_, set, add, {})), "tx-membership-not-signed");
  EXPECT_EQ(outcome(example_change(genesis_, set, add, {1, 0, 3})), "tx-membership-not-signed");
  EXPECT_EQ(outcome(example_change(genesis_, set, add, {1, 1, 3})), "tx-membership-not-signed");
  EXPECT_EQ(altered([](auto& op) { op.endorsements[2].replica = {4}; }),
            "tx-membership-not-signed");
  EXPECT_EQ(altered([](auto& op) { op.endorsements[2].replica = {2}; }),
            "tx-membership-not-signed");
  EXPECT_EQ(altered([](auto& op) { op.endorsements[0].signature.bytes[3] ^= 1; }),
            "tx-membership-not-signed");
  // Consent is no endorsement, nor the other way round.
  EXPECT_EQ(altered([&](auto& op) {
              op.endorsements[0].signature =
                  consent_to(vote_signer(set, 0), chain_id_of(genesis_), op.body);
            }),
            "tx-membership-not-signed");
  EXPECT_EQ(altered([&](auto& op) {
              op.consent =
                  endorse(vote_signer(example_replica(4).vote_key), chain_id_of(genesis_), op.body);
            }),
            "tx-membership-no-consent");
  EXPECT_EQ(altered([](auto& op) { op.consent.reset(); }), "tx-membership-no-consent");
  EXPECT_EQ(altered([](auto& op) { op.consent->bytes[0] ^= 1; }), "tx-membership-no-consent");
  // Signatures are over the change, the epoch and the chain.
  EXPECT_EQ(altered([](auto& op) { std::get<AddReplica>(op.body.change).replica.name = "other"; }),
            "tx-membership-no-consent");
  EXPECT_EQ(altered([](auto& op) { op.body.epoch = {1}; }), "tx-membership-other-epoch");
  Genesis elsewhere = genesis_;
  elsewhere.name = "elsewhere";
  EXPECT_EQ(outcome(example_change(elsewhere, set, add)), "tx-membership-no-consent");
  EXPECT_FALSE(read_epoch_start(state_, {1}).value());
  EXPECT_EQ(outcome(example_change(genesis_, set, add, {0, 2, 3})), "applied");
}

TEST_F(MembershipTest, SignaturesOfAPastEpochOrARemovedReplicaCountForNothing) {
  const ReplicaSet before = set();
  const ChangeMembership old = example_change(genesis_, before, AddReplica{example_replica(9)});
  change_fully(AddReplica{example_replica(4)});
  EXPECT_EQ(outcome(old), "tx-membership-other-epoch");
  change_fully(RemoveReplica{example_replica(0).vote_key});
  // Numbers as they were before the removal, keys of the replicas that had them.
  ReplicaSet stale = before;
  stale.epoch = {2};
  EXPECT_EQ(outcome(example_change(genesis_, stale, AddReplica{example_replica(9)}, {0, 1, 2})),
            "tx-membership-not-signed");
  EXPECT_EQ(change(AddReplica{example_replica(9)}), "applied");
}

TEST_F(MembershipTest, RefusesUnknownReplicasAndTakenNames) {
  EXPECT_EQ(change(RemoveReplica{example_replica(4).vote_key}), "tx-membership-unknown-replica");
  EXPECT_EQ(change(RemoveReplica{example_replica(1).network_key}), "tx-membership-unknown-replica");
  EXPECT_EQ(change(RekeyReplica{example_replica(5).vote_key, example_replica(4)}),
            "tx-membership-unknown-replica");
  ReplicaInfo namesake = example_replica(4);
  namesake.name = "replica-2";
  EXPECT_EQ(change(AddReplica{namesake}), "tx-membership-name-taken");
  EXPECT_EQ(change(RekeyReplica{example_replica(1).vote_key, namesake}),
            "tx-membership-name-taken");
  namesake.name = "Replica 2";
  EXPECT_EQ(change(AddReplica{namesake}), "tx-membership-name-taken");
  namesake.name = "replica-1";
  EXPECT_EQ(change(RekeyReplica{example_replica(1).vote_key, namesake}), "applied");
}

TEST_F(MembershipTest, AKeyIsAReplicasOnce) {
  const auto with = [](PublicKey vote, PublicKey network) {
    return ReplicaInfo{"replica-x", vote, network};
  };
  const ReplicaInfo fresh = example_replica(20);
  const auto try_keys = [&](const ReplicaInfo& replica) {
    const std::string added(change(AddReplica{replica}));
    EXPECT_EQ(change(RekeyReplica{set().replicas[1].vote_key, replica}), added);
    return added;
  };
  const auto try_used = [&](const ReplicaInfo& used) {
    for (const PublicKey& key : {used.vote_key, used.network_key}) {
      // A network key cannot consent, nor need it: the refusal comes first.
      ChangeMembership operation =
          example_change(genesis_, set(), AddReplica{with(fresh.vote_key, fresh.network_key)});
      std::get<AddReplica>(operation.body.change).replica.vote_key = key;
      EXPECT_EQ(outcome(operation), "tx-membership-key-used");
      EXPECT_EQ(try_keys(with(fresh.vote_key, key)), "tx-membership-key-used");
    }
  };
  try_used(example_replica(0));
  EXPECT_EQ(try_keys(with(fresh.vote_key, fresh.vote_key)), "tx-membership-key-used");
  EXPECT_EQ(try_keys(with(fresh.vote_key, PublicKey{})), "tx-membership-key-used");
  change_fully(AddReplica{example_replica(4)});
  try_used(example_replica(4));
  change_fully(RekeyReplica{example_replica(4).vote_key, example_replica(5)});
  try_used(example_replica(4));
  try_used(example_replica(5));
  change_fully(RemoveReplica{example_replica(5).vote_key});
  try_used(example_replica(5));
  // The old vote key may not stay when a replica is rekeyed.
  ReplicaInfo same = example_replica(1);
  same.name = "replica-one";
  EXPECT_EQ(change(RekeyReplica{same.vote_key, same}), "tx-membership-key-used");
}

TEST_F(MembershipTest, KeepsAsManyReplicasAsGenesisPromises) {
  EXPECT_EQ(change(RemoveReplica{example_replica(1).vote_key}), "tx-membership-set-size");
  genesis_.faults = 0;
  EXPECT_EQ(change(RemoveReplica{example_replica(1).vote_key}), "applied");
}

TEST_F(MembershipTest, TheLastReplicaStays) {
  genesis_ = example_genesis(1);
  state_ = MapState(genesis_state(genesis_));
  EXPECT_EQ(change(RemoveReplica{example_replica(0).vote_key}), "tx-membership-set-size");
}

TEST_F(MembershipTest, WhatIsReadAgreesWithWhatEachBatchSaid) {
  std::vector<EpochStanding> said = {{{0}, std::nullopt}};
  const auto run_on = [&](std::optional<MembershipChange> next_change) {
    std::vector<Operation> operations;
    if (next_change) operations = {example_change(genesis_, set(), *next_change)};
    const Execution execution = run(operations);
    said.push_back({execution.epoch, execution.boundary});
    EXPECT_EQ(read_standing(state_, sequence_).value(), said.back()) << sequence_.value;
  };
  run_on({});
  run_on(AddReplica{example_replica(4)});
  for (int i = 0; i < 8; ++i) run_on({});
  run_on(AddReplica{example_replica(5)});  // in the first batch of the epoch
  for (int i = 0; i < 12; ++i) run_on({});
  run_on(RemoveReplica{example_replica(0).vote_key});
  const Membership all = membership();
  ASSERT_NE(all.pending(), nullptr);
  EXPECT_EQ(all.pending()->epoch, Epoch{3});
  EXPECT_EQ(all.current().epoch, Epoch{2});
  EXPECT_FALSE(all.knows({4}));
  for (std::size_t height = 0; height < said.size(); ++height) {
    EXPECT_EQ(all.standing_at({height}), said[height]) << height;
  }
  EXPECT_EQ(all.epoch_at(all.pending()->boundary), Epoch{2});
  EXPECT_EQ(all.epoch_at(next(all.pending()->boundary)), Epoch{3});
}

TEST_F(MembershipTest, ALeafThatCannotBeIsNamed) {
  change_fully(AddReplica{example_replica(4)});
  const MapState good = state_;
  const auto read_with = [&](const std::function<void(EpochStart&)>& how) {
    state_ = good;
    EpochStart start = read_epoch_start(state_, {1}).value().value();
    how(start);
    state_.leaves[epoch_start_key({1})] = crypto::encode(start);
    return refusal(Membership::read(state_, genesis_));
  };
  EXPECT_EQ(read_with([](auto&) {}), "none");
  EXPECT_EQ(read_with([](auto& start) { start.epoch = {2}; }), "state-malformed");
  EXPECT_EQ(read_with([](auto& start) { start.boundary = {8}; }), "state-malformed");
  EXPECT_EQ(read_with([](auto& start) { start.executed = {0}; }), "state-malformed");
  EXPECT_EQ(read_with([](auto& start) { start.replicas.resize(3); }), "state-malformed");
  state_.leaves[epoch_start_key({1})] = {0xff};
  EXPECT_EQ(refusal(Membership::read(state_, genesis_)), "state-malformed");
  state_.leaves.erase(epoch_start_key({1}));
  EXPECT_EQ(refusal(Membership::read(state_, genesis_)), "state-malformed");
  state_.leaves.erase(epoch_key());
  EXPECT_EQ(refusal(Membership::read(state_, genesis_)), "state-malformed");
}

// --- evidence

class MembershipEvidence : public MembershipTest {
 protected:
  VoteEvidence two_votes(const ReplicaSet& set, std::uint16_t replica) const {
    const auto vote = [&](std::string_view batch) {
      return Vote{set.epoch, {0}, {20}, crypto::sha256(as_bytes(batch)), {}, {replica}};
    };
    const auto sign_vote = [&](const Vote& each) {
      return crypto::sign_body(vote_signer(set, replica), crypto::Purpose::kPrepare,
                               chain_id_of(genesis_), each);
    };
    const Vote first = vote("one");
    const Vote second = vote("two");
    return {VotePhase::kPrepare, first, sign_vote(first), second, sign_vote(second)};
  }
  std::size_t recorded(std::uint64_t epoch, std::uint16_t replica) const {
    return read_evidence(state_, {epoch}, {replica}).value().size();
  }
};

TEST_F(MembershipEvidence, IsJudgedByTheSetOfItsEpochAndKeptUnderIt) {
  change_fully(AddReplica{example_replica(4)});
  change_fully(RemoveReplica{example_replica(0).vote_key});
  const Membership all = membership();
  EXPECT_EQ(outcome(RecordEvidence{two_votes(all.set_of({0}), 0)}), "applied") << "is gone";
  EXPECT_EQ(outcome(RecordEvidence{two_votes(all.set_of({1}), 0)}), "applied");
  EXPECT_EQ(outcome(RecordEvidence{two_votes(all.set_of({2}), 0)}), "applied") << "another's";
  EXPECT_EQ(outcome(RecordEvidence{two_votes(all.set_of({1}), 4)}), "applied");
  EXPECT_EQ(outcome(RecordEvidence{two_votes(all.set_of({1}), 4)}), "tx-evidence-known");
  EXPECT_EQ(recorded(0, 0), 1U);
  EXPECT_EQ(recorded(1, 0), 1U);
  EXPECT_EQ(recorded(2, 0), 1U);
  EXPECT_EQ(recorded(1, 4), 1U);
  EXPECT_EQ(recorded(0, 4), 0U);
  EXPECT_EQ(to_hex(offences_key({0}, {4})), "00670004");
  EXPECT_EQ(to_hex(offences_key({1}, {4})), "006700000000000000010004");
  // Signed by the removed replica, in the name of who has its number now.
  VoteEvidence forged = two_votes(all.set_of({2}), 1);
  forged.first.replica = forged.second.replica = {2};
  EXPECT_EQ(outcome(RecordEvidence{forged}), "tx-evidence-invalid");
  ReplicaSet stale = all.set_of({0});
  stale.epoch = {2};
  EXPECT_EQ(outcome(RecordEvidence{two_votes(stale, 3)}), "tx-evidence-invalid");
}

TEST_F(MembershipEvidence, OfAnEpochThatHasNotBegunIsNone) {
  ASSERT_EQ(change(AddReplica{example_replica(4)}), "applied");
  const ReplicaSet coming = membership().set_of({1});
  EXPECT_EQ(outcome(RecordEvidence{two_votes(coming, 4)}), "tx-evidence-invalid");
  ReplicaSet never = coming;
  never.epoch = {7};
  EXPECT_EQ(outcome(RecordEvidence{two_votes(never, 0)}), "tx-evidence-invalid");
  run_to_boundary();
  EXPECT_EQ(outcome(RecordEvidence{two_votes(coming, 4)}), "applied");
}

// --- form

class MembershipForm : public testing::Test {
 protected:
  std::string_view form(const std::function<void(ChangeMembership&)>& how,
                        MembershipChange change = AddReplica{example_replica(4)}) {
    ChangeMembership operation = example_change(genesis_, genesis_replicas(genesis_), change);
    how(operation);
    const Status good = check_form(operation);
    return good ? "none" : good.error().code;
  }
  ReplicaInfo& replica(ChangeMembership& operation) {
    return std::get<AddReplica>(operation.body.change).replica;
  }

  Genesis genesis_ = example_genesis();
};

TEST_F(MembershipForm, RefusesWhatNoStateCouldAccept) {
  EXPECT_EQ(form([](auto&) {}), "none");
  EXPECT_EQ(form([](auto&) {}, RemoveReplica{example_replica(1).vote_key}), "none");
  EXPECT_EQ(form([&](auto& op) { replica(op).name = ""; }), "tx-membership-malformed");
  EXPECT_EQ(form([&](auto& op) { replica(op).name = "A"; }), "tx-membership-malformed");
  EXPECT_EQ(form([&](auto& op) { replica(op).name = std::string(65, 'a'); }),
            "tx-membership-malformed");
  EXPECT_EQ(form([&](auto& op) { replica(op).vote_key = replica(op).network_key; }),
            "tx-membership-malformed");
  EXPECT_EQ(form([&](auto& op) { replica(op).vote_key = {}; }), "tx-membership-invalid-key");
  EXPECT_EQ(form([&](auto& op) { replica(op).network_key = {}; }), "tx-membership-invalid-key");
  EXPECT_EQ(form([](auto& op) { op.consent.reset(); }), "tx-membership-malformed");
  EXPECT_EQ(
      form([](auto& op) { op.consent = Signature{}; }, RemoveReplica{example_replica(1).vote_key}),
      "tx-membership-malformed");
  EXPECT_EQ(form([](auto& op) { op.endorsements.clear(); }), "tx-membership-malformed");
  EXPECT_EQ(form([](auto& op) { std::swap(op.endorsements[0], op.endorsements[1]); }),
            "tx-membership-malformed");
  EXPECT_EQ(form([](auto& op) { op.endorsements[1] = op.endorsements[0]; }),
            "tx-membership-malformed");
  EXPECT_EQ(form([](auto& op) {
              for (std::uint16_t i = 3; i < 401; ++i) op.endorsements.push_back({{i}, {}});
            }),
            "tx-membership-malformed");
}

TEST_F(MembershipForm, IsJudgedAtAdmission) {
  genesis_.senders = {{public_key_of("carol")}};
  crypto::SignatureCache cache(16);
  const TransactionVerifier verifier(genesis_, chain_id_of(genesis_), &cache);
  const auto verdict = [&](std::string_view who, std::vector<Operation> operations) {
    Transaction body = example_body(genesis_, 1, std::move(operations));
    body.sender = public_key_of(who);
    return refusal(verifier.check(sign(body, who)));
  };
  ChangeMembership change =
      example_change(genesis_, genesis_replicas(genesis_), AddReplica{example_replica(4)});
  EXPECT_EQ(verdict("carol", {change, put("k", "v")}), "none");
  EXPECT_EQ(verdict("network key of replica 1", {change}), "none");
  EXPECT_EQ(verdict("network key of replica 1", {change, put("k", "v")}), "tx-sender-not-allowed");
  EXPECT_EQ(verdict("bob", {change}), "tx-sender-not-allowed");
  EXPECT_EQ(verdict("carol", {change, change}), "tx-membership-twice");
  change.consent.reset();
  EXPECT_EQ(verdict("carol", {change}), "tx-membership-malformed");
}

}  // namespace
}  // namespace quorate::ledger
