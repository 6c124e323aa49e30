#pragma once

// The inside of PeerMesh: who is connected to whom. Includes Asio: for .cc files only.
//
// Everything runs on the I/O thread, but for `enqueue`, `states` and `set_address`.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "node/asio.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "node/peers.h"
#include "node/peers_link.h"
#include "node/peers_queue.h"

namespace quorate::node {

// Hands on at most so many refusals a second, and says how many it kept to itself.
class RefusalLimiter {
 public:
  // False: this one is one too many.
  [[nodiscard]] bool pass(Error& error, std::chrono::steady_clock::time_point now);

 private:
  std::chrono::steady_clock::time_point second_begin_{};
  std::uint32_t passed_ = 0;
  std::uint64_t suppressed_ = 0;
};

// The keys that the TLS handshake has turned away, so that the refusal can name them.
using RefusedKeys = std::deque<crypto::PublicKey>;

struct PeerMesh::Impl final : PeerLinkOwner, std::enable_shared_from_this<Impl> {
  using Clock = std::chrono::steady_clock;

  struct Peer {
    Peer(PeerAddress given, const PeerMeshOptions& options, IoThread& io);

    const ledger::ReplicaId id;
    const crypto::PublicKey network_key;
    OutboundQueue queue;
    std::shared_ptr<CreditAccount> credit;
    std::shared_ptr<PeerLink> out;  // ours, from the first attempt on
    std::shared_ptr<PeerLink> in;   // theirs, once it is up
    asio::steady_timer redial;
    std::chrono::milliseconds backoff;
    Clock::time_point up_since{};

    // Injected faults. What goes to a slow peer waits here until it is due, in order.
    struct Late {
      Clock::time_point due;
      OutboundFrame frame;
    };
    bool is_cut = false;
    std::chrono::milliseconds delay{0};
    std::atomic<bool> is_slow = false;  // frames take the way over `late`; read by any thread
    std::deque<Late> late;
    std::uint64_t late_bytes = 0;
    asio::steady_timer late_timer;

    mutable std::mutex mutex;  // guards `state`
    PeerState state;
  };

  Impl(IoThread& io_thread, PeerMeshOptions given, Callbacks given_callbacks,
       const crypto::PublicKey& key, asio::ssl::context tls_context,
       std::shared_ptr<RefusedKeys> keys, tcp::acceptor listener);

  void start();
  void stop();

  void enqueue(Peer& peer, const OutboundFrame& frame);
  void push(Peer& peer, const OutboundFrame& frame);
  [[nodiscard]] std::vector<PeerState> states() const;
  void set_address(ledger::ReplicaId id, Endpoint endpoint);

  // peers_faults.cc
  void apply_faults(const MeshFaults& faults);
  void set_cut(Peer& peer, bool is_cut);
  void hold_late(Peer& peer, const OutboundFrame& frame);
  void pass_late(Peer& peer);

  void accept();
  void rest();
  void take(const std::shared_ptr<PeerLink>& link);
  void dial(Peer& peer);
  void dial_after(Peer& peer, std::chrono::milliseconds pause);
  void back_off(Peer& peer);

  Result<ledger::ReplicaId> admit(PeerLink& link, const crypto::PublicKey& key) override;
  void on_up(PeerLink& link) override;
  void on_frame(PeerLink& link, Bytes frame) override;
  bool must_pause(PeerLink& link) override;
  void next_batch(PeerLink& link, FrameBatch& batch) override;
  void on_closed(PeerLink& link, const Error& error, bool is_refusal) override;

  void on_out_up(Peer& peer);
  void on_in_up(Peer& peer, PeerLink& link);
  void on_out_closed(Peer& peer, const Error& error);
  void refuse(Error error);
  // What is known of a handshake that failed over the other side's key.
  [[nodiscard]] Error explain(Error error);
  [[nodiscard]] Peer* find_peer(const PeerLink& link);
  Peer& peer_of(const PeerLink& link) { return *peers.at(link.replica()); }

  IoThread& io;
  const IoThread::Poster poster;
  const crypto::PublicKey own_key;
  const PeerMeshOptions options;
  Callbacks callbacks;
  asio::ssl::context tls;
  const std::shared_ptr<RefusedKeys> refused_keys;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  const Endpoint endpoint;
  const PeerLinkOptions link_options;
  RefusalLimiter limiter;
  std::minstd_rand jitter{std::random_device{}()};
  bool stopped = false;
  std::map<ledger::ReplicaId, std::unique_ptr<Peer>> peers;  // fixed after construction
  std::map<crypto::PublicKey, Peer*> by_key;
  std::list<std::shared_ptr<PeerLink>> strangers;  // accepted and not up yet, the oldest first
};

}  // namespace quorate::node
