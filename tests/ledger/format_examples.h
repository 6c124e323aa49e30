#pragma once

// The worked examples of ledger/README.md as values: one network, one transaction, and what becomes
// of it. formats_test.cc holds the document's bytes against these.

#include "ledger/checkpoint.h"
#include "ledger/receipt.h"
#include "tests/ledger/example_network.h"

namespace quorate::ledger::test {

struct FormatExamples {
  Genesis genesis = example_genesis();
  Digest chain_id = chain_id_of(genesis);
  SignedTransaction transaction =
      sign(example_body(genesis, 1, {put("colour", "blue"), Transfer{public_key_of("bob"), 7}}));
  StoredBlock block =
      example_block(genesis, {kGenesisTime.value + 1000},
                    {transaction.body, example_body(genesis, 2, {add("visits", 1)})});
  Receipt receipt = make_receipt(block, 0).value();
  CheckpointNote note = {chain_id,     {1, record_leaf(block.record)},
                         Sequence{1},  Epoch{0},
                         std::nullopt, crypto::sha256(as_bytes("a state root"))};
};

}  // namespace quorate::ledger::test
