#pragma once

// A ledger in memory beside a model of it: what the store must answer, kept the plain way.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "ledger/state_tree.h"
#include "ledger/store.h"
#include "tests/ledger/example_network.h"
#include "tests/support/faulty_env.h"

namespace quorate::ledger::test {

// Small and the same everywhere; its quality does not matter here.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t below(std::uint64_t bound) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % bound;
  }

 private:
  std::uint64_t state_;
};

class StoreTest : public testing::Test {
 protected:
  // What was appended, and the state, its root and the tree head after each height from 0 on.
  struct Model {
    std::vector<StoredBlock> blocks;  // [height - 1]
    std::vector<Digest> leaves;
    std::vector<TreeHead> heads = {{0, crypto::merkle::empty_root()}};
    std::vector<MapState> states;
    std::vector<Digest> state_roots;
    std::vector<bool> is_checkpoint = {false};
  };

  StoreTest() { forget(); }

  // As if nothing was appended.
  void forget() {
    model_ = Model();
    model_.states.emplace_back(genesis_state(genesis_));
    model_.state_roots.push_back(root_of(model_.states.back()));
    nonce_ = 1;
  }

  static Digest root_of(const MapState& state) {
    StateTree tree;
    for (const auto& [key, value] : state.leaves) tree.put(key, value);
    return tree.root();
  }

  // What replicas cosign at this height of the model.
  [[nodiscard]] CheckpointNote note_at(std::uint64_t height) const {
    return {chain_,   model_.heads[height], Sequence{height},
            Epoch{0}, std::nullopt,         model_.state_roots[height]};
  }

