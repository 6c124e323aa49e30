#pragma once

// A proof-of-work network in virtual time, for attacks upon it.
//
// Every node is a real pow::Chain, so its rules and its choice of a branch decide; every block is
// real, with its (on average two) hashes done. Modelled are distance and power: blocks are found by
// a Poisson process, and who has the work finds the next one by lot, which is the same as a process
// for each. Chance comes from `dice` alone and in integers, so one seed is one history everywhere.
//
// Not thread-safe. Memory: every block until the world ends.

#include <map>
#include <memory>
#include <vector>

#include "pow/chain.h"
#include "testnet/agenda.h"
#include "testnet/prng.h"

namespace quorate::testnet {

// Between two blocks, of all who mine.
inline constexpr std::uint64_t kAttackSpacingUs = 600'000'000;
inline constexpr std::uint64_t kMillion = 1'000'000;

// A waiting time with an exponential distribution, from comparisons alone (von Neumann, "Various
// techniques used in connection with random digits", 1951, §3): nothing is rounded but the result.
[[nodiscard]] std::uint64_t exponential(Prng& dice, std::uint64_t mean);

class AttackWorld {
 public:
  AttackWorld(std::size_t nodes, const Prng& dice);
  // Entries of the agenda know where it is.
  AttackWorld(const AttackWorld&) = delete;
  AttackWorld& operator=(const AttackWorld&) = delete;

  [[nodiscard]] pow::Chain& chain(std::size_t node) { return *chains_[node]; }
  [[nodiscard]] std::uint64_t height(std::size_t node) const {
    return chains_[node]->tip().height.value;
  }
  [[nodiscard]] Agenda& agenda() { return agenda_; }
  // True `part` times out of a million.
  [[nodiscard]] bool lot(std::uint64_t part) { return dice_.below(kMillion) < part; }
  [[nodiscard]] std::size_t any_of(std::size_t count) { return dice_.below(count); }

  // A block on this node's tip that nobody knows yet, not even the node.
  [[nodiscard]] pow::BlockPtr mine(std::size_t on_tip_of, std::uint8_t miner);
  // Gives a node the block, and those before it that it lacks.
  void deliver(std::size_t node, const pow::BlockPtr& block);
  void deliver_in(std::uint64_t delay_us, std::size_t node, const pow::BlockPtr& block);
  // Precondition: mined here (checked).
  [[nodiscard]] const pow::BlockPtr& block(const pow::Digest& hash) const;
  // Of a block on the node's active chain.
  [[nodiscard]] std::uint8_t miner_at(std::size_t node, std::uint64_t height) const;

  // Waits for the next block to be found; deliveries that are due before it happen first.
  void wait_for_block();
  // Deliveries that are on their way arrive.
  void settle();
  // Nothing is on its way, and all nodes have one tip.
  [[nodiscard]] bool is_settled() const;

 private:
  [[nodiscard]] std::uint64_t now_seconds() const;
  void step(std::size_t node, const pow::BlockPtr& block);

  Agenda agenda_;
  Prng dice_;
  pow::Params params_;
  std::vector<std::unique_ptr<pow::Chain>> chains_;
  std::map<pow::Digest, pow::BlockPtr> blocks_;
  std::uint64_t mined_ = 0;
};

}  // namespace quorate::testnet
