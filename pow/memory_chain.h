#pragma once

// MemoryChain: the chain core with the host's part done in memory.
//
// Bodies, the ledger's state and what waits, transactions or anchors: it does what the core says,
// answers with ConnectFailed where the state refuses a block, and gives what a reorganisation
// displaced back to the pool. What must be stored and told to others is the caller's; it is in
// `Happened`, in order. It is a pure function of its inputs as the core is, so a node, a simulation
// and a test run the same one.
//
// Not thread-safe. Memory: every body that the tree has, and ChainState's.

#include <map>
#include <set>

#include "pow/chain.h"
#include "pow/chain_state.h"

namespace quorate::pow {

// One block that was connected or disconnected. Journals and notifications are made of these.
struct Step {
  Move move;
  ledger::TimeMs time;                     // effective, of a connected block
  std::vector<ledger::TxResult> results;   // of a connected block
  std::vector<ledger::TxId> displaced;     // of a disconnected one: waiting again
  std::vector<AnchorPtr> anchors{};        // that began or, of a disconnected one, ceased to count
};

// Where an anchor stands on the active chain.
struct AnchorPlace {
  AnchorPtr anchor;
  Digest block;
  Height height;
  std::uint32_t index = 0;  // among the block's anchors
};

struct Happened {
  // As Output's, to be stored first.
  std::vector<Header> headers;
  std::vector<BlockPtr> bodies;
  std::vector<Step> steps;  // every one, also those on a branch that then failed
  std::vector<Digest> forgotten;
  std::vector<Digest> wanted;
  std::optional<PeerId> ask_headers_of;
  std::vector<Digest> ignored;
  std::vector<Refusal> refused;
};

// What a reorganisation displaced comes back whatever they say.
struct PoolLimits {
  std::size_t transactions_max = 10'000;
  std::size_t bytes_max = 16 << 20;
  std::size_t anchors_max = 1024;  // the newest stay: they cover the others
};

class MemoryChain {
 public:
  // `genesis` outlives this. `block_0` is taken as given.
  MemoryChain(const Params& params, const ledger::Genesis& genesis, BlockPtr block_0,
              Limits limits = {}, PoolLimits pool_limits = {});

  [[nodiscard]] Happened step(const Input& input);

  [[nodiscard]] Chain& chain() { return chain_; }
  [[nodiscard]] const Chain& chain() const { return chain_; }
  [[nodiscard]] ChainState& state() { return state_; }
  // nullptr: not here.
  [[nodiscard]] BlockPtr body(const Digest& hash) const;

  // A transaction that waits for a block. Errors: those of check_admission at the time of the next
  // block's execution, which may be well behind the clock; "pow-pool-full" (kUnavailable),
  // "pow-pool-has-it" (kConflict).
  [[nodiscard]] Status add_transaction(const TransactionPtr& transaction);
  // In the order in which they came.
  [[nodiscard]] std::vector<TransactionPtr> pool() const;

  // An anchor for the next block that has room. One of a size that the active chain has already is
  // kept for the case that a reorganisation takes that away.
  void add_anchor(const AnchorPtr& anchor);
  // Those that count, by size: on the active chain, the first of their size.
  [[nodiscard]] const std::map<ledger::Sequence, AnchorPlace>& anchored() const {
    return anchored_;
  }
  // Those that wait for a block.
  [[nodiscard]] std::vector<AnchorPtr> waiting_anchors() const;

  // A block on the tip for someone to mine: as many waiting transactions as fit and may stand in
  // it, the first first (of waiting anchors the newest, at most kAnchorsMax), and a header that
  // lacks its nonce. The time is `now` or the first good one. Errors: damage in the state.
  [[nodiscard]] Result<Block> draft(const PublicKey& miner, std::uint64_t extranonce,
                                    std::uint64_t now_seconds, std::size_t block_bytes_max) const;

 private:
  void take(Output output, Happened& happened);
  void connect(const Move& move, Happened& happened, std::optional<ConnectFailed>& failed);
  void disconnect(const Move& move, Happened& happened);
  [[nodiscard]] bool has_room_for(const ledger::CheckedTransaction& transaction) const;
  void drop_hopeless();
  void insert(const TransactionPtr& transaction);
  void erase(const ledger::TxId& id);
  // Those that count from here on.
  [[nodiscard]] std::vector<AnchorPtr> count_anchors(const Block& block, Height height);
  // Those that count no more.
  [[nodiscard]] std::vector<AnchorPtr> uncount_anchors(const Block& block);
  [[nodiscard]] std::vector<AnchorPtr> fitting_anchors(std::size_t bytes_max) const;

  const ledger::Genesis& genesis_;
  PoolLimits pool_limits_;
  Chain chain_;
  ChainState state_;
  std::map<Digest, BlockPtr> bodies_;
  std::map<std::uint64_t, TransactionPtr> pool_;  // by arrival
  std::map<ledger::TxId, std::uint64_t> arrivals_;
  std::size_t pool_bytes_ = 0;
  std::uint64_t arrival_ = 0;
  std::map<ledger::Sequence, AnchorPtr> anchors_;  // offered or displaced, also those that stand
  std::map<ledger::Sequence, AnchorPlace> anchored_;
};

// Block 0 of a network's chain but for its nonce: no transactions, the time of the genesis document
// (seconds, 32 bits) and the easiest target. Error: "pow-genesis-time" (kInvalid).
[[nodiscard]] Result<Block> draft_block_0(const ledger::Genesis& genesis, const Params& params);
// Whether a block is block 0 of this network's chain: as the draft, with its work done. Error:
// "pow-genesis-wrong" (kRejected).
[[nodiscard]] Status check_block_0(const Block& block, const ledger::Genesis& genesis,
                                   const Params& params);

}  // namespace quorate::pow
