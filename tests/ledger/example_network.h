#pragma once

// A network for the ledger's tests: keys from names, a genesis, and what its people would make.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/bcs.h"
#include "crypto/merkle.h"
#include "crypto/signing.h"
#include "ledger/certificate.h"
#include "ledger/evidence.h"
#include "ledger/execution.h"
#include "ledger/genesis.h"
#include "ledger/record.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/store.h"
#include "ledger/transaction.h"

namespace quorate::ledger::test {

inline constexpr TimeMs kGenesisTime{1'700'000'000'000};

// The key pair whose seed is the digest of `name`.
inline crypto::KeySigner key_of(std::string_view name) {
  static const bool kReady = crypto::self_test().has_value();
  if (!kReady) std::abort();
  return crypto::KeySigner(crypto::SecretKey::from_seed(crypto::sha256(as_bytes(name)).bytes));
}

inline PublicKey public_key_of(std::string_view name) { return key_of(name).public_key(); }

inline std::string vote_key_name(std::size_t replica) {
  return "vote key of replica " + std::to_string(replica);
}

// Alice has 1,000 units, Bob 500; anyone may send.
inline Genesis example_genesis(std::size_t replicas = 4) {
  Genesis genesis;
  genesis.name = "example";
  genesis.time = kGenesisTime;
  genesis.testnet = true;
  genesis.faults = static_cast<std::uint16_t>((replicas - 1) / 3);
  for (std::size_t i = 0; i < replicas; ++i) {
    genesis.replicas.push_back({"replica-" + std::to_string(i), public_key_of(vote_key_name(i)),
                                public_key_of("network key of replica " + std::to_string(i))});
  }
  genesis.accounts = {{public_key_of("alice"), 1000}, {public_key_of("bob"), 500}};
  return genesis;
}

inline Put put(std::string_view key, std::string_view value,
               std::optional<TimeMs> until = std::nullopt) {
  return {to_bytes(key), to_bytes(value), until};
}
inline Delete del(std::string_view key) { return {to_bytes(key)}; }
inline CompareAndSet compare_and_set(std::string_view key, std::optional<std::string_view> expected,
                                     std::string_view value) {
  std::optional<Bytes> bytes;
  if (expected) bytes = to_bytes(*expected);
  return {to_bytes(key), std::move(bytes), to_bytes(value)};
}
inline Add add(std::string_view key, std::int64_t delta) { return {to_bytes(key), delta}; }

// That the replica prepared two batches at one place of view 0.
inline VoteEvidence example_evidence(const Genesis& genesis, std::uint16_t replica,
                                     Sequence sequence = {20}) {
  const auto vote = [&](std::string_view batch) {
    return Vote{{0}, {0}, sequence, crypto::sha256(as_bytes(batch)), {}, {replica}};
  };
  const auto signature = [&](const Vote& each) {
    return crypto::sign_body(key_of(vote_key_name(replica)), crypto::Purpose::kPrepare,
                             chain_id_of(genesis), each);
  };
  const Vote first = vote("one batch");
  const Vote second = vote("another batch");
  return {VotePhase::kPrepare, first, signature(first), second, signature(second)};
}

// A transaction of Alice that is good until an hour after genesis.
inline Transaction example_body(const Genesis& genesis, std::uint64_t nonce,
                                std::vector<Operation> operations) {
  Transaction body;
  body.chain_id = chain_id_of(genesis);
  body.sender = public_key_of("alice");
  body.nonce = nonce;
  body.valid_until = {kGenesisTime.value + 3'600'000};
  body.operations = std::move(operations);
  return body;
}

inline SignedTransaction sign(const Transaction& body, std::string_view key_name = "alice") {
  return {body,
          crypto::sign_body(key_of(key_name), crypto::Purpose::kTransaction, body.chain_id, body)};
}

// Vouches without looking, for tests of what comes after verification.
class Trusting : public crypto::Verifier {
 public:
  static TransactionPtr trust(SignedTransaction transaction) {
    const TxId id = id_of(transaction.body);
    const std::size_t bytes = crypto::encode(transaction).size();
    return std::make_shared<const CheckedTransaction>(
        CheckedTransaction{vouch(std::move(transaction)), id, bytes});
  }
  static TransactionPtr trust(const Transaction& body) {
    return trust(SignedTransaction{body, {}});
  }
};

// A state in memory.
class MapState final : public StateReader {
 public:
  std::map<Bytes, Bytes> leaves;