  void create(const std::string& folder = "/ledger") {
    auto made = Store::create(folder, genesis_, {&env_});
    ASSERT_TRUE(made) << made.error().to_string();
    store_ = std::move(*made);
  }
  Result<std::unique_ptr<Store>> open(const std::string& folder) {
    return Store::open(folder, chain_, {&env_});
  }
  void reopen(const std::string& folder = "/ledger") {
    store_.reset();
    auto opened = open(folder);
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  std::string_view refusal_of(const std::string& folder) { return refusal(open(folder)); }

  struct Prepared {
    CertifiedBatch batch;
    Execution execution;
  };

  // The block that follows the model's last one.
  Prepared prepare(std::vector<TransactionPtr> transactions, std::uint64_t milliseconds = 10,
                   std::uint32_t flags = 0) const {
    const MapState& before = model_.states.back();
    const TimeMs time{read_time(before).value().value + milliseconds};
    const Sequence sequence{model_.blocks.size() + 1};
    Prepared next;
    next.batch.batch = make_batch(sequence, time, flags, ids_of(transactions));
    next.batch.certificate = certificate_of(next.batch.batch.header);
    next.execution = execute(next.batch.batch.header, transactions, genesis_, before).value();
    next.batch.transactions = std::move(transactions);
    return next;
  }

  void note(const Prepared& block) {
    StoredBlock stored;
    stored.record = {Epoch{0}, block.batch.batch.header, block.execution.effective_time,
                     block.execution.results_root};
    stored.certificate = block.batch.certificate;
    for (const auto& checked : block.batch.transactions) {
      stored.transactions.push_back(*checked->signed_transaction);
    }
    stored.results = block.execution.results;
    model_.leaves.push_back(record_leaf(stored.record));
    model_.blocks.push_back(std::move(stored));
    model_.heads.push_back({model_.leaves.size(), crypto::merkle::root(model_.leaves)});
    MapState after = model_.states.back();
    after.apply(block.execution.writes);
    model_.state_roots.push_back(root_of(after));
    model_.states.push_back(std::move(after));
    model_.is_checkpoint.push_back(block.execution.is_checkpoint);
  }

  void append(std::vector<TransactionPtr> transactions, std::uint64_t milliseconds = 10) {
    const Prepared block = prepare(std::move(transactions), milliseconds);
    const Status appended = store_->append(block.batch, block.execution);
    ASSERT_TRUE(appended) << appended.error().to_string();
    note(block);
  }

  TransactionPtr transaction(std::uint64_t nonce, std::vector<Operation> operations) const {
    return Trusting::trust(example_body(genesis_, nonce, std::move(operations)));
  }

  // None to three transactions of all kinds; some of them are skipped or rejected.
  std::vector<TransactionPtr> any_transactions() {
    std::vector<TransactionPtr> transactions;
    for (std::uint64_t i = dice_.below(4); i > 0; --i) {
      const std::string key = "key " + std::to_string(dice_.below(20));
      const std::string value(dice_.below(60), static_cast<char>('a' + dice_.below(26)));
      std::vector<Operation> operations;
      switch (dice_.below(5)) {
        case 0:
          operations = {put(key, value)};
          break;
        case 1:
          operations = {del(key), put(key + "'", value)};
          break;
        case 2:
          operations = {compare_and_set(key, std::nullopt, value)};
          break;
        case 3:
          operations = {add("counter", 1)};
          break;
        default:
          operations = {Transfer{public_key_of("bob"), dice_.below(30) + 1}};
          break;
      }
      const bool is_repeated = dice_.below(10) == 0 && nonce_ > 1;
      transactions.push_back(transaction(is_repeated ? nonce_ - 1 : nonce_++, operations));
    }
    return transactions;
  }

  // Commits of three replicas, not signed: the store does not judge signatures.
  static CommitCertificate certificate_of(const BatchHeader& header) {
    CommitCertificate certificate{Epoch{0}, View{2}, header.sequence, digest_of_batch(header),
                                  {},       {}};
    for (const ReplicaId replica : {ReplicaId{0}, ReplicaId{1}, ReplicaId{3}}) {
      Endorsement endorsement{replica, {}};
      endorsement.signature.bytes.fill(
          static_cast<std::uint8_t>(header.sequence.value + replica.value));
      certificate.commits.push_back(endorsement);
    }
    return certificate;
  }

  // Everything that the store says about itself, held against the model; empty if it all fits,
  // else the first difference, or the first error's code if it had to refuse.
  std::string difference(const Store& store) const {
    const std::uint64_t height = store.height().value;
    if (height >= model_.heads.size()) return "a height that never was";
    if (store.tree_head() != model_.heads[height]) return "tree head";
    const auto note = store.checkpoint_note();
    if (!note) return std::string(note.error().code);
    if (*note != note_at(height)) return "the note of the head";
    for (Height at{1}; at <= store.height(); at = next(at)) {
      const auto block = store.block(at);
      if (!block) return std::string(block.error().code);
      const StoredBlock& expected = model_.blocks[at.value - 1];
      if (crypto::encode(*block) != crypto::encode(expected)) return "a block";
      for (std::size_t i = 0; i < expected.results.size(); ++i) {
        const auto location = store.find(expected.results[i].id);
        if (!location) return std::string(location.error().code);
        if (!*location && !is_skipped(expected.results[i].outcome)) return "a place";
      }
      const auto path = store.inclusion_path(at, height);
      if (!path) return std::string(path.error().code);
      const bool verifies = crypto::merkle::verify_inclusion(
          model_.leaves[at.value - 1], at.value - 1, height, *path, model_.heads[height].root);
      if (!verifies) return "a path";
      const auto own = store.own_checkpoint(at);
      if (!own) return std::string(own.error().code);
      if (own->has_value() != model_.is_checkpoint[at.value]) return "whether it is a checkpoint";
      if (*own && **own != note_at(at.value)) return "the note of a checkpoint";
    }
    for (Height at{1}; at <= store.height();) {
      const auto stable = store.stable_at_or_above(at);
      if (!stable) return std::string(stable.error().code);
      if (!*stable) break;
      const Sequence sequence = (*stable)->note.sequence;
      if (sequence < at || (*stable)->note != note_at(sequence.value)) return "a stable checkpoint";
      at = next(sequence);
    }
    for (const auto& [key, value] : model_.states[height].leaves) {
      const auto found = store.get(key);
      if (!found) return std::string(found.error().code);
      if (*found != value) return "a value of the state";
    }
    if (const Status whole = store.check_state(); !whole) return std::string(whole.error().code);
    return difference_of_stable(store);
  }

  // The state at the newest stable checkpoint, each key proved, and some that are not there.
  std::string difference_of_stable(const Store& store) const {
    const auto view = store.stable_view();
    if (!view) return "";
    const CheckpointNote& note = view->checkpoint().note;
    if (note != note_at(note.sequence.value)) return "the note of the stable state";
    std::map<Bytes, std::optional<Bytes>> expected;
    for (const auto& [key, value] : model_.states.back().leaves) expected[key] = std::nullopt;
    for (int i = 0; i < 20; ++i) expected[to_bytes("key " + std::to_string(i))] = std::nullopt;
    for (const auto& [key, value] : model_.states[note.sequence.value].leaves) {
      expected[key] = value;
    }
    for (const auto& [key, value] : expected) {
      const auto found = view->get(key);
      if (!found) return std::string(found.error().code);
      if (*found != value) return "a value of the stable state";
      const auto proof = view->prove(key);
      if (!proof) return std::string(proof.error().code);
      if (!verify_key(*proof, key, value, note.state_root)) return "a proof of the stable state";
    }
    return "";
  }

  // With a checkpoint at every fourth height.
  Genesis genesis_ = [] {
    Genesis genesis = example_genesis();
    genesis.parameters.checkpoint_interval = 4;
    return genesis;
  }();
  Digest chain_ = chain_id_of(genesis_);
  quorate::test::FaultyEnv env_;
  Dice dice_{7};
  std::uint64_t nonce_ = 1;
  Model model_;
  std::unique_ptr<Store> store_;
};

}  // namespace quorate::ledger::test
