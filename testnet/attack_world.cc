#include "testnet/attack_world.h"

#include <algorithm>

#include "crypto/check.h"
#include "pow/miner.h"

namespace quorate::testnet {
namespace {

constexpr std::uint64_t kNonces = std::uint64_t{1} << 32;
constexpr pow::PeerId kNetwork{1};

}  // namespace

std::uint64_t exponential(Prng& dice, std::uint64_t mean) {
  for (std::uint64_t whole = 0;; ++whole) {
    const std::uint64_t first = dice.next();
    // How long a run of falling numbers is: odd with probability e^-x, where `first` is x.
    bool is_odd = true;
    for (std::uint64_t last = first;; is_odd = !is_odd) {
      const std::uint64_t next = dice.next();
      if (next >= last) break;
      last = next;
    }
    if (!is_odd) continue;
    __extension__ using Wide = unsigned __int128;
    return whole * mean + static_cast<std::uint64_t>((Wide{first} * mean) >> 64);
  }
}

AttackWorld::AttackWorld(std::size_t nodes, const Prng& dice)
    : dice_(dice), params_(pow::regtest_params()) {
  for (std::size_t i = 0; i < nodes; ++i) {
    chains_.push_back(std::make_unique<pow::Chain>(params_, pow::regtest_genesis()));
  }
}

std::uint64_t AttackWorld::now_seconds() const {
  return pow::regtest_genesis().time + agenda_.now_us() / kMillion;
}

pow::BlockPtr AttackWorld::mine(std::size_t on_tip_of, std::uint8_t miner) {
  const pow::ChainPoint& parent = chains_[on_tip_of]->tip();
  pow::Coinbase coinbase{{}, {parent.height.value + 1}, ++mined_, {}};
  coinbase.miner.bytes[0] = miner;
  pow::Block draft = pow::draft_block(parent.hash, coinbase, {});
  draft.header.time = std::max(static_cast<std::uint32_t>(now_seconds()),
                               parent.recent.median() + 1);
  draft.header.bits = pow::required_bits(parent, draft.header.time, params_).value();
  draft.header.nonce = pow::find_nonce(draft.header, 0, kNonces).value();
  const pow::Header header = draft.header;
  pow::BlockPtr block = pow::finish_block(std::move(draft), header);
  blocks_[block->hash] = block;
  return block;
}

void AttackWorld::step(std::size_t node, const pow::BlockPtr& block) {
  const pow::Output out = chains_[node]->step({now_seconds(), pow::BlockArrived{kNetwork, block}});
  QUORATE_CHECK(out.refused.empty() && !out.ask_headers_of, "blocks made here are good");
  // Bodies of a branch that was no better until now.
  std::vector<pow::Digest> wanted = out.wanted;
  while (!wanted.empty()) {
    const pow::Digest hash = wanted.back();
    wanted.pop_back();
    const pow::Output more =
        chains_[node]->step({now_seconds(), pow::BlockArrived{kNetwork, this->block(hash)}});
    wanted.insert(wanted.end(), more.wanted.begin(), more.wanted.end());
  }
}

void AttackWorld::deliver(std::size_t node, const pow::BlockPtr& block) {
  std::vector<pow::BlockPtr> missing{block};
  while (chains_[node]->find(missing.back()->header.previous) == nullptr) {
    missing.push_back(this->block(missing.back()->header.previous));
  }
  for (auto next = missing.rbegin(); next != missing.rend(); ++next) step(node, *next);
}

void AttackWorld::deliver_in(std::uint64_t delay_us, std::size_t node,
                             const pow::BlockPtr& block) {
  agenda_.in(delay_us, [this, node, block] { deliver(node, block); });
}

const pow::BlockPtr& AttackWorld::block(const pow::Digest& hash) const {
  const auto found = blocks_.find(hash);
  QUORATE_CHECK(found != blocks_.end(), "a block that was mined here");
  return found->second;
}

std::uint8_t AttackWorld::miner_at(std::size_t node, std::uint64_t height) const {
  const pow::TreeNode* at = chains_[node]->at({height});
  QUORATE_CHECK(at != nullptr, "a height below the tip");
  return block(at->hash())->coinbase.miner.bytes[0];
}

void AttackWorld::wait_for_block() {
  const std::uint64_t found_us = agenda_.now_us() + exponential(dice_, kAttackSpacingUs);
  while (agenda_.next_us().value_or(found_us) < found_us) agenda_.run_next();
  agenda_.advance_to(found_us);
}

void AttackWorld::settle() {
  while (agenda_.run_next()) {
  }
}

bool AttackWorld::is_settled() const {
  return !agenda_.next_us() && std::ranges::all_of(chains_, [&](const auto& chain) {
    return chain->tip().hash == chains_[0]->tip().hash;
  });
}

}  // namespace quorate::testnet