  explicit MapState(const WriteSet& writes = {}) { apply(writes); }

  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override {
    const auto it = leaves.find(Bytes(key.begin(), key.end()));
    if (it == leaves.end()) return std::nullopt;
    return it->second;
  }
  void apply(const WriteSet& writes) {
    for (const auto& [key, value] : writes) {
      if (value) {
        leaves[key] = *value;
      } else {
        leaves.erase(key);
      }
    }
  }
};

inline std::vector<TxId> ids_of(const std::vector<TransactionPtr>& transactions) {
  std::vector<TxId> ids;
  ids.reserve(transactions.size());
  for (const TransactionPtr& transaction : transactions) ids.push_back(transaction->id);
  return ids;
}

// Executes the transactions as one batch and applies the writes.
inline Execution run_batch(MapState& state, const Genesis& genesis, TimeMs time,
                           const std::vector<TransactionPtr>& transactions,
                           Sequence sequence = {1}) {
  const Batch batch = make_batch(sequence, time, 0, ids_of(transactions));
  Execution execution = execute(batch.header, transactions, genesis, state).value();
  state.apply(execution.writes);
  return execution;
}

// COMMITs of these replicas of the example network over the batch.
inline CommitCertificate certify(const Genesis& genesis, const BatchHeader& header,
                                 const std::vector<std::uint16_t>& voters, View view = {0},
                                 crypto::Purpose purpose = crypto::Purpose::kCommit) {
  CommitCertificate certificate{Epoch{0}, view, header.sequence, digest_of_batch(header), {}, {}};
  if (view.value > 0) certificate.new_view = crypto::sha256(as_bytes("the NEW-VIEW"));
  for (const std::uint16_t i : voters) {
    const Vote vote{certificate.epoch, certificate.view,     certificate.sequence,
                    certificate.batch, certificate.new_view, ReplicaId{i}};
    certificate.commits.push_back(
        {ReplicaId{i},
         crypto::sign_body(key_of(vote_key_name(i)), purpose, chain_id_of(genesis), vote)});
  }
  return certificate;
}

// Cosignatures of these replicas of the example network.
inline StableCheckpoint stabilise(const CheckpointNote& note, std::uint64_t time_seconds,
                                  const std::vector<std::uint16_t>& voters) {
  StableCheckpoint stable{note, time_seconds, {}};
  for (const std::uint16_t i : voters) {
    stable.cosignatures.push_back(
        {ReplicaId{i}, cosign(key_of(vote_key_name(i)), note, time_seconds)});
  }
  return stable;
}

// A whole block over the genesis state, committed by replicas 0, 1 and 3.
inline StoredBlock example_block(const Genesis& genesis, TimeMs time,
                                 const std::vector<Transaction>& bodies) {
  StoredBlock block;
  std::vector<TransactionPtr> transactions;
  for (const Transaction& body : bodies) {
    block.transactions.push_back(sign(body));
    transactions.push_back(Trusting::trust(block.transactions.back()));
  }
  const Batch batch = make_batch(Sequence{1}, time, 0, ids_of(transactions));
  const MapState state(genesis_state(genesis));
  const Execution execution = execute(batch.header, transactions, genesis, state).value();
  block.record = {Epoch{0}, batch.header, execution.effective_time, execution.results_root};
  block.certificate = certify(genesis, batch.header, {0, 1, 3});
  block.results = execution.results;
  return block;
}

// The code of a refusal; "none" where there is none.
template <class T>
std::string_view refusal(const Result<T>& result) {
  return result ? std::string_view("none") : result.error().code;
}

}  // namespace quorate::ledger::test
