#include "node/peers_mesh.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "node/listen.h"

namespace quorate::node {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBackoffMin{50};
constexpr milliseconds kBackoffMax{2000};
// A link that held this long was no failed attempt.
constexpr std::chrono::seconds kProvenLink{1};

}  // namespace

bool RefusalLimiter::pass(Error& error, std::chrono::steady_clock::time_point now) {
  if (now - second_begin_ >= std::chrono::seconds(1)) {
    second_begin_ = now;
    passed_ = 0;
  }
  if (passed_ >= kRefusalsPerSecondMax) {
    ++suppressed_;
    return false;
  }
  ++passed_;
  if (suppressed_ > 0) {
    error.message += fmt::format(" ({} more refusals went unsaid)", std::exchange(suppressed_, 0));
  }
  return true;
}

PeerMesh::Impl::Peer::Peer(PeerAddress given, const PeerMeshOptions& options, IoThread& io)
    : id(given.id),
      network_key(given.network_key),
      queue(options.queue_bytes_max, std::min(options.queue_bytes_max, kOfflineQueueBytesMax)),
      credit(std::make_shared<CreditAccount>(options.credit_bytes_max, io.poster())),
      redial(io.context()),
      backoff(kBackoffMin),
      late_timer(io.context()) {
  state.id = given.id;
  state.name = std::move(given.name);
  state.endpoint = std::move(given.endpoint);
}

PeerMesh::Impl::Impl(IoThread& io_thread, PeerMeshOptions given, Callbacks given_callbacks,
                     const crypto::PublicKey& key, asio::ssl::context tls_context,
                     std::shared_ptr<RefusedKeys> keys, tcp::acceptor listener)
    : io(io_thread),
      poster(io.poster()),
      own_key(key),
      options(std::move(given)),
      callbacks(std::move(given_callbacks)),
      tls(std::move(tls_context)),
      refused_keys(std::move(keys)),
      acceptor(std::move(listener)),
      pause(io.context()),
      endpoint(bound_endpoint(acceptor, options.listen)),
      link_options{.up_within = milliseconds(options.handshake_timeout_ms),
                   .heartbeat = milliseconds(options.heartbeat_ms),
                   .hello = {kHelloMagic, kWireVersion, options.chain_id, options.self}} {
  for (const PeerAddress& address : options.peers) {
    auto peer = std::make_unique<Peer>(address, options, io);
    by_key[address.network_key] = peer.get();
    peers[address.id] = std::move(peer);
  }
}

void PeerMesh::Impl::start() {
  if (stopped) return;
  for (const auto& [id, peer] : peers) {
    peer->credit->set_on_room([p = peer.get()] {
      if (p->in) p->in->resume();
    });
    dial(*peer);
  }
  accept();
}

void PeerMesh::Impl::stop() {
  stopped = true;
  callbacks = {};
  AsioError ignored;
  acceptor.close(ignored);
  pause.cancel();
  for (const auto& link : std::exchange(strangers, {})) link->abandon();
  for (const auto& [id, peer] : peers) {
    peer->credit->set_on_room(nullptr);
    peer->redial.cancel();
    peer->late_timer.cancel();
    if (peer->out) std::exchange(peer->out, nullptr)->abandon();
    if (peer->in) std::exchange(peer->in, nullptr)->abandon();
  }
}

void PeerMesh::Impl::enqueue(Peer& peer, const OutboundFrame& frame) {
  if (!peer.is_slow) return push(peer, frame);
  poster.post([weak = weak_from_this(), p = &peer, frame] {
    if (const auto self = weak.lock()) self->hold_late(*p, frame);
  });
}

void PeerMesh::Impl::push(Peer& peer, const OutboundFrame& frame) {
  if (!peer.queue.push(frame)) return;
  poster.post([weak = weak_from_this(), p = &peer] {
    const auto self = weak.lock();
    if (self && p->out) p->out->pump();
  });
}

std::vector<PeerState> PeerMesh::Impl::states() const {
  std::vector<PeerState> all;
  for (const auto& [id, peer] : peers) {
    const std::lock_guard lock(peer->mutex);
    all.push_back(peer->state);
    all.back().queued_bytes = peer->queue.bytes();
    all.back().frames_dropped = peer->queue.dropped();
  }
  return all;
}

