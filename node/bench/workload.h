#pragma once

// The transactions of a load, each a pure function of its number: the same seed on the same network
// makes the same keys, operations and values.
//
// Transaction i comes from sender i mod S. Its operations are puts of `value_bytes` incompressible
// bytes to keys bench/<seed>/<0..keys-1> chosen evenly; of several, the last one adds 1 to
// bench/<seed>/applied instead, so that a ledger's state counts what happened in it.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "crypto/ed25519.h"
#include "ledger/transaction.h"

namespace quorate::node {

// A sender's nonces must lie within 1,024 of each other while they are open; with so few a sender
// they always do.
inline constexpr std::uint64_t kTransactionsPerSender = 512;

struct WorkloadOptions {
  ledger::Digest chain_id = {};
  std::uint64_t seed = 0;
  std::uint32_t ops_per_tx = 1;
  std::uint32_t value_bytes = 100;
  std::uint64_t keys = 10'000;
  ledger::TimeMs valid_until;
};

// The sender keys that `transactions` take, from the seed.
[[nodiscard]] std::vector<crypto::SecretKey> bench_senders(std::uint64_t seed,
                                                           std::uint64_t transactions);

struct BenchTransaction {
  Bytes encoded;
  ledger::TxId id;
};

class Workload {
 public:
  // One first nonce a sender.
  Workload(WorkloadOptions options, std::vector<crypto::SecretKey> senders,
           std::vector<std::uint64_t> first_nonces);

  // Signs all up to this count, on all cores; `on_progress` is told how many are done.
  void sign_until(std::uint64_t count, const std::function<void(std::uint64_t)>& on_progress);

  [[nodiscard]] std::size_t size() const { return transactions_.size(); }
  [[nodiscard]] const BenchTransaction& operator[](std::size_t number) const {
    return transactions_[number];
  }
  // How far beyond the oldest open transaction one may lie, so that nonces stay in their window.
  [[nodiscard]] std::uint64_t span_max() const;
  [[nodiscard]] const WorkloadOptions& options() const { return options_; }
  [[nodiscard]] std::size_t senders() const { return senders_.size(); }

 private:
  [[nodiscard]] std::vector<ledger::Operation> operations_of(std::uint64_t number) const;
  [[nodiscard]] BenchTransaction sign(std::uint64_t number) const;

  WorkloadOptions options_;
  std::vector<crypto::SecretKey> senders_;
  std::vector<std::uint64_t> first_nonces_;
  std::vector<BenchTransaction> transactions_;
};

}  // namespace quorate::node
