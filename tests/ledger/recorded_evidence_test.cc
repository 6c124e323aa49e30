#include "ledger/recorded_evidence.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

constexpr TimeMs kNow{kGenesisTime.value + 1000};

crypto::Signature sign_view(const Genesis& genesis, ViewPhase phase, const ViewVote& vote) {
  return crypto::sign_body(key_of(vote_key_name(vote.replica.value)), purpose_of(phase),
                           chain_id_of(genesis), vote);
}

ViewEvidence two_new_views(const Genesis& genesis, std::uint16_t replica) {
  const ViewVote one{{0}, {5}, crypto::sha256(as_bytes("one")), {replica}};
  const ViewVote other{{0}, {5}, crypto::sha256(as_bytes("other")), {replica}};
  return {ViewPhase::kNewView, one, sign_view(genesis, ViewPhase::kNewView, one), other,
          sign_view(genesis, ViewPhase::kNewView, other)};
}

CheckpointVote cosigned(std::uint16_t replica, const CheckpointNote& note,
                        std::uint64_t seconds) {
  return {note, seconds, {replica}, cosign(key_of(vote_key_name(replica)), note, seconds)};
}

CheckpointEvidence two_checkpoints(const Genesis& genesis, std::uint16_t replica) {
  CheckpointNote note{chain_id_of(genesis), {16, {}}, {16}, {0}, {}, {}};
  const CheckpointVote first = cosigned(replica, note, 1);
  note.state_root.bytes[0] = 1;
  return {first, cosigned(replica, note, 2)};
}

class RecordedEvidenceTest : public testing::Test {
 protected:
  TransactionPtr with(std::vector<Operation> operations) {
    return Trusting::trust(example_body(genesis_, next_nonce_++, std::move(operations)));
  }
  std::string_view run(const TransactionPtr& transaction) {
    return outcome_code(
        run_batch(state_, genesis_, kNow, {transaction}, {9}).results.at(0).outcome);
  }
  std::string_view record(const Evidence& evidence) {
    return run(with({RecordEvidence{evidence}}));
  }
  std::size_t recorded(std::uint16_t replica) const {
    return read_evidence(state_, {0}, ReplicaId{replica}).value().size();
  }

  Genesis genesis_ = example_genesis();
  MapState state_{genesis_state(genesis_)};
  std::uint64_t next_nonce_ = 1;
};

TEST_F(RecordedEvidenceTest, KeepsTheProofAndWhereItCame) {
  const Evidence evidence = example_evidence(genesis_, 3);
  const TransactionPtr transaction = with({RecordEvidence{evidence}});
  EXPECT_EQ(run(transaction), "applied");
  const auto all = read_evidence(state_, {0}, ReplicaId{3}).value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(crypto::encode(all[0].evidence), crypto::encode(evidence));
  EXPECT_EQ(all[0].sequence, Sequence{9});
  EXPECT_EQ(all[0].time, kNow);
  EXPECT_EQ(all[0].transaction, transaction->id);
  EXPECT_EQ(to_hex(offences_key({0}, {258})), "00670102");
  EXPECT_TRUE(state_.leaves.contains(evidence_key({0}, {3}, offence_of(evidence))));
  for (std::uint16_t other = 0; other < 3; ++other) EXPECT_EQ(recorded(other), 0U) << other;
}

TEST_F(RecordedEvidenceTest, EachKindConvicts) {
  EXPECT_EQ(record(example_evidence(genesis_, 1)), "applied");
  EXPECT_EQ(record(two_new_views(genesis_, 1)), "applied");
  EXPECT_EQ(record(two_checkpoints(genesis_, 1)), "applied");
  EXPECT_EQ(recorded(1), 3U);
}

TEST_F(RecordedEvidenceTest, OneOffenceIsRecordedOnce) {
  const VoteEvidence evidence = example_evidence(genesis_, 3);
  EXPECT_EQ(record(evidence), "applied");
  const MapState before = state_;
  VoteEvidence turned = evidence;
  std::swap(turned.first, turned.second);
  std::swap(turned.first_signature, turned.second_signature);
  EXPECT_EQ(record(turned), "tx-evidence-known");
  VoteEvidence third = evidence;
  third.second.batch = crypto::sha256(as_bytes("a third batch"));
  EXPECT_EQ(record(third), "tx-evidence-known");
  EXPECT_EQ(recorded(3), 1U);
  EXPECT_EQ(record(example_evidence(genesis_, 3, {21})), "applied") << "another place";
  EXPECT_EQ(record(example_evidence(genesis_, 2)), "applied") << "another replica";
}