void PeerMesh::Impl::set_address(ledger::ReplicaId id, Endpoint to) {
  const auto found = peers.find(id);
  if (found == peers.end()) return;
  Peer& peer = *found->second;
  {
    const std::lock_guard lock(peer.mutex);
    peer.state.endpoint = std::move(to);
  }
  poster.post([weak = weak_from_this(), p = &peer] {
    const auto self = weak.lock();
    if (!self || self->stopped || (p->out && p->out->is_up())) return;
    if (p->out) std::exchange(p->out, nullptr)->abandon();
    self->dial(*p);
  });
}

void PeerMesh::Impl::accept() {
  const auto link = std::make_shared<PeerLink>(io.context(), tls, *this, link_options);
  acceptor.async_accept(link->socket(),
                        [self = shared_from_this(), link](const AsioError& trouble) {
                          if (self->stopped) return;
                          if (trouble) return self->rest();
                          self->take(link);
                          self->accept();
                        });
}

void PeerMesh::Impl::rest() {
  pause.expires_after(kAcceptPause);
  pause.async_wait([self = shared_from_this()](const AsioError&) {
    if (!self->stopped) self->accept();
  });
}

// An attacker who holds all places loses the oldest with each one it takes; a peer needs its place
// for milliseconds only.
void PeerMesh::Impl::take(const std::shared_ptr<PeerLink>& link) {
  if (strangers.size() >= kHandshakesMax) {
    const auto oldest = strangers.front();
    oldest->close({ErrorKind::kUnavailable, "peer-too-many-handshakes",
                   fmt::format("{} was dropped: {} newer connections are in their handshake",
                               oldest->place(), kHandshakesMax),
                   "See who connects to the peer port."},
                  true);
  }
  strangers.push_back(link);
  link->serve();
}

void PeerMesh::Impl::dial(Peer& peer) {
  peer.redial.cancel();
  if (peer.is_cut) return;
  Endpoint to;
  {
    const std::lock_guard lock(peer.mutex);
    to = peer.state.endpoint;
  }
  peer.out = std::make_shared<PeerLink>(io.context(), tls, *this, link_options);
  peer.out->dial(to);
}

void PeerMesh::Impl::dial_after(Peer& peer, milliseconds wait) {
  peer.redial.expires_after(wait);
  peer.redial.async_wait([self = shared_from_this(), p = &peer](const AsioError& trouble) {
    if (!trouble && !self->stopped && !p->out) self->dial(*p);
  });
}

// Half of the pause is left to chance, so that nodes which were started or cut off together do not
// all come back in the same moment.
void PeerMesh::Impl::back_off(Peer& peer) {
  const auto half = peer.backoff / 2;
  std::uniform_int_distribution<milliseconds::rep> chance(0, half.count());
  dial_after(peer, half + milliseconds(chance(jitter)));
  peer.backoff = std::min(peer.backoff * 2, kBackoffMax);
}

Result<ledger::ReplicaId> PeerMesh::Impl::admit(PeerLink& link, const crypto::PublicKey& key) {
  const auto found = by_key.find(key);
  if (found == by_key.end()) {
    return fail(
        ErrorKind::kDenied, "peer-unknown-key",
        fmt::format("{} has the key {}, which no set of replicas lists", link.place(), key.hex()),
        "Give that node the network key that `quorate validator list` shows for it.");
  }
  const Peer* expected = link.is_dialled() ? find_peer(link) : nullptr;
  if (expected != nullptr && expected != found->second) {
    return fail(ErrorKind::kDenied, "peer-wrong-key",
                fmt::format("At {} answers replica {}, expected {} (replica {})", link.place(),
                            found->second->id.value, expected->state.name, expected->id.value),
                "Correct that address under peers.addresses.");
  }
  if (found->second->is_cut) {
    return fail(ErrorKind::kUnavailable, "peer-cut",
                fmt::format("{} is replica {}, from which an injected fault cuts this one off",
                            link.place(), found->second->id.value),
                "`quorate testnet heal` ends it.");
  }
  return found->second->id;
}

