#include "pow/memory_chain.h"

#include <algorithm>
#include <limits>

#include "crypto/check.h"
#include "ledger/batch.h"

namespace quorate::pow {
namespace {

using ledger::TimeMs;
using ledger::TxId;

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// A block's count of transactions takes at most these.
constexpr std::size_t kCountBytesMax = 5;

}  // namespace

MemoryChain::MemoryChain(const Params& params, const ledger::Genesis& genesis, BlockPtr block_0,
                         Limits limits, PoolLimits pool_limits)
    : genesis_(genesis),
      pool_limits_(pool_limits),
      chain_(params, block_0->header, limits),
      state_(genesis, block_0->hash) {
  bodies_[block_0->hash] = std::move(block_0);
}

BlockPtr MemoryChain::body(const Digest& hash) const {
  const auto it = bodies_.find(hash);
  return it == bodies_.end() ? nullptr : it->second;
}

Happened MemoryChain::step(const Input& input) {
  Happened happened;
  Output output = chain_.step(input);
  while (true) {
    const std::vector<Move> moves = std::move(output.moves);
    take(std::move(output), happened);
    std::optional<ConnectFailed> failed;
    for (const Move& move : moves) {
      if (move.kind == Move::Kind::kDisconnect) {
        disconnect(move, happened);
      } else {
        connect(move, happened, failed);
      }
      if (failed) break;
    }
    if (!failed) break;
    output = chain_.step({input.now_seconds, *failed});
  }
  for (const Digest& hash : happened.forgotten) bodies_.erase(hash);
  QUORATE_CHECK(state_.block() == chain_.tip().hash, "the state stands where the chain does");
  return happened;
}

void MemoryChain::take(Output output, Happened& happened) {
  for (const BlockPtr& body : output.bodies) bodies_[body->hash] = body;
  append(happened.headers, std::move(output.headers));
  append(happened.bodies, std::move(output.bodies));
  append(happened.forgotten, std::move(output.forgotten));
  append(happened.wanted, std::move(output.wanted));
  append(happened.ignored, std::move(output.ignored));
  append(happened.refused, std::move(output.refused));
  if (output.ask_headers_of) happened.ask_headers_of = output.ask_headers_of;
}

void MemoryChain::connect(const Move& move, Happened& happened,
                          std::optional<ConnectFailed>& failed) {
  const BlockPtr block = body(move.hash);
  const TreeNode* node = chain_.find(move.hash);
  QUORATE_CHECK(block != nullptr && node != nullptr, "what is connected is here");
  auto results = state_.connect(*block, node->parent->point);
  if (!results) {
    failed = ConnectFailed{move.hash, results.error().message};
    return;
  }
  for (const TransactionPtr& transaction : block->transactions) erase(transaction->id);
  const TimeMs time = execution_time(node->parent->point);
  happened.steps.push_back({move, time, std::move(*results), {},
                            count_anchors(*block, node->point.height)});
}

void MemoryChain::disconnect(const Move& move, Happened& happened) {
  const BlockPtr block = body(move.hash);
  QUORATE_CHECK(block != nullptr, "what is disconnected is here");
  state_.disconnect(*block);
  Step step{move, {}, {}, {}};
  for (const TransactionPtr& transaction : block->transactions) {
    step.displaced.push_back(transaction->id);
    insert(transaction);
  }
  step.anchors = uncount_anchors(*block);
  happened.steps.push_back(std::move(step));
}

// -- The pool ----------------------------------------------------------------------------------

void MemoryChain::insert(const TransactionPtr& transaction) {
  if (arrivals_.contains(transaction->id)) return;
  arrivals_[transaction->id] = ++arrival_;
  pool_[arrival_] = transaction;
  pool_bytes_ += transaction->encoded_bytes;
}

void MemoryChain::erase(const TxId& id) {
  const auto it = arrivals_.find(id);
  if (it == arrivals_.end()) return;
  const auto entry = pool_.find(it->second);
  pool_bytes_ -= entry->second->encoded_bytes;
  pool_.erase(entry);
  arrivals_.erase(it);
}

bool MemoryChain::has_room_for(const ledger::CheckedTransaction& transaction) const {
  return pool_.size() < pool_limits_.transactions_max &&
         pool_bytes_ + transaction.encoded_bytes <= pool_limits_.bytes_max;
}

// Those that no block can take any more.
void MemoryChain::drop_hopeless() {
  const TimeMs now = execution_time(chain_.tip());
  for (const TransactionPtr& transaction : pool()) {
    if (!check_admission(*transaction, genesis_, state_, now)) erase(transaction->id);
  }
}

Status MemoryChain::add_transaction(const TransactionPtr& transaction) {
  if (arrivals_.contains(transaction->id)) {
    return fail(ErrorKind::kConflict, "pow-pool-has-it",
                "transaction " + transaction->id.hex() + " waits for a block already");
  }
  QUORATE_TRY(check_admission(*transaction, genesis_, state_, execution_time(chain_.tip())));
  if (!has_room_for(*transaction)) drop_hopeless();
  if (!has_room_for(*transaction)) {
    return fail(ErrorKind::kUnavailable, "pow-pool-full",
                std::to_string(pool_.size()) + " transactions wait for a block, expected at most " +
                    std::to_string(pool_limits_.transactions_max) + " and " +
                    std::to_string(pool_limits_.bytes_max) + " bytes",
                "Send it again once blocks have taken some.");
  }
  insert(transaction);
  return {};
}

std::vector<TransactionPtr> MemoryChain::pool() const {
  std::vector<TransactionPtr> out;
  for (const auto& [arrival, transaction] : pool_) out.push_back(transaction);
  return out;
}

// -- Anchors -----------------------------------------------------------------------------------

void MemoryChain::add_anchor(const AnchorPtr& anchor) {
  anchors_.emplace(anchor->sequence(), anchor);
  if (anchors_.size() > pool_limits_.anchors_max) anchors_.erase(anchors_.begin());
}

std::vector<AnchorPtr> MemoryChain::count_anchors(const Block& block, Height height) {
  std::vector<AnchorPtr> counted;
  for (std::uint32_t i = 0; i < block.anchors.size(); ++i) {
    const AnchorPtr& anchor = block.anchors[i];
    const AnchorPlace place{anchor, block.hash, height, i};
    if (anchored_.emplace(anchor->sequence(), place).second) counted.push_back(anchor);
  }
  return counted;
}

std::vector<AnchorPtr> MemoryChain::uncount_anchors(const Block& block) {
  std::vector<AnchorPtr> gone;
  for (const AnchorPtr& anchor : block.anchors) {
    const auto at = anchored_.find(anchor->sequence());
    // An earlier one of its size is in a block below, which stays.
    if (at == anchored_.end() || at->second.block != block.hash) continue;
    anchored_.erase(at);
    gone.push_back(anchor);
    add_anchor(anchor);
  }
  return gone;
}

std::vector<AnchorPtr> MemoryChain::waiting_anchors() const {
  std::vector<AnchorPtr> out;
  for (const auto& [sequence, anchor] : anchors_) {
    if (!anchored_.contains(sequence)) out.push_back(anchor);
  }
  return out;
}

// The newest that fit, ascending.
std::vector<AnchorPtr> MemoryChain::fitting_anchors(std::size_t bytes_max) const {
  std::vector<AnchorPtr> fitting;
  std::size_t bytes = kHeaderBytes + kCoinbaseBytes + kCountBytesMax;
  for (auto at = anchors_.rbegin(); at != anchors_.rend() && fitting.size() < kAnchorsMax; ++at) {
    if (anchored_.contains(at->first)) continue;
    if (bytes + at->second->encoded_bytes > bytes_max) break;
    bytes += at->second->encoded_bytes;
    fitting.push_back(at->second);
  }
  std::reverse(fitting.begin(), fitting.end());
  return fitting;
}

// -- Drafts ------------------------------------------------------------------------------------

Result<Block> MemoryChain::draft(const PublicKey& miner, std::uint64_t extranonce,
                                 std::uint64_t now_seconds, std::size_t block_bytes_max) const {
  const ChainPoint& tip = chain_.tip();
  std::vector<TransactionPtr> fitting;
  std::size_t bytes = kHeaderBytes + kCoinbaseBytes + kCountBytesMax;
  for (const auto& [arrival, transaction] : pool_) {
    if (bytes + transaction->encoded_bytes > block_bytes_max) break;
    bytes += transaction->encoded_bytes;
    fitting.push_back(transaction);
  }
  std::vector<TransactionPtr> standing;
  QUORATE_ASSIGN(standing, standing_of(fitting, tip, genesis_, state_));
  const Coinbase coinbase{ledger::chain_id_of(genesis_), {tip.height.value + 1}, extranonce, miner};
  // Where anchors wait there are no transactions.
  Block block = draft_block(tip.hash, coinbase, std::move(standing),
                            pool_.empty() ? fitting_anchors(block_bytes_max)
                                          : std::vector<AnchorPtr>{});
  const std::uint64_t time = std::max<std::uint64_t>(now_seconds, tip.recent.median() + 1ULL);
  block.header.time = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(time, std::numeric_limits<std::uint32_t>::max()));
  const auto bits = required_bits(tip, block.header.time, chain_.params());
  QUORATE_CHECK(bits.has_value(), "a chain from block 0 knows its periods");
  block.header.bits = *bits;
  return block;
}

