#include "testnet/attack_runs.h"

#include <optional>
#include <vector>

#include "crypto/check.h"
#include "testnet/attack_world.h"

namespace quorate::testnet {
namespace {

constexpr std::uint8_t kHonest = 0;
constexpr std::uint8_t kAttacker = 1;

}  // namespace

// -- Double spending -----------------------------------------------------------------------------

std::uint64_t give_up_at(std::uint64_t share) {
  QUORATE_CHECK(share > 0 && share < kMillion / 2, "a minority");
  // (q/p)^k, in parts of 10^18.
  __extension__ using Wide = unsigned __int128;
  std::uint64_t chance = kMillion * kMillion * kMillion;
  std::uint64_t deficit = 0;
  for (; chance >= kMillion * kMillion; ++deficit) {
    chance = static_cast<std::uint64_t>(Wide{chance} * share / (kMillion - share));
  }
  return deficit;
}

AttackCount run_double_spend(const Prng& dice, std::uint64_t share, std::uint64_t depth,
                             std::uint64_t give_up) {
  constexpr std::size_t kNetwork = 0;
  constexpr std::size_t kSecret = 1;
  AttackWorld world(2, dice);
  pow::BlockPtr secret = world.mine(kSecret, kAttacker);
  world.deliver(kSecret, secret);
  std::optional<pow::Digest> payment;
  for (;;) {
    world.wait_for_block();
    if (world.lot(share)) {
      secret = world.mine(kSecret, kAttacker);
      world.deliver(kSecret, secret);
    } else {
      const pow::BlockPtr block = world.mine(kNetwork, kHonest);
      if (!payment) payment = block->hash;
      world.deliver(kNetwork, block);
    }
    const std::uint64_t open = world.height(kNetwork);
    const std::uint64_t hidden = world.height(kSecret);
    if (open >= hidden + give_up) return {0, 1};
    if (open < depth || hidden <= open) continue;
    world.deliver(kNetwork, secret);
    return {world.chain(kNetwork).depth(*payment) ? 0U : 1U, 1};
  }
}

// -- Selfish mining ------------------------------------------------------------------------------

namespace {

// Three views: the attacker's, and of the others those that hear the attacker first in a tie
// (`kNear`, gamma of them) and those that hear the finder first.
class SelfishRun {
 public:
  SelfishRun(const Prng& dice, std::uint64_t share, std::uint64_t gamma)
      : world_(3, dice), share_(share), gamma_(gamma) {}

  AttackCount run(std::uint64_t blocks) {
    for (std::uint64_t found = 0; found < blocks || !all_agree(); ++found) {
      world_.wait_for_block();
      if (world_.lot(share_)) {
        on_own_block();
      } else {
        on_others_block();
      }
      world_.settle();
    }
    AttackCount count{0, world_.height(kFar)};
    for (std::uint64_t height = 1; height <= count.whole; ++height) {
      count.part += world_.miner_at(kFar, height) == kAttacker ? 1 : 0;
    }
    return count;
  }

 private:
  static constexpr std::size_t kOwn = 0;
  static constexpr std::size_t kNear = 1;
  static constexpr std::size_t kFar = 2;

  [[nodiscard]] bool all_agree() {
    const pow::Digest& tip = world_.chain(kOwn).tip().hash;
    return hidden_.empty() && world_.chain(kNear).tip().hash == tip &&
           world_.chain(kFar).tip().hash == tip;
  }
  [[nodiscard]] std::uint64_t lead(std::uint64_t open) const {
    const std::uint64_t own = world_.height(kOwn);
    return own > open ? own - open : 0;
  }

  void on_own_block() {
    const pow::BlockPtr block = world_.mine(kOwn, kAttacker);
    world_.deliver(kOwn, block);
    hidden_.push_back(block);
    // Of two branches of one block each, this one has two now.
    if (is_level_) show(hidden_.size());
    is_level_ = false;
  }

  void on_others_block() {
    const std::uint64_t before = lead(world_.height(kFar));
    const pow::BlockPtr block = world_.mine(world_.lot(gamma_) ? kNear : kFar, kHonest);
    world_.deliver(kFar, block);
    world_.deliver_in(1, kOwn, block);
    world_.agenda().in(2, [this, before] { react(before); });
    world_.deliver_in(4, kNear, block);
  }

  void react(std::uint64_t before) {
    is_level_ = before == 1;
    if (before == 2) return show(hidden_.size());
    if (before > 0) show(1);
  }
  // The oldest `count` of what is hidden. The near hear it before the block that it answers.
  void show(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      world_.deliver_in(1, kNear, hidden_[i]);
      world_.deliver_in(3, kFar, hidden_[i]);
    }
    hidden_.erase(hidden_.begin(), hidden_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  AttackWorld world_;
  std::uint64_t share_;
  std::uint64_t gamma_;
  std::vector<pow::BlockPtr> hidden_;  // the oldest first
  bool is_level_ = false;              // two public branches, one of them the attacker's
};

}  // namespace

AttackCount run_selfish(const Prng& dice, std::uint64_t share, std::uint64_t gamma,
                        std::uint64_t blocks) {
  return SelfishRun(dice, share, gamma).run(blocks);
}

// -- Without anybody's ill will ------------------------------------------------------------------

AttackCount run_stale(const Prng& dice, std::size_t pools, std::uint64_t delay_us,
                      std::uint64_t blocks) {
  const std::size_t nodes = pools == 0 ? 1 : pools;
  AttackWorld world(nodes, dice);
  std::uint64_t found = 0;
  for (;; ++found) {
    world.wait_for_block();
    if (found >= blocks && world.is_settled()) break;
    const std::size_t finder = world.any_of(nodes);
    const pow::BlockPtr block = world.mine(finder, kHonest);
    for (std::size_t node = 0; node < nodes; ++node) {
      if (node == finder && pools != 0) {
        world.deliver(node, block);
      } else {
        world.deliver_in(delay_us, node, block);
      }
    }
  }
  return {found - world.height(0), found};
}

AttackCount run_partition(const Prng& dice, std::uint64_t share, std::uint64_t spacings) {
  AttackWorld world(2, dice);
  std::uint64_t found = 0;
  const std::uint64_t heals_us = spacings * kAttackSpacingUs;
  pow::BlockPtr tips[2];
  for (;;) {
    world.wait_for_block();
    const bool is_cut = world.agenda().now_us() < heals_us;
    if (!is_cut) {
      for (const pow::BlockPtr& tip : tips) {
        if (!tip) continue;
        world.deliver(0, tip);
        world.deliver(1, tip);
      }
    }
    const std::size_t side = world.lot(share) ? 0 : 1;
    tips[side] = world.mine(side, kHonest);
    ++found;
    world.deliver(side, tips[side]);
    if (is_cut) continue;
    // The first block after the parts met: it decides a tie.
    world.deliver(1 - side, tips[side]);
    QUORATE_CHECK(world.chain(0).tip().hash == world.chain(1).tip().hash, "the parts agree");
    return {found - world.height(0), 1};
  }
}

}  // namespace quorate::testnet
