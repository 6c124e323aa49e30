#pragma once

// Meshes on loops of their own, for tests of what passes between them.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/peers.h"
#include "tests/node/rpc_handler.h"

namespace quorate::node::mesh {

using crypto::SecretKey;
using ledger::ReplicaId;

inline SecretKey key_of(std::uint8_t seed) {
  return SecretKey::from_seed(Bytes(SecretKey::kSeedBytes, seed));
}

inline OutboundFrame frame(std::string_view text) {
  return std::make_shared<const Bytes>(to_bytes(text));
}
inline OutboundFrame frame_of_size(std::size_t size, std::uint8_t fill = 0) {
  return std::make_shared<const Bytes>(size, fill);
}

// A mesh on a loop of its own, and what it has been told.
class Node {
 public:
  Node(std::uint8_t id, const std::vector<std::uint8_t>& peer_ids, std::uint8_t chain = 1,
       std::uint8_t key_seed = 0)
      : id_(id) {
    options.self = {id};
    options.chain_id.bytes.fill(chain);
    options.listen = {"127.0.0.1", 0};
    options.handshake_timeout_ms = 2000;
    options.heartbeat_ms = 200;
    for (const std::uint8_t peer : peer_ids) {
      // Nobody listens on port 1; the right one comes with know().
      options.peers.push_back(
          {{peer}, fmt::format("n{}", peer), key_of(peer).public_key(), {"127.0.0.1", 1}});
    }
    key_seed_ = key_seed == 0 ? id : key_seed;
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() { stop(); }

  void start() {
    PeerMesh::Callbacks callbacks;
    callbacks.on_frame = [this](InboundFrame inbound) {
      const std::lock_guard lock(mutex_);
      frames_[inbound.from.value].push_back(std::move(inbound.bytes));
      if (hold_credit) credits_.push_back(std::move(inbound.credit));
    };
    callbacks.on_connected = [this](ReplicaId) { ++connects; };
    callbacks.on_disconnected = [this](ReplicaId) { ++disconnects; };
    callbacks.on_refusal = [this](const Error& error) {
      const std::lock_guard lock(mutex_);
      refusals_.push_back(error);
    };
    auto started = PeerMesh::start(io, key_of(key_seed_), options, callbacks);
    ASSERT_TRUE(started) << started.error().to_string();
    mesh = std::move(*started);
    options.listen = mesh->endpoint();  // a restart takes the same port
  }
  void stop() { mesh.reset(); }
  void know(const Node& other) { know(other.id_, other.port()); }
  void know(std::uint8_t peer, std::uint16_t at) { mesh->set_address({peer}, {"127.0.0.1", at}); }
  [[nodiscard]] std::uint16_t port() const { return mesh->endpoint().port; }
  [[nodiscard]] ReplicaId id() const { return {id_}; }

  void send(const Node& to, OutboundFrame what) { mesh->send(to.id(), std::move(what)); }
  [[nodiscard]] PeerState state(std::uint8_t peer) const {
    for (PeerState& state : mesh->peers()) {
      if (state.id.value == peer) return state;
    }
    return {};
  }
  [[nodiscard]] bool is_meshed() const {
    const auto all = mesh->peers();
    return std::all_of(all.begin(), all.end(), [](const PeerState& state) {
      return state.connected_in && state.connected_out;
    });
  }
  [[nodiscard]] std::size_t count(std::uint8_t from) const {
    const std::lock_guard lock(mutex_);
    const auto found = frames_.find(from);
    return found == frames_.end() ? 0 : found->second.size();
  }
  [[nodiscard]] std::vector<Bytes> frames(std::uint8_t from) const {
    const std::lock_guard lock(mutex_);
    const auto found = frames_.find(from);
    return found == frames_.end() ? std::vector<Bytes>() : found->second;
  }
  // The first refusal with this code; an empty one if there is none.
  [[nodiscard]] Error refusal(std::string_view code) const {
    const std::lock_guard lock(mutex_);
    for (const Error& error : refusals_) {
      if (error.code == code) return error;
    }
    return {};
  }
  [[nodiscard]] bool refuses(std::string_view code) const {
    return eventually([&] { return refusal(code).code == code; });
  }
  [[nodiscard]] std::size_t refusals() const {
    const std::lock_guard lock(mutex_);
    return refusals_.size();
  }
  void release_credit() {
    std::vector<std::shared_ptr<void>> dropped;
    const std::lock_guard lock(mutex_);
    hold_credit = false;
    dropped.swap(credits_);
  }

  PeerMeshOptions options;
  IoThread io;
  std::unique_ptr<PeerMesh> mesh;
  std::atomic<bool> hold_credit = false;
  std::atomic<int> connects = 0;
  std::atomic<int> disconnects = 0;

 private:
  const std::uint8_t id_;
  std::uint8_t key_seed_ = 0;
  mutable std::mutex mutex_;
  std::map<std::uint16_t, std::vector<Bytes>> frames_;
  std::vector<std::shared_ptr<void>> credits_;
  std::vector<Error> refusals_;
};

// Two nodes, 1 and 2, that know each other.
struct Pair {
  Node a{1, {2}};
  Node b{2, {1}};

  void start() {
    b.start();
    start_a();
  }
  // After b. Until then a test may speak for replica 1 alone: a that runs dials again at once, and
  // its connection takes the place of the test's, before or after what the test sends on its own.
  void start_a() {
    a.start();
    a.know(b);
    b.know(a);
    ASSERT_TRUE(eventually([&] { return a.is_meshed() && b.is_meshed(); }));
  }
  // Frames still pass both ways.
  void expect_working() {
    const std::size_t before_a = a.count(2);
    const std::size_t before_b = b.count(1);
    EXPECT_TRUE(eventually([&] { return a.is_meshed() && b.is_meshed(); }));
    a.send(b, frame("still"));
    b.send(a, frame("still"));
    EXPECT_TRUE(eventually([&] { return b.count(1) > before_b && a.count(2) > before_a; }));
  }
};

}  // namespace quorate::node::mesh
