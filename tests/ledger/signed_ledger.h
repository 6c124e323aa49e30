#pragma once

// A ledger in memory whose blocks and checkpoints carry real signatures, for what is proved to
// strangers. A checkpoint every second block.

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "ledger/store.h"
#include "tests/ledger/example_network.h"
#include "tests/support/faulty_env.h"

namespace quorate::ledger::test {

// At a second after the last block, committed by three of four.
inline void append_block(Store& store, const Genesis& genesis,
                         const std::vector<SignedTransaction>& transactions) {
  CertifiedBatch block;
  for (const SignedTransaction& each : transactions) {
    block.transactions.push_back(Trusting::trust(each));
  }
  const Sequence sequence = next(store.height());
  const TimeMs time{kGenesisTime.value + 1000 * sequence.value};
  block.batch = make_batch(sequence, time, 0, ids_of(block.transactions));
  block.certificate = certify(genesis, block.batch.header, {0, 1, 2});
  const Execution execution =
      execute(block.batch.header, block.transactions, genesis, store).value();
  ASSERT_TRUE(store.append(block, execution));
}

class SignedLedger : public testing::Test {
 protected:
  SignedLedger() : SignedLedger(genesis_of_four()) {}
  explicit SignedLedger(Genesis genesis)
      : genesis_(std::move(genesis)), store_(Store::create("/ledger", genesis_, {&env_}).value()) {}

  static Genesis genesis_of_four() {
    Genesis genesis = example_genesis();
    genesis.parameters.checkpoint_interval = 2;
    return genesis;
  }

  void append(const std::vector<SignedTransaction>& transactions) {
    append_block(*store_, genesis_, transactions);
  }
  void append_empty(int blocks) {
    for (int i = 0; i < blocks; ++i) append({});
  }
  // The newest own checkpoint, cosigned by three of four.
  void stabilise_newest() {
    const Height height{store_->height().value / 2 * 2};
    const CheckpointNote note = store_->own_checkpoint(height).value().value();
    const std::uint64_t seconds = store_->record(height).value().effective_time.value / 1000;
    ASSERT_TRUE(store_->put_stable(test::stabilise(note, seconds, {0, 2, 3})));
  }
  // Of Alice, valid for `seconds` from genesis on.
  SignedTransaction transaction(std::uint64_t nonce, std::vector<Operation> operations,
                                std::uint64_t seconds = 3600) const {
    Transaction body = example_body(genesis_, nonce, std::move(operations));
    body.valid_until = {kGenesisTime.value + 1000 * seconds};
    return sign(body);
  }

  const Genesis genesis_;
  quorate::test::FaultyEnv env_;
  std::unique_ptr<Store> store_;
};

}  // namespace quorate::ledger::test
