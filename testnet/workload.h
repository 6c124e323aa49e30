#pragma once

// Simulated clients: they sign transactions, offer them to replicas, and try again until they know
// the fate of each.
//
// They do what real ones do badly: leave gaps in their nonces, sign two transactions with one
// nonce, let some expire, come in bursts and fall silent. A client learns a fate from the first
// correct replica that executed it.

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "testnet/simulator.h"

namespace quorate::testnet {

struct WorkloadOptions {
  // From one transaction to the next; a burst has no pause within.
  std::uint64_t pause_us_min = 1'000;
  std::uint64_t pause_us_max = 100'000;
  std::uint32_t burst_permille = 50;
  std::uint32_t burst_max = 30;
  std::uint32_t idle_permille = 20;  // a pause of up to idle_us_max instead
  std::uint64_t idle_us_max = 5'000'000;
  std::uint32_t gap_permille = 100;      // skips some nonces, for later or for good
  std::uint32_t rival_permille = 50;     // a second transaction with the same nonce
  std::uint32_t expiring_permille = 50;  // valid for expiry_ms_max at most
  std::uint64_t expiry_ms_max = 2'000;
  std::uint32_t everywhere_permille = 100;  // offered to every replica at once
  std::uint32_t value_bytes_max = 200;
  std::uint64_t retry_us = 2'000'000;  // what has no fate yet is offered to another replica
};

class Workload {
 public:
  // `simulator` outlives this, and runs no event after this is gone.
  Workload(Simulator& simulator, const WorkloadOptions& options);

  void start();
  // No new transactions; those without a fate are still offered.
  void stop() { is_running_ = false; }

  // Signs one and offers it to this replica.
  ledger::TransactionPtr submit(std::size_t client, std::size_t replica);
  // Signs two with one nonce and offers each to a replica of its own: one of them wins.
  void submit_rivals(std::size_t client, std::size_t first, std::size_t second);
  // Offers all that have no fate yet to this replica.
  void offer_again(std::size_t replica);

  [[nodiscard]] std::uint64_t submitted() const { return submitted_; }
  [[nodiscard]] std::uint64_t settled() const { return settled_; }
  [[nodiscard]] std::uint64_t expired() const { return expired_; }
  // Those whose fate is open: neither executed, nor overtaken, nor past their valid-until.
  [[nodiscard]] std::size_t open();
  // Runs the simulator, so long at most, until all have ended and every correct replica has
  // executed all that any has. False if time ran out or an invariant broke.
  [[nodiscard]] bool run_until_all_end(std::uint64_t limit_us);
  // The same without a limit of the whole: false if none settled for so long.
  [[nodiscard]] bool run_while_any_settles(std::uint64_t pause_us_max);

 private:
  struct Client {
    std::uint64_t next_nonce = 1;
    std::vector<std::uint64_t> skipped;
  };
  struct Pending {
    ledger::TransactionPtr transaction;
    std::size_t replica = 0;  // where it was offered last
  };

  void next_later();
  [[nodiscard]] ledger::TransactionPtr sign(std::size_t client, std::uint64_t nonce,
                                            std::uint64_t life_ms);
  Pending& add(const ledger::TransactionPtr& transaction, std::size_t replica);
  void issue();
  [[nodiscard]] std::uint64_t next_nonce(Client& client);
  [[nodiscard]] std::vector<ledger::Operation> operations();
  ledger::TransactionPtr sign_and_offer(std::size_t client, std::uint64_t nonce,
                                        std::size_t replica);
  void sign_and_offer(std::size_t client, std::uint64_t nonce);
  // Whether the replica says that it can never be executed, which ends it.
  bool offer(Pending& pending);
  void retry_later();
  void retry();
  void drop_expired();
  void on_executed(const ledger::CertifiedBatch& batch, const ledger::Execution& execution);
  void settle(const ledger::TxId& id);

  Simulator& simulator_;
  WorkloadOptions options_;
  Prng dice_;
  std::vector<Client> clients_;
  std::map<ledger::TxId, Pending> pending_;
  std::map<std::pair<ledger::PublicKey, std::uint64_t>, std::set<ledger::TxId>> by_nonce_;
  // By valid-until; those that ended before it stay in it. `open` is asked after every event.
  std::set<std::pair<ledger::TimeMs, ledger::TxId>> by_expiry_;
  bool is_running_ = false;
  bool retries_ = false;
  std::uint64_t submitted_ = 0;
  std::uint64_t settled_ = 0;
  std::uint64_t expired_ = 0;
};

}  // namespace quorate::testnet
