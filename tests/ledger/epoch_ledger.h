#pragma once

// A ledger in memory that goes through epochs, with real signatures by whoever may sign: W = 1, so
// a change takes effect 4 batches after its own, and every second batch is a checkpoint.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ledger/auditor.h"
#include "ledger/epoch_proof.h"
#include "ledger/store_impl.h"
#include "tests/ledger/audit_fixture.h"
#include "tests/ledger/example_membership.h"

namespace quorate::ledger::test {

class EpochLedger : public AuditTest {
 protected:
  EpochLedger() : AuditTest(genesis_of_short_epochs()) {}
  explicit EpochLedger(Genesis genesis) : AuditTest(std::move(genesis)) {}

  static Genesis genesis_of_short_epochs() {
    Genesis genesis = genesis_of_four();
    genesis.parameters.window_batches = 1;
    return genesis;
  }

  [[nodiscard]] Membership membership() const {
    return Membership::read(*store_, genesis_).value();
  }

  // The next block, by the replicas of its epoch; and, unless told otherwise, its checkpoint.
  void add(const std::vector<SignedTransaction>& transactions = {}, bool stabilises = true) {
    const ReplicaSet set = membership().current();
    CertifiedBatch block;
    for (const auto& each : transactions) block.transactions.push_back(Trusting::trust(each));
    const Sequence sequence = next(store_->height());
    const TimeMs time{kGenesisTime.value + 1000 * sequence.value};
    block.batch = make_batch(sequence, time, 0, ids_of(block.transactions));
    block.certificate = certify(genesis_, block.batch.header, set);
    const Execution execution =
        execute(block.batch.header, block.transactions, genesis_, *store_).value();
    for (const TxResult& result : execution.results) {
      ASSERT_EQ(outcome_code(result.outcome), "applied");
    }
    const Status appended = store_->append(block, execution);
    ASSERT_TRUE(appended) << appended.error().to_string();
    if (execution.is_checkpoint && stabilises) stabilise_head();
  }
  [[nodiscard]] StableCheckpoint stable_head() const {
    const CheckpointNote note = store_->checkpoint_note().value();
    const std::uint64_t seconds = store_->time().value / 1000;
    return stabilise(note, seconds, membership().set_of(note.epoch));
  }
  void stabilise_head() {
    const Status kept = store_->put_stable(stable_head());
    ASSERT_TRUE(kept) << kept.error().to_string();
  }
  [[nodiscard]] SignedTransaction put_one() {
    ++nonce_;
    return transaction(nonce_, {put("key", std::to_string(nonce_))});
  }
  // Executed in the next block.
  void begin_change(MembershipChange change) {
    const auto operation = example_change(genesis_, membership().current(), std::move(change));
    add({transaction(++nonce_, {operation})});
  }
  // Up to the boundary, which stays unstable if told so.
  void run_to_boundary(bool stabilises = true) {
    const Sequence boundary = membership().pending()->boundary;
    while (store_->height() < boundary) add({put_one()}, stabilises);
  }
  void change(MembershipChange what) {
    begin_change(std::move(what));
    run_to_boundary();
  }
  // Three epochs after genesis: 5 replicas, then 4 without the first, then one of them rekeyed; a
  // block with a transaction in each.
  void fill_epochs() {
    add({put_one()});
    change(AddReplica{example_replica(4)});
    add({put_one()});
    change(RemoveReplica{example_replica(0).vote_key});
    add({put_one()});
    change(RekeyReplica{example_replica(2).vote_key, example_replica(12)});
    add({put_one()});
    add({put_one()});
    ASSERT_EQ(membership().current().epoch, Epoch{3});
  }
  [[nodiscard]] std::vector<EpochProof> proofs(std::uint64_t epoch) const {
    return store_->epoch_proofs({epoch}).value();
  }
  void reopen() {
    store_.reset();
    store_ = Store::open("/ledger", chain_id_of(genesis_), {&env_}).value();
  }

  std::uint64_t nonce_ = 0;
};

}  // namespace quorate::ledger::test
