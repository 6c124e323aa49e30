#include "node/peers.h"

#include <set>
#include <utility>

#include "crypto/check.h"
#include "crypto/tls.h"
#include "node/listen.h"
#include "node/peers_mesh.h"

namespace quorate::node {
namespace {

constexpr ListenNames kNames{"peer-port-taken", "peer-listen-failed", "peers.listen"};
constexpr std::size_t kRefusedKeysMax = 16;

void check_frame(const OutboundFrame& frame) {
  QUORATE_CHECK(frame && !frame->empty() && frame->size() <= kFrameBytesMax,
                "a frame has 1 to kFrameBytesMax bytes");
}

}  // namespace

Result<std::unique_ptr<PeerMesh>> PeerMesh::start(IoThread& io,
                                                  const crypto::SecretKey& network_key,
                                                  PeerMeshOptions options, Callbacks callbacks) {
  std::set<crypto::PublicKey> listed;
  for (const PeerAddress& peer : options.peers) listed.insert(peer.network_key);
  const auto refused_keys = std::make_shared<RefusedKeys>();
  // Handshakes run on the I/O thread, and so does this.
  const auto allowed = [listed, refused_keys](const crypto::PublicKey& key) {
    if (listed.contains(key)) return true;
    refused_keys->push_back(key);
    if (refused_keys->size() > kRefusedKeysMax) refused_keys->pop_front();
    return false;
  };
  QUORATE_ASSIGN(crypto::TlsContext tls, crypto::TlsContext::create(network_key, allowed));
  QUORATE_ASSIGN(tcp::acceptor acceptor, listen_on(io.context(), options.listen, kNames));
  const auto impl =
      std::make_shared<Impl>(io, std::move(options), std::move(callbacks), network_key.public_key(),
                             asio::ssl::context(tls.release()), refused_keys, std::move(acceptor));
  io.post([impl] { impl->start(); });
  return std::unique_ptr<PeerMesh>(new PeerMesh(impl));
}

PeerMesh::PeerMesh(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

PeerMesh::~PeerMesh() {
  impl_->io.run([this] { impl_->stop(); });
}

void PeerMesh::send(ledger::ReplicaId to, OutboundFrame frame) {
  check_frame(frame);
  const auto found = impl_->peers.find(to);
  if (found != impl_->peers.end()) impl_->enqueue(*found->second, frame);
}

void PeerMesh::broadcast(OutboundFrame frame) {
  check_frame(frame);
  for (const auto& [id, peer] : impl_->peers) impl_->enqueue(*peer, frame);
}

void PeerMesh::set_address(ledger::ReplicaId peer, Endpoint endpoint) {
  impl_->set_address(peer, std::move(endpoint));
}

void PeerMesh::set_faults(MeshFaults faults) {
  impl_->poster.post([weak = std::weak_ptr(impl_), faults = std::move(faults)] {
    if (const auto impl = weak.lock()) impl->apply_faults(faults);
  });
}

std::vector<PeerState> PeerMesh::peers() const { return impl_->states(); }

Endpoint PeerMesh::endpoint() const { return impl_->endpoint; }

}  // namespace quorate::node
