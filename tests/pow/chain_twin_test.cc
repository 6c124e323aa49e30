// The chain beside a dumb twin that keeps every block and finds the best chain anew from nothing
// after each step, over random trees that arrive in random orders: orphans, duplicates, bodies that
// come late or damaged, blocks that the state refuses, and marks by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "tests/pow/chain_world.h"

namespace quorate::pow {
namespace {

using namespace test;

constexpr std::size_t kWindow = 6;

class Twin {
 public:
  explicit Twin(const ChainWorld& world) : world_(world) {
    add_header(world.block_0->header);
    bodies_[world.block_0->hash] = 0;
  }

  std::set<Digest> condemned, marked, failed;

  void add_header(const Header& header) {
    const Digest hash = hash_of(header);
    headers_[hash] = {header, headers_.size()};
  }
  void add_body(const Digest& hash, std::uint64_t step) { bodies_[hash] = step; }
  [[nodiscard]] bool knows(const Digest& hash) const { return headers_.contains(hash); }
  [[nodiscard]] bool has_body(const Digest& hash) const { return bodies_.contains(hash); }

  // From the block down to block 0.
  [[nodiscard]] std::vector<Digest> way(Digest hash) const {
    std::vector<Digest> out{hash};
    while (hash != world_.block_0->hash) out.push_back(hash = headers_.at(hash).first.previous);
    return out;
  }
  [[nodiscard]] bool is_invalid(const Digest& hash) const {
    const auto way = this->way(hash);
    return std::any_of(way.begin(), way.end(), [&](const Digest& at) {
      return condemned.contains(at) || marked.contains(at) || failed.contains(at);
    });
  }
  void reconsider(const Digest& hash) {
    for (std::set<Digest>* faults : {&condemned, &marked, &failed}) {
      std::erase_if(*faults, [&](const Digest& at) {
        return is_on_way(at, hash) || is_on_way(hash, at);
      });
    }
  }

  [[nodiscard]] Digest best() const {
    using Rank = std::tuple<U256, std::uint64_t, std::uint64_t>;
    std::optional<Rank> best;
    Digest found;
    for (const auto& [hash, entry] : headers_) {
      const auto complete = complete_since(hash);
      if (!complete || is_invalid(hash)) continue;
      const Rank rank{world_.point(hash).work, ~*complete, ~entry.second};
      if (best && rank < *best) continue;
      best = rank;
      found = hash;
    }
    return found;
  }

  [[nodiscard]] std::vector<Digest> wanted() const {
    Digest top = best();
    const U256 own_work = world_.point(top).work;
    std::uint64_t arrival = 0;
    for (const auto& [hash, entry] : headers_) {
      if (is_invalid(hash) || world_.point(hash).work <= own_work) continue;
      const U256 work = world_.point(hash).work;
      const U256 top_work = world_.point(top).work;
      if (work < top_work || (work == top_work && entry.second > arrival)) continue;
      top = hash;
      arrival = entry.second;
    }
    if (world_.point(top).work == own_work) return {};
    auto way = this->way(top);
    std::reverse(way.begin(), way.end());
    std::vector<Digest> out;
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < way.size(); ++i) {
      if (bodies_.contains(way[i])) continue;
      if (!first) first = i;
      if (i < *first + kWindow) out.push_back(way[i]);
    }
    return out;
  }

 private:
  [[nodiscard]] bool is_on_way(const Digest& low, const Digest& high) const {
    const auto way = this->way(high);
    return std::find(way.begin(), way.end(), low) != way.end();
  }
  [[nodiscard]] std::optional<std::uint64_t> complete_since(const Digest& hash) const {
    std::uint64_t latest = 0;
    for (const Digest& at : way(hash)) {
      const auto body = bodies_.find(at);
      if (body == bodies_.end()) return std::nullopt;
      latest = std::max(latest, body->second);
    }
    return latest;
  }

