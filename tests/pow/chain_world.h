#pragma once

// Real blocks for tests of the chain: mined, on the example network of the ledger's tests.

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "pow/memory_chain.h"
#include "tests/ledger/example_network.h"
#include "tests/pow/pow_world.h"

namespace quorate::pow::test {

// Far enough that no block made here is ahead of it.
inline constexpr std::uint64_t kLateSeconds = 1'800'000'000;

// Retargets every ten blocks; two hashes a block where it is easiest.
inline Params quick_params() { return own_params(10, 10, Bits{0x207fffff}).value(); }

inline BlockPtr mined_block(Block draft) {
  const Header header = mined(draft.header);
  return finish_block(std::move(draft), header);
}

class ChainWorld {
 public:
  ledger::Genesis genesis = ledger::test::example_genesis();
  Params params;
  BlockPtr block_0;

  explicit ChainWorld(const Params& of = quick_params())
      : params(of), block_0(mined_block(draft_block_0(genesis, of).value())) {
    points_[block_0->hash] = first_point(block_0->header, Height{0}, std::nullopt, params);
  }

  [[nodiscard]] const ChainPoint& point(const Digest& hash) const { return points_.at(hash); }
  [[nodiscard]] const ChainPoint& point(const BlockPtr& block) const { return point(block->hash); }

  // No two blocks made here are the same.
  BlockPtr on(const BlockPtr& parent, std::vector<TransactionPtr> transactions = {},
              std::uint32_t seconds = 10) {
    const ChainPoint& at = point(parent);
    const Coinbase coinbase{ledger::chain_id_of(genesis), {at.height.value + 1}, ++extranonce_, {}};
    return keep(draft_block(parent->hash, coinbase, std::move(transactions)), seconds);
  }
  // The same of a chain that carries anchors.
  BlockPtr anchoring(const BlockPtr& parent, std::vector<AnchorPtr> anchors) {
    const ChainPoint& at = point(parent);
    const Coinbase coinbase{ledger::chain_id_of(genesis), {at.height.value + 1}, ++extranonce_, {}};
    return keep(draft_block(parent->hash, coinbase, {}, std::move(anchors)), 10);
  }
  // Of a log of that size with any root, cosigned by replicas 0, 1 and 3.
  [[nodiscard]] Anchor anchor(std::uint64_t size, std::string_view root = "root") const {
    const ledger::CheckpointNote note{ledger::chain_id_of(genesis),
                                      {size, crypto::sha256(as_bytes(root))},
                                      ledger::Sequence{size},
                                      ledger::Epoch{0},
                                      std::nullopt,
                                      crypto::sha256(as_bytes("state"))};
    return {ledger::test::stabilise(note, 1'700'000'000 + size, {0, 1, 3}), {}};
  }
  [[nodiscard]] AnchorPtr checked(const Anchor& given) const {
    return AnchorVerifier(genesis).check(given).value();
  }
  // The same with a coinbase of one's own.
  BlockPtr with_coinbase(const BlockPtr& parent, const Coinbase& coinbase) {
    return keep(draft_block(parent->hash, coinbase, {}), 10);
  }
  // `count` blocks, one on the other.
  std::vector<BlockPtr> branch(BlockPtr parent, std::size_t count, std::uint32_t seconds = 10) {
    std::vector<BlockPtr> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(parent = on(parent, {}, seconds));
    return out;
  }

  // A transaction of Alice.
  [[nodiscard]] TransactionPtr put(std::uint64_t nonce, std::string_view key,
                                   std::string_view value) const {
    return trusted(ledger::test::example_body(genesis, nonce, {ledger::test::put(key, value)}));
  }
  [[nodiscard]] static TransactionPtr trusted(const ledger::Transaction& body) {
    return ledger::test::Trusting::trust(ledger::test::sign(body));
  }

 private:
  BlockPtr keep(Block draft, std::uint32_t seconds) {
    const ChainPoint at = point(draft.header.previous);
    draft.header.time = std::max(at.time + seconds, at.recent.median() + 1);
    draft.header.bits = required_bits(at, draft.header.time, params).value();
    const BlockPtr block = mined_block(std::move(draft));
    points_[block->hash] = next_point(at, block->header, block->hash, params);
    return block;
  }

  std::map<Digest, ChainPoint> points_;
  std::uint64_t extranonce_ = 0;
};

inline std::vector<Header> headers_of(const std::vector<BlockPtr>& blocks) {
  std::vector<Header> out;
  for (const BlockPtr& block : blocks) out.push_back(block->header);
  return out;
}
inline std::vector<Digest> hashes_of(const std::vector<BlockPtr>& blocks) {
  std::vector<Digest> out;
  for (const BlockPtr& block : blocks) out.push_back(block->hash);
  return out;
}

inline Input input(decltype(Input::event) event, std::uint64_t now_seconds = kLateSeconds) {
  return {now_seconds, std::move(event)};
}
inline constexpr PeerId kPeer{7};

// The codes of what was refused, in order.
inline std::string codes(const std::vector<Refusal>& refused) {
  std::string out;
  for (const Refusal& refusal : refused) {
    out += (out.empty() ? "" : " ") + std::string(refusal.error.code);
  }
  return out;
}

}  // namespace quorate::pow::test
