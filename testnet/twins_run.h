#pragma once

// One scenario of Twins, run: real replica cores in virtual time, without any dice.
//
// Each instance is a simulated replica (testnet/sim_host.h) with disks of its own; what it says
// goes to every instance on its side that has the receiver's key, as far as the round lets it. A
// round ends when it has reached what it may reach, or after so long that every primary had its
// turn; then all are connected, nothing is held back, and everything that a correct replica was
// given must be executed at all correct ones. The simulator's invariants are checked after every
// event; replicas that run twice are the liars of whom nothing is expected.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "testnet/checkers.h"
#include "testnet/sim_world.h"
#include "testnet/trace.h"
#include "testnet/twins_space.h"

namespace quorate::testnet {

// What the scenarios of one thread share: keys, verifiers, and transactions signed once. Not
// thread-safe.
class TwinsWorld {
 public:
  explicit TwinsWorld(const TwinsSize& size,
                      SimSignatures signatures = SimSignatures::kEd25519);

  [[nodiscard]] const TwinsSize& size() const { return size_; }
  [[nodiscard]] const SimWorld& world() const { return world_; }
  // What is submitted to this instance in this round, counted from 0; the last is for the end.
  [[nodiscard]] const ledger::TransactionPtr& transaction(std::size_t instance,
                                                          std::size_t round) const {
    return transactions_[instance * (kTwinsRoundsMax + 1) + round];
  }

 private:
  TwinsSize size_;
  SimWorld world_;
  std::vector<ledger::TransactionPtr> transactions_;
};

struct TwinsReport {
  std::vector<Violation> violations;
  std::string stuck;          // who lacks what at the end; empty: nobody anything
  std::uint64_t history = 0;  // digest of who entered and left which views and committed what
  std::uint64_t trace = 0;    // digest of every event
  ledger::View view;          // the highest that a correct replica entered
  std::uint64_t commits = 0;  // sequences
  std::uint64_t evidence = 0;
  std::uint64_t events = 0;
  std::uint64_t virtual_us = 0;
};

// `on_event`, if any, sees every event.
[[nodiscard]] TwinsReport run_twins(const TwinsWorld& world, const TwinsScenario& scenario,
                                    std::function<void(const TraceEvent&)> on_event = nullptr);

}  // namespace quorate::testnet