// -- Block 0 -----------------------------------------------------------------------------------

Result<Block> draft_block_0(const ledger::Genesis& genesis, const Params& params) {
  const std::uint64_t seconds = genesis.time.value / 1000;
  if (seconds > std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorKind::kInvalid, "pow-genesis-time",
                "the genesis document's time is " + std::to_string(seconds) +
                    " s, expected at most 4294967295, which a block header can hold",
                "Make a genesis document with a time before February 2106.");
  }
  Block block = draft_block({}, Coinbase{ledger::chain_id_of(genesis), Height{0}, 0, {}}, {});
  block.header.time = static_cast<std::uint32_t>(seconds);
  block.header.bits = params.limit_bits;
  return block;
}

Status check_block_0(const Block& block, const ledger::Genesis& genesis, const Params& params) {
  QUORATE_ASSIGN(const Block expected, draft_block_0(genesis, params));
  Header header = expected.header;
  header.nonce = block.header.nonce;
  if (block.header == header && block.coinbase == expected.coinbase &&
      block.size() == 0 && !check_alone(header, hash_of(header), params)) {
    return {};
  }
  return fail(ErrorKind::kRejected, reject_code(Reject::kGenesisWrong),
              "block 0 is " + display_hex(block.hash) +
                  ", which is not one that follows from this genesis document and these parameters",
              "Name the genesis document and the parameters that the chain was made with.");
}

}  // namespace quorate::pow