void PeerMesh::Impl::on_up(PeerLink& link) {
  Peer& peer = peer_of(link);
  if (link.is_dialled()) return on_out_up(peer);
  on_in_up(peer, link);
}

void PeerMesh::Impl::on_out_up(Peer& peer) {
  peer.up_since = Clock::now();
  peer.queue.set_online(true);
  {
    const std::lock_guard lock(peer.mutex);
    peer.state.connected_out = true;
    peer.state.last_error.clear();
  }
  if (callbacks.on_connected) callbacks.on_connected(peer.id);
}

// The new connection replaces an old one, which the peer has given up or lost.
void PeerMesh::Impl::on_in_up(Peer& peer, PeerLink& link) {
  const auto self = link.shared_from_this();
  strangers.remove(self);
  if (peer.in) peer.in->abandon();
  peer.in = self;
  {
    const std::lock_guard lock(peer.mutex);
    peer.state.connected_in = true;
  }
  if (!peer.out) {
    peer.backoff = kBackoffMin;
    dial(peer);
  }
}

void PeerMesh::Impl::on_frame(PeerLink& link, Bytes frame) {
  Peer& peer = peer_of(link);
  const std::uint64_t cost = frame.size() + kFrameOverheadBytes;
  {
    const std::lock_guard lock(peer.mutex);
    peer.state.bytes_received += frame.size();
  }
  if (!callbacks.on_frame) return;
  callbacks.on_frame({peer.id, std::move(frame), peer.credit->hold(cost)});
}

bool PeerMesh::Impl::must_pause(PeerLink& link) {
  return !link.is_dialled() && peer_of(link).credit->waits_for_room();
}

void PeerMesh::Impl::next_batch(PeerLink& link, FrameBatch& batch) {
  Peer& peer = peer_of(link);
  peer.queue.take(batch);
  const std::lock_guard lock(peer.mutex);
  peer.state.bytes_sent += batch.small.size() + (batch.large ? batch.large->size() : 0);
}

void PeerMesh::Impl::on_closed(PeerLink& link, const Error& error, bool is_refusal) {
  const Error why = explain(error);
  strangers.remove(link.shared_from_this());
  if (Peer* peer = find_peer(link)) {
    if (link.is_dialled()) {
      on_out_closed(*peer, why);
    } else {
      peer->in = nullptr;
      const std::lock_guard lock(peer->mutex);
      peer->state.connected_in = false;
    }
  }
  if (is_refusal) refuse(why);
}

void PeerMesh::Impl::on_out_closed(Peer& peer, const Error& error) {
  peer.out = nullptr;
  peer.queue.set_online(false);
  bool was_up = false;
  {
    const std::lock_guard lock(peer.mutex);
    was_up = std::exchange(peer.state.connected_out, false);
    peer.state.last_error = error.to_string();
  }
  if (was_up && Clock::now() - peer.up_since > kProvenLink) peer.backoff = kBackoffMin;
  back_off(peer);
  if (was_up && callbacks.on_disconnected) callbacks.on_disconnected(peer.id);
}

void PeerMesh::Impl::refuse(Error error) {
  if (callbacks.on_refusal && limiter.pass(error, Clock::now())) callbacks.on_refusal(error);
}

// Whose connection a refused key came on, TLS does not say; when two fail in the same moment, one
// of them goes without its key.
Error PeerMesh::Impl::explain(Error error) {
  if (error.code != "peer-unknown-key" || refused_keys->empty()) return error;
  const crypto::PublicKey key = refused_keys->back();
  refused_keys->clear();
  error.message += fmt::format("; it is {}", key.hex());
  if (key == own_key) error.next = "It is this node's own key: correct peers.addresses.";
  return error;
}

PeerMesh::Impl::Peer* PeerMesh::Impl::find_peer(const PeerLink& link) {
  for (const auto& [id, peer] : peers) {
    if (peer->out.get() == &link || peer->in.get() == &link) return peer.get();
  }
  return nullptr;
}

}  // namespace quorate::node
