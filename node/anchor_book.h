#pragma once

// What of a node's ledger is anchored: which checkpoints stand in its chain of proof of work, in
// which block and how deep, and whether they are those of this ledger.
//
// An anchor that the chain counts makes transactions `anchored` only where it names the root that
// this ledger's log has at that size; until the ledger is so long, nobody knows. One that names
// another root is a contradiction: somebody signed, and worked on, another history. The newest
// anchor of the first block that covers a transaction is its evidence; a reorganisation that takes
// the block away takes the level away, and what was lost is remembered for whoever asks.
//
// Written by the thread of the chain, read by all.

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "ledger/store.h"
#include "pow/memory_chain.h"

namespace quorate::node {

struct AnchoredAt {
  ledger::Sequence size;  // of the log, under the anchor
  ledger::Digest root;
  ledger::Digest block;
  ledger::Height block_height;
  std::uint32_t index = 0;     // among the block's anchors
  std::uint64_t depth = 0;     // 1: in the newest block
  std::uint64_t since_ms = 0;  // when this node's chain came to have it
};

// An anchor that counted, and a reorganisation took away.
struct LostAnchor {
  ledger::Sequence size;
  ledger::Digest block;
  std::uint64_t lost_ms = 0;
};

struct AnchorContradiction {
  ledger::Sequence size;
  ledger::Digest anchored_root;
  ledger::Digest own_root;
  ledger::Digest block;
  ledger::Height block_height;
};

class AnchorBook {
 public:
  // What the chain has at the start. `times` says when blocks were connected, where that is known.
  void start(const pow::MemoryChain& chain, const std::map<ledger::Digest, std::uint64_t>& times);
  // After a step of the chain.
  void on_moved(const pow::MemoryChain& chain, const pow::Happened& happened, ledger::TimeMs now);
  // Holds what the ledger has come to cover against it. True: something is known that was not.
  // Errors: those of the store.
  [[nodiscard]] Result<bool> judge(const ledger::Store& ledger);

  // Of a block of the ledger; nullopt: not anchored.
  [[nodiscard]] std::optional<AnchoredAt> find(ledger::Height height) const;
  // The newest that was lost and covered it, if it is not anchored again.
  [[nodiscard]] std::optional<LostAnchor> lost(ledger::Height height) const;
  // The highest block of the ledger that is anchored; nullopt: none.
  [[nodiscard]] std::optional<AnchoredAt> newest() const;
  // The first, by size.
  [[nodiscard]] std::optional<AnchorContradiction> contradiction() const;

 private:
  enum class Verdict : std::uint8_t { kOpen, kAgrees, kContradicts };
  struct Entry {
    ledger::CheckpointNote note;
    ledger::Digest block;
    ledger::Height block_height;
    std::uint32_t index = 0;
    std::uint64_t since_ms = 0;
    Verdict verdict = Verdict::kOpen;
    ledger::Digest own_root;  // of a contradiction
  };
  using Entries = std::map<ledger::Sequence, Entry>;

  void add(const pow::AnchorPlace& place, std::uint64_t since_ms);
  void rebuild();
  [[nodiscard]] AnchoredAt render(const Entries::value_type& entry) const;

  mutable std::mutex mutex_;
  Entries entries_;
  // Of those that agree: in the order of blocks, each higher than all before it; so the sizes
  // ascend as well, and the first that covers a block of the ledger is its evidence.
  std::vector<Entries::const_iterator> covers_;
  std::set<ledger::Sequence> open_;              // still to be judged
  std::map<ledger::Sequence, LostAnchor> lost_;  // bounded, the highest stay
  ledger::Height tip_;
};

}  // namespace quorate::node
