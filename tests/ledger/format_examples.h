#pragma once

// The worked examples of ledger/README.md as values: one network, one transaction, and what becomes
// of it. formats_test.cc holds the document's bytes against these.

#include "ledger/proved_state.h"
#include "ledger/receipt.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/state_proof.h"
#include "ledger/state_tree.h"
#include "tests/ledger/example_network.h"
#include "tests/ledger/state_twin.h"

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
  MapState state = state_after(genesis, block);
  CheckpointNote note = {chain_id,     {1, record_leaf(block.record)},
                         Sequence{1},  Epoch{0},
                         std::nullopt, root_of(state)};
  PagesInMemory pages = pages_of(state);
  StableCheckpoint stable = stabilise(note, block.record.effective_time.value / 1000, {0, 1, 3});

  static MapState state_after(const Genesis& genesis, const StoredBlock& block) {
    MapState state(genesis_state(genesis));
    std::vector<TransactionPtr> transactions;
    for (const auto& each : block.transactions) transactions.push_back(Trusting::trust(each));
    state.apply(execute(block.record.batch, transactions, genesis, state).value().writes);
    return state;
  }
  static PagesInMemory pages_of(const MapState& state) {
    PagesInMemory pages;
    WriteSet writes;
    for (const auto& [key, value] : state.leaves) writes[key] = value;
    pages.apply(writes);
    return pages;
  }
  [[nodiscard]] const StateSlot& state_root() const { return pages.versions.back().root; }
  [[nodiscard]] StateProof prove(const Bytes& key) const {
    return prove_key(state_root(), key, pages.reader(), [this](ByteView other) {
             return state.get(other);
           }).value();
  }
  [[nodiscard]] StateStatement statement() const {
    const Bytes colour = to_bytes("colour");
    return {1,
            ReadSubject{colour},
            stable,
            {state.leaves.at(colour), prove(colour)},
            {state.leaves.at(time_key()), prove(time_key())},
            {}};
  }
  static Digest root_of(const MapState& state) {
    StateTree tree;
    for (const auto& [key, value] : state.leaves) tree.put(key, value);
    return tree.root();
  }
};

}  // namespace quorate::ledger::test