  const ChainWorld& world_;
  std::map<Digest, std::pair<Header, std::uint64_t>> headers_;
  std::map<Digest, std::uint64_t> bodies_;  // the step at which each came
};

class ChainTwin : public testing::Test {
 protected:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  void plant(std::size_t count) {
    blocks_ = {world_.block_0};
    for (std::size_t i = 0; i < count; ++i) {
      // Mostly on one of the newest, so that branches are long enough to retarget.
      const std::size_t back = below(4) == 0 ? below(blocks_.size()) : below(3);
      const BlockPtr& parent = blocks_[blocks_.size() - 1 - std::min(back, blocks_.size() - 1)];
      const std::uint32_t seconds = std::vector<std::uint32_t>{2, 10, 40}[below(3)];
      blocks_.push_back(world_.on(parent, {}, seconds));
      if (below(12) == 0) refused_by_state_.insert(blocks_.back()->hash);
      if (below(16) == 0) condemned_.insert(blocks_.back()->hash);
    }
  }

  // Does what a host does, and holds each move against where the host stands.
  void run(const decltype(Input::event)& event) {
    Output out = chain_.step(input(event));
    while (true) {
      ++step_;
      note(out);
      const auto failed = follow(out.moves);
      if (!failed) break;
      twin_.failed.insert(*failed);
      out = chain_.step(input(ConnectFailed{*failed, "bad"}));
    }
    ASSERT_EQ(stand_.back(), chain_.tip().hash);
    ASSERT_EQ(chain_.tip().hash, twin_.best()) << "not the best chain after step " << step_;
    ASSERT_EQ(chain_.wanted(), twin_.wanted()) << "wrong bodies wanted after step " << step_;
  }

  void note(const Output& out) {
    for (const Header& header : out.headers) twin_.add_header(header);
    for (const BlockPtr& body : out.bodies) twin_.add_body(body->hash, step_);
    stored_.push_back({out.headers, out.bodies});
  }

  std::optional<Digest> follow(const std::vector<Move>& moves) {
    for (const Move& move : moves) {
      if (move.kind == Move::Kind::kDisconnect) {
        EXPECT_EQ(stand_.back(), move.hash);
        stand_.pop_back();
        EXPECT_EQ(stand_.size(), move.height.value);
        continue;
      }
      EXPECT_EQ(chain_.find(move.hash)->parent->hash(), stand_.back());
      EXPECT_TRUE(twin_.has_body(move.hash));
      if (refused_by_state_.contains(move.hash)) return move.hash;
      stand_.push_back(move.hash);
    }
    return std::nullopt;
  }

  void deliver(const BlockPtr& block) {
    if (!condemned_.contains(block->hash)) return run(BlockArrived{kPeer, block});
    const bool counts = twin_.knows(block->hash);
    if (counts) twin_.condemned.insert(block->hash);
    run(BodyRefused{kPeer, block->header, {Reject::kTransactionBad, true, "bad"}});
  }

  void random_event() {
    const BlockPtr& block = blocks_[1 + below(blocks_.size() - 1)];
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return deliver(block);
      case 3: {  // damaged on the way
        const BodyReject damage{Reject::kMerkleRootWrong, false, "bad"};
        return run(BodyRefused{kPeer, block->header, damage});
      }
      case 4:
        if (below(6) != 0 || !twin_.knows(block->hash)) return;
        twin_.marked.insert(block->hash);
        return run(Invalidate{block->hash});
      case 5:
        if (!twin_.knows(block->hash)) return;
        twin_.reconsider(block->hash);
        return run(Reconsider{block->hash});
      case 6:
      case 7: {  // a run of headers, from anywhere
        std::vector<Header> headers{block->header};
        while (below(4) != 0) {
          const auto parent = parents().find(headers.front().previous);
          if (parent == parents().end()) break;
          headers.insert(headers.begin(), parent->second->header);
        }
        return run(HeadersArrived{kPeer, headers});
      }
      default: {
        const auto wanted = chain_.wanted();
        if (!wanted.empty()) deliver(parents().at(wanted[below(wanted.size())]));
        return;
      }
    }
  }