// A proof with one thing changed, of which no part may accuse anybody.
TEST_F(RecordedEvidenceTest, WhatProvesNothingIsRejected) {
  const VoteEvidence good = example_evidence(genesis_, 3);
  const auto again = [&](Vote vote, std::uint16_t signer) {
    return crypto::sign_body(key_of(vote_key_name(signer)), crypto::Purpose::kPrepare,
                             chain_id_of(genesis_), vote);
  };
  const std::vector<std::pair<const char*, std::function<void(VoteEvidence&)>>> mutations = {
      {"one body twice",
       [](auto& e) { e.second = e.first; e.second_signature = e.first_signature; }},
      {"another sequence", [&](auto& e) {
         e.second.sequence = {21};
         e.second_signature = again(e.second, 3);
       }},
      {"another view", [&](auto& e) {
         e.second.view = {1};
         e.second_signature = again(e.second, 3);
       }},
      {"another epoch", [&](auto& e) {
         e.first.epoch = e.second.epoch = {1};
         e.first_signature = again(e.first, 3);
         e.second_signature = again(e.second, 3);
       }},
      {"two replicas", [&](auto& e) {
         e.second.replica = {2};
         e.second_signature = again(e.second, 2);
       }},
      {"an unknown replica", [&](auto& e) {
         e.first.replica = e.second.replica = {4};
         e.first_signature = again(e.first, 3);
         e.second_signature = again(e.second, 3);
       }},
      {"in the name of another", [](auto& e) { e.first.replica = e.second.replica = {2}; }},
      {"signed by another", [&](auto& e) { e.second_signature = again(e.second, 2); }},
      {"another phase", [](auto& e) { e.phase = VotePhase::kCommit; }},
      {"a flipped bit in the first signature",
       [](auto& e) { e.first_signature.bytes[0] ^= 1; }},
      {"a flipped bit in the second signature",
       [](auto& e) { e.second_signature.bytes[63] ^= 1; }},
      {"a batch that nobody signed", [](auto& e) { e.second.batch.bytes[0] ^= 1; }},
  };
  for (const auto& [name, mutate] : mutations) {
    VoteEvidence bad = good;
    mutate(bad);
    EXPECT_EQ(record(bad), "tx-evidence-invalid") << name;
  }
  Genesis elsewhere = genesis_;
  elsewhere.name = "elsewhere";
  EXPECT_EQ(record(example_evidence(elsewhere, 3)), "tx-evidence-invalid") << "another chain";
  CheckpointEvidence same = two_checkpoints(genesis_, 3);
  same.second = cosigned(3, same.first.note, 2);
  EXPECT_EQ(record(same), "tx-evidence-invalid") << "one note at two times";
  EXPECT_EQ(record(two_checkpoints(elsewhere, 3)), "tx-evidence-invalid") << "another log";
  for (std::uint16_t replica = 0; replica < 5; ++replica) {
    EXPECT_EQ(recorded(replica), 0U) << replica;
  }
  EXPECT_EQ(record(good), "applied");
}

TEST_F(RecordedEvidenceTest, ARejectedProofTakesTheWholeTransactionAlong) {
  VoteEvidence bad = example_evidence(genesis_, 3);
  bad.second_signature.bytes[0] ^= 1;
  const TransactionPtr transaction = with(
      {put("k", "v"), RecordEvidence{example_evidence(genesis_, 1)}, RecordEvidence{bad}});
  const TxResult result = run_batch(state_, genesis_, kNow, {transaction}).results.at(0);
  EXPECT_EQ(result.outcome, Outcome::kRejectedEvidenceInvalid);
  EXPECT_EQ(result.failed_operation, 2U);
  EXPECT_EQ(recorded(1), 0U);
  EXPECT_FALSE(read_entry(state_, as_bytes("k")).value());
}

TEST_F(RecordedEvidenceTest, IsBoundedForEachReplica) {
  for (std::size_t i = 0; i < kOffencesMax; ++i) {
    EXPECT_EQ(record(example_evidence(genesis_, 3, {100 + i})), "applied");
  }
  EXPECT_EQ(record(example_evidence(genesis_, 3, {99})), "tx-evidence-full");
  EXPECT_EQ(record(example_evidence(genesis_, 3, {100})), "tx-evidence-known");
  EXPECT_EQ(record(example_evidence(genesis_, 2, {99})), "applied");
  EXPECT_EQ(recorded(3), kOffencesMax);
}

TEST_F(RecordedEvidenceTest, ALeafThatIsNotEvidenceIsNamed) {
  ASSERT_EQ(record(example_evidence(genesis_, 3)), "applied");
  state_.leaves.erase(evidence_key({0}, {3}, offence_of(example_evidence(genesis_, 3))));
  EXPECT_EQ(refusal(read_evidence(state_, {0}, ReplicaId{3})), "state-malformed");
  state_.leaves[offences_key({0}, {3})] = {0xff};
  EXPECT_EQ(refusal(read_evidence(state_, {0}, ReplicaId{3})), "state-malformed");
}

// Where a list says who may send, nodes may still report, and do nothing else with that key.
TEST_F(RecordedEvidenceTest, ANetworkKeyMayReportWithoutBeingListed) {
  genesis_.senders = {{public_key_of("carol")}};
  const std::string reporter = "network key of replica 1";
  crypto::SignatureCache cache(16);
  const TransactionVerifier verifier(genesis_, chain_id_of(genesis_), &cache);
  const auto verdict = [&](std::string_view who, std::vector<Operation> operations) {
    Transaction body = example_body(genesis_, 1, std::move(operations));
    body.sender = public_key_of(who);
    const SignedTransaction transaction = sign(body, who);
    const auto code = refusal(verifier.check(transaction));
    const Status form = check_form(transaction, 1000, genesis_);
    EXPECT_EQ(form ? "none" : form.error().code, code);
    return code;
  };
  const RecordEvidence evidence{example_evidence(genesis_, 3)};
  EXPECT_EQ(verdict(reporter, {evidence}), "none");
  EXPECT_EQ(verdict(reporter, {evidence, evidence}), "none");
  EXPECT_EQ(verdict(reporter, {evidence, put("k", "v")}), "tx-sender-not-allowed");
  EXPECT_EQ(verdict(reporter, {put("k", "v")}), "tx-sender-not-allowed");
  EXPECT_EQ(verdict("bob", {evidence}), "tx-sender-not-allowed");
  EXPECT_EQ(verdict(vote_key_name(1), {evidence}), "tx-sender-not-allowed");
}

}  // namespace
}  // namespace quorate::ledger
