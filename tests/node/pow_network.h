#pragma once

// Hosts of a proof-of-work chain joined in memory, with virtual time: what one says is delivered in
// order when the test says so, unless the link is cut.

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "crypto/bcs.h"
#include "node/pow_host.h"
#include "tests/pow/chain_world.h"
#include "tests/support/faulty_env.h"

namespace quorate::node::test {

class PowNetwork {
 public:
  struct Node {
    quorate::test::FaultyEnv env;
    std::unique_ptr<PowChain> chain;
    std::unique_ptr<PowHost> host;
    std::deque<std::function<void()>> tasks;
    std::vector<pow::Block> mined_on;  // what the miner was given
    std::optional<Error> fatal;
  };
  struct Frame {
    std::size_t from, to;
    PowMessage message;
  };

  explicit PowNetwork(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add(i);
  }

  [[nodiscard]] PowHost& host(std::size_t i) { return *nodes[i]->host; }
  [[nodiscard]] PowChain& chain(std::size_t i) { return *nodes[i]->chain; }
  [[nodiscard]] ledger::Digest tip(std::size_t i) { return chain(i).chain().tip().hash; }
  [[nodiscard]] std::uint64_t height(std::size_t i) {
    return chain(i).chain().tip().height.value;
  }
  static pow::PeerId id(std::size_t i) { return {static_cast<std::uint32_t>(i)}; }

  void join(std::size_t a, std::size_t b) {
    cut.erase({a, b});
    cut.erase({b, a});
    host(a).on_connected(id(b));
    host(b).on_connected(id(a));
  }
  void join_all() {
    for (std::size_t a = 0; a < nodes.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) join(a, b);
    }
    deliver();
  }
  void part(std::size_t a, std::size_t b) {
    cut.insert({a, b});
    cut.insert({b, a});
    host(a).on_disconnected(id(b));
    host(b).on_disconnected(id(a));
  }
  // Until nobody has anything to say.
  void deliver(std::size_t frames_max = 100'000) {
    while (frames_max > 0) {
      bool did = false;
      for (auto& node : nodes) {
        while (!node->tasks.empty()) {
          const auto task = std::move(node->tasks.front());
          node->tasks.pop_front();
          task();
          did = true;
        }
      }
      if (!frames.empty()) {
        const Frame frame = std::move(frames.front());
        frames.pop_front();
        --frames_max;
        did = true;
        if (filter && !filter(frame)) continue;
        host(frame.to).on_frame(id(frame.from), crypto::encode(frame.message));
      }
      if (!did) return;
    }
  }
  void pass(std::uint64_t ms) {
    for (std::uint64_t i = 0; i < ms; i += 100) {
      now_ms += 100;
      for (auto& node : nodes) node->host->tick();
      deliver();
    }
  }
  // Mined by this node at its own clock.
  std::vector<ledger::Digest> generate(std::size_t i, std::uint64_t count) {
    std::vector<ledger::Digest> hashes;
    host(i).generate(count, {}, 1 << 30, [&](const Result<std::vector<ledger::Digest>>& made) {
      EXPECT_TRUE(made) << made.error().to_string();
      if (made) hashes = *made;
    });
    deliver();
    return hashes;
  }
  // "+3 -2", of the journal from a line on.
  std::string journal(std::size_t i, std::uint64_t from = 0) {
    std::string out;
    const auto lines = chain(i).store().journal_lines(from, 10'000).value();
    for (const std::string& line : lines) {
      const bool connects = line.find(" connect ") != std::string::npos;
      const std::size_t at = line.find("connect ") + 8;
      out += (out.empty() ? "" : " ") + std::string(connects ? "+" : "-") +
             line.substr(at, line.find(' ', at) - at);
    }
    return out;
  }

  pow::test::ChainWorld world{pow::regtest_params()};
  std::vector<std::unique_ptr<Node>> nodes;
  std::deque<Frame> frames;
  std::set<std::pair<std::size_t, std::size_t>> cut;
  std::function<bool(const Frame&)> filter;  // false: lost
  std::uint64_t now_ms = 1000;
  std::uint64_t wall_seconds = 1'700'000'100;

 private:
  void add(std::size_t i) {
    auto node = std::make_unique<Node>();
    Node* self = node.get();
    EXPECT_TRUE(
        PowChain::create("/c", world.genesis, world.params, world.block_0, {&node->env}));
    node->chain = PowChain::open("/c", world.genesis, world.params, {&node->env}).value();
    PowHost::Doors doors;
    doors.send = [this, i](pow::PeerId to, const PowMessage& message) {
      if (!cut.contains({i, to.value})) frames.push_back({i, to.value, message});
    };
    doors.apart = [self](std::function<void()> work, std::function<void()> then) {
      work();
      self->tasks.push_back(std::move(then));
    };
    doors.post = [self](std::function<void()> task) { self->tasks.push_back(std::move(task)); };
    doors.monotonic_ms = [this] { return now_ms; };
    doors.wall_time = [this] { return ledger::TimeMs{wall_seconds * 1000}; };
    doors.mine = [self](std::optional<pow::Block> draft) {
      self->mined_on.push_back(std::move(*draft));
    };
    doors.on_fatal = [self](const Error& error) { self->fatal = error; };
    node->host = std::make_unique<PowHost>(*node->chain, ledger::PublicKey{}, std::move(doors));
    nodes.push_back(std::move(node));
  }
};

}  // namespace quorate::node::test
