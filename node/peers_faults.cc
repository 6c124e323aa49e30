// Links of a testnet that fail because somebody wants to see it. Everything runs on the I/O thread.

#include <algorithm>
#include <utility>

#include "node/peers_mesh.h"

namespace quorate::node {

void PeerMesh::Impl::apply_faults(const MeshFaults& faults) {
  if (stopped) return;
  for (const auto& [id, peer] : peers) {
    const auto found = faults.delay_ms.find(id);
    peer->delay = std::chrono::milliseconds(found == faults.delay_ms.end() ? 0 : found->second);
    if (peer->delay.count() > 0) peer->is_slow = true;
    set_cut(*peer, faults.cut.contains(id));
    const std::lock_guard lock(peer->mutex);
    peer->state.is_cut = peer->is_cut;
    peer->state.delay_ms = static_cast<std::uint32_t>(peer->delay.count());
  }
}

void PeerMesh::Impl::set_cut(Peer& peer, bool is_cut) {
  if (!std::exchange(peer.is_cut, is_cut) && is_cut) {
    peer.late.clear();  // what was on its way is lost
    peer.late_bytes = 0;
    if (peer.in) std::exchange(peer.in, nullptr)->abandon();
    {
      const std::lock_guard lock(peer.mutex);
      peer.state.connected_in = false;
    }
    if (peer.out) peer.out->abandon();
    on_out_closed(peer, {ErrorKind::kUnavailable, "peer-cut",
                         "An injected fault cuts this replica off",
                         "`quorate testnet heal` ends it."});
  } else if (!is_cut && !peer.out) {
    dial(peer);
  }
}

void PeerMesh::Impl::hold_late(Peer& peer, const OutboundFrame& frame) {
  if (stopped || peer.is_cut) return;
  // As in a queue that is full, the newest frame goes.
  const std::uint64_t bytes = frame->size() + kFrameOverheadBytes;
  if (peer.late_bytes + bytes > options.queue_bytes_max) return;
  auto due = Clock::now() + peer.delay;
  if (!peer.late.empty()) due = std::max(due, peer.late.back().due);
  peer.late_bytes += bytes;
  peer.late.push_back({due, frame});
  if (peer.late.size() == 1) pass_late(peer);
}

void PeerMesh::Impl::pass_late(Peer& peer) {
  while (!peer.late.empty() && peer.late.front().due <= Clock::now()) {
    peer.late_bytes -= peer.late.front().frame->size() + kFrameOverheadBytes;
    push(peer, peer.late.front().frame);
    peer.late.pop_front();
  }
  if (peer.late.empty()) {
    if (peer.delay.count() == 0) peer.is_slow = false;
    return;
  }
  peer.late_timer.expires_at(peer.late.front().due);
  peer.late_timer.async_wait([self = shared_from_this(), p = &peer](const AsioError& trouble) {
    if (!trouble && !self->stopped) self->pass_late(*p);
  });
}

}  // namespace quorate::node
