#include "ledger/epoch_proof.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/ledger/epoch_ledger.h"

namespace quorate::ledger {
namespace {

using namespace test;

class EpochProofTest : public EpochLedger {
 protected:
  std::string_view verdict(const std::vector<EpochProof>& proofs, std::uint64_t epoch) {
    crypto::SignatureCache cache(64);
    return refusal(verify_epochs(proofs, {epoch}, genesis_, cache));
  }
  // Signed anew by `set`.
  static void sign_again(EpochProof& proof, const ReplicaSet& set) {
    proof.boundary = stabilise(proof.boundary.note, proof.boundary.time_seconds, set);
  }
};

TEST_F(EpochProofTest, LeadsFromGenesisToEverySet) {
  fill_epochs();
  crypto::SignatureCache cache(64);
  const Membership proved = verify_epochs(proofs(3), {3}, genesis_, cache).value();
  const Membership known = membership();
  for (std::uint64_t epoch = 0; epoch <= 3; ++epoch) {
    EXPECT_EQ(proved.set_of({epoch}).replicas, known.set_of({epoch}).replicas) << epoch;
    EXPECT_EQ(proved.set_of({epoch}).start, known.set_of({epoch}).start) << epoch;
    EXPECT_EQ(verdict(proofs(epoch), epoch), "none") << epoch;
  }
}

TEST_F(EpochProofTest, IsKeptOnceTheBoundaryIsStable) {
  begin_change(AddReplica{example_replica(4)});
  EXPECT_EQ(refusal(store_->epoch_proofs({1})), "epoch-not-proved");
  run_to_boundary(false);
  EXPECT_EQ(refusal(store_->epoch_proofs({1})), "epoch-not-proved");
  stabilise_head();
  EXPECT_EQ(proofs(1).size(), 1U);
  EXPECT_EQ(proofs(0).size(), 0U);
  EXPECT_EQ(refusal(store_->epoch_proofs({2})), "epoch-not-proved");
  const Bytes before = crypto::encode(proofs(1));
  for (int i = 0; i < 6; ++i) add({put_one()});
  reopen();
  EXPECT_EQ(crypto::encode(proofs(1)), before) << "for good";
}

// Who lags may learn the checkpoint before its block.
TEST_F(EpochProofTest, IsKeptOnceTheBoundaryIsExecuted) {
  begin_change(AddReplica{example_replica(4)});
  run_to_boundary();
  const StableCheckpoint boundary = store_->latest_stable().value().value();
  const Bytes expected = crypto::encode(proofs(1));
  nonce_ = 0;
  env_.remove_folder("/lagging");
  auto full = std::exchange(store_, Store::create("/lagging", genesis_, {&env_}).value());
  ASSERT_TRUE(store_->put_stable(boundary));
  begin_change(AddReplica{example_replica(4)});
  EXPECT_EQ(refusal(store_->epoch_proofs({1})), "epoch-not-proved");
  run_to_boundary(false);
  EXPECT_EQ(crypto::encode(proofs(1)), expected);
}

TEST_F(EpochProofTest, IsMadeAgainAtOpeningIfACrashTookIt) {
  change(AddReplica{example_replica(4)});
  const Bytes before = crypto::encode(proofs(1));
  store_.reset();
  forge(keys::epoch_proof({1}), std::nullopt);
  store_ = Store::open("/ledger", chain_id_of(genesis_), {&env_}).value();
  EXPECT_EQ(crypto::encode(proofs(1)), before);
}

TEST_F(EpochProofTest, NoneMayBeMissingExtraOrReordered) {
  fill_epochs();
  const std::vector<EpochProof> all = proofs(3);
  EXPECT_EQ(verdict({all[0], all[1]}, 3), "epoch-proofs-missing");
  EXPECT_EQ(verdict({}, 3), "epoch-proofs-missing");
  EXPECT_EQ(verdict(all, 2), "epoch-proofs-not-needed");
  EXPECT_EQ(verdict({all[0]}, 0), "epoch-proofs-not-needed");
  EXPECT_EQ(verdict({all[0], all[2], all[1]}, 3), "epoch-proof-out-of-order");
  EXPECT_EQ(verdict({all[0], all[1], all[1]}, 3), "epoch-proof-out-of-order");
  EXPECT_EQ(verdict({all[0], all[2]}, 2), "epoch-proof-out-of-order");
  EXPECT_EQ(verdict({all[1], all[2]}, 2), "epoch-proof-out-of-order");
  EXPECT_EQ(verdict(std::vector<EpochProof>(kEpochProofsMax + 1), kEpochProofsMax + 1),
            "epoch-proofs-too-many");
}

TEST_F(EpochProofTest, OnlyTheReplicasOfTheEpochBeforeHandItOn) {
  fill_epochs();
  const Membership known = membership();
  const auto with = [&](std::size_t at, const std::function<void(EpochProof&)>& how) {
    std::vector<EpochProof> all = proofs(3);
    how(all[at]);
    return verdict(all, 3);
  };
  // The first replica was removed at the start of epoch 2, and had number 0 as another one has now.
  ReplicaSet stale = known.set_of({1});
  EXPECT_EQ(with(2, [&](auto& proof) { sign_again(proof, stale); }), "checkpoint-bad-signature");
  stale = known.set_of({0});
  EXPECT_EQ(with(2, [&](auto& proof) { sign_again(proof, stale); }), "checkpoint-bad-signature");
  // The new set alone does not begin itself.
  EXPECT_EQ(with(1, [&](auto& proof) { sign_again(proof, known.set_of({2})); }),
            "checkpoint-too-few-votes");
  EXPECT_EQ(with(0,
                 [&](auto& proof) {
                   const auto& note = proof.boundary.note;
                   proof.boundary.cosignatures.push_back(
                       {{4}, cosign(vote_signer(known.set_of({1}), 4), note,
                                    proof.boundary.time_seconds)});
                 }),
            "checkpoint-unknown-replica");
  EXPECT_EQ(with(0, [](auto& proof) { proof.boundary.cosignatures.pop_back(); }),
            "checkpoint-too-few-votes");
}

TEST_F(EpochProofTest, SaysWhatTheSignedStateSays) {
  fill_epochs();
  const auto with = [&](const std::function<void(EpochProof&)>& how) {
    std::vector<EpochProof> all = proofs(1);
    how(all[0]);
    return verdict(all, 1);
  };
  EXPECT_EQ(with([](auto& proof) { proof.start.replicas[4] = example_replica(9); }),
            "state-proof-other-root");
  EXPECT_EQ(with([](auto& proof) { proof.start.replicas.pop_back(); }), "state-proof-other-root");
  EXPECT_EQ(with([](auto& proof) { ++proof.start.boundary.value; }), "state-proof-other-root");
  EXPECT_EQ(with([&](auto& proof) { proof.proof = proofs(2)[1].proof; }), "state-proof-other-root");
  Genesis elsewhere = genesis_;
  elsewhere.name = "elsewhere";
  crypto::SignatureCache cache(64);
  EXPECT_EQ(refusal(verify_epochs(proofs(1), {1}, elsewhere, cache)), "checkpoint-wrong-chain");
}

// The start stands in the state from its execution on, and a checkpoint before the boundary is
// stable as well; but it is not the end of its epoch.
TEST_F(EpochProofTest, ACheckpointBeforeTheBoundaryEndsNothing) {
  begin_change(AddReplica{example_replica(4)});
  add();
  const auto view = store_->stable_view().value();
  ASSERT_EQ(view.checkpoint().note.pending_boundary, Sequence{5});
  EpochProof early{view.checkpoint(), read_epoch_start(view, {1}).value().value(),
                   view.prove(epoch_start_key({1})).value()};
  EXPECT_EQ(verdict({early}, 1), "epoch-proof-no-boundary");
}

TEST_F(EpochProofTest, NoBitOfOneFlips) {
  change(AddReplica{example_replica(4)});
  const Bytes good = crypto::encode(proofs(1));
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= static_cast<std::uint8_t>(1U << i % 8);
    const auto read = crypto::decode<std::vector<EpochProof>>(bad);
    if (read) {
      EXPECT_NE(verdict(*read, 1), "none") << "byte " << i;
    }
  }
}

}  // namespace
}  // namespace quorate::ledger