  const std::map<Digest, BlockPtr>& parents() {
    if (by_hash_.empty()) {
      for (const BlockPtr& block : blocks_) by_hash_[block->hash] = block;
    }
    return by_hash_;
  }

  // Everybody tells all that there is, until nothing is wanted any more.
  void finish() {
    std::set<Digest> marked = twin_.marked;
    for (const Digest& hash : marked) {
      twin_.reconsider(hash);
      ASSERT_NO_FATAL_FAILURE(run(Reconsider{hash}));
    }
    for (const BlockPtr& block : blocks_) {
      ASSERT_NO_FATAL_FAILURE(run(HeadersArrived{kPeer, {block->header}}));
    }
    for (auto wanted = chain_.wanted(); !wanted.empty(); wanted = chain_.wanted()) {
      ASSERT_NO_FATAL_FAILURE(deliver(parents().at(wanted[below(wanted.size())])));
    }
    ASSERT_EQ(world_.point(chain_.tip().hash).work, most_work());
  }

  // Of all blocks that have no bad one below, whatever was seen when.
  U256 most_work() {
    U256 most;
    for (BlockPtr block : blocks_) {
      const U256 work = world_.point(block).work;
      bool is_good = true;
      for (; block != world_.block_0; block = parents().at(block->header.previous)) {
        is_good = is_good && !condemned_.contains(block->hash) &&
                  !refused_by_state_.contains(block->hash);
      }
      if (is_good) most = std::max(most, work);
    }
    return most;
  }

  // What was stored, given to a new core in its order.
  void expect_same_after_restart() {
    Chain again(world_.params, world_.block_0->header, {.bodies_ahead_max = kWindow});
    std::set<Digest> failed;
    const auto take = [&](decltype(Input::event) event) {
      Output out = again.step(input(std::move(event)));
      for (std::size_t i = 0; i < out.moves.size(); ++i) {
        if (out.moves[i].kind == Move::Kind::kDisconnect ||
            !refused_by_state_.contains(out.moves[i].hash)) {
          continue;
        }
        out = again.step(input(ConnectFailed{out.moves[i].hash, "bad"}));
        i = static_cast<std::size_t>(-1);
      }
    };
    for (const auto& [headers, bodies] : stored_) {
      for (const Header& header : headers) take(HeadersArrived{std::nullopt, {header}});
      for (const BlockPtr& body : bodies) take(BlockArrived{std::nullopt, body});
    }
    EXPECT_EQ(again.tip().hash, chain_.tip().hash);
  }

  void start(std::uint64_t seed) {
    random_.seed(seed);
    plant(28);
  }

  std::mt19937_64 random_;
  ChainWorld world_;
  std::vector<BlockPtr> blocks_;
  std::map<Digest, BlockPtr> by_hash_;
  std::set<Digest> refused_by_state_, condemned_;
  Chain chain_{world_.params, world_.block_0->header, {.bodies_ahead_max = kWindow}};
  Twin twin_{world_};
  std::vector<Digest> stand_{world_.block_0->hash};
  std::vector<std::pair<std::vector<Header>, std::vector<BlockPtr>>> stored_;
  std::uint64_t step_ = 0;
};

class ChainTwinSeeds : public ChainTwin, public testing::WithParamInterface<std::uint64_t> {};

TEST_P(ChainTwinSeeds, FindsTheChainThatATwinFindsFromNothing) {
  start(GetParam());
  for (int i = 0; i < 150; ++i) ASSERT_NO_FATAL_FAILURE(random_event()) << "event " << i;
  ASSERT_NO_FATAL_FAILURE(finish());
  expect_same_after_restart();
}

INSTANTIATE_TEST_SUITE_P(Random, ChainTwinSeeds, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace quorate::pow
