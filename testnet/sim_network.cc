#include "testnet/sim_network.h"

#include <algorithm>
#include <utility>

namespace quorate::testnet {

using ledger::ReplicaId;
using Kind = TraceEvent::Kind;

namespace {

// A session begins so long after it could.
constexpr std::uint64_t kConnectUsMin = 1'000;
constexpr std::uint64_t kConnectUsMax = 300'000;
// A dead session is noticed so long after its end.
constexpr std::uint64_t kNoticeUsMin = 1'000;
constexpr std::uint64_t kNoticeUsMax = 2'000'000;

ReplicaId id_of(std::size_t index) { return {static_cast<std::uint16_t>(index)}; }

}  // namespace

SimNetwork::SimNetwork(std::size_t replicas, Agenda& agenda, Trace& trace, Prng dice,
                       Callbacks callbacks)
    : size_(replicas),
      agenda_(agenda),
      trace_(trace),
      dice_(dice),
      callbacks_(std::move(callbacks)),
      links_(replicas * replicas),
      up_(replicas, false) {}

void SimNetwork::send(ReplicaId from, ReplicaId to, const SharedBytes& bytes) {
  const std::uint64_t number = ++packets_;
  trace_.note({Kind::kSend, agenda_.now_us(), from, to, number, bytes});
  const Link& way = link(from, to);
  const bool lost = !way.connected || way.cut || way.bytes + bytes->size() > kLinkBytesMax ||
                    (passes && !passes(from, to, *bytes)) || dice_.chance(quality_.loss_permille);
  if (lost) {
    trace_.note({Kind::kDrop, agenda_.now_us(), from, to, number});
    return;
  }
  put_under_way(from, to, number, bytes);
  if (dice_.chance(quality_.repeat_permille)) put_under_way(from, to, number, bytes);
}

void SimNetwork::put_under_way(ReplicaId from, ReplicaId to, std::uint64_t number,
                               const SharedBytes& bytes) {
  std::uint64_t delay_us = dice_.between(quality_.delay_us_min, quality_.delay_us_max);
  if (dice_.chance(quality_.slow_permille)) delay_us += dice_.below(quality_.slow_us_max + 1);
  if (holds) delay_us += holds(from, to, *bytes);
  link(from, to).bytes += bytes->size();
  agenda_.in(delay_us, [this, from, to, number, bytes] { arrive(from, to, number, bytes); });
}

void SimNetwork::arrive(ReplicaId from, ReplicaId to, std::uint64_t number,
                        const SharedBytes& bytes) {
  Link& way = link(from, to);
  if (way.clogged_until_us > agenda_.now_us()) {
    // What piled up comes out in a burst, in any order.
    agenda_.at(way.clogged_until_us + dice_.below(1'000),
               [this, from, to, number, bytes] { arrive(from, to, number, bytes); });
    return;
  }
  way.bytes -= bytes->size();
  if (way.cut || !up_[to.value]) {
    trace_.note({Kind::kDrop, agenda_.now_us(), from, to, number});
    return;
  }
  trace_.note({Kind::kDeliver, agenda_.now_us(), to, from, number});
  callbacks_.deliver(from, to, bytes);
}

void SimNetwork::set_up(ReplicaId id, bool up) {
  up_[id.value] = up;
  for (std::size_t i = 0; i < size_; ++i) {
    if (i == id.value) continue;
    if (!up) link(id, id_of(i)).connected = false;  // the dead notice nothing
    plan_session(id, id_of(i));
  }
}

void SimNetwork::set_cut(ReplicaId from, ReplicaId to, bool cut) {
  link(from, to).cut = cut;
  plan_session(from, to);
}

void SimNetwork::clog(ReplicaId from, ReplicaId to, std::uint64_t until_us) {
  link(from, to).clogged_until_us = until_us;
}

void SimNetwork::heal() {
  for (std::size_t a = 0; a < size_; ++a) {
    for (std::size_t b = 0; b < size_; ++b) {
      if (a == b) continue;
      link(id_of(a), id_of(b)).clogged_until_us = 0;
      if (link(id_of(a), id_of(b)).cut) set_cut(id_of(a), id_of(b), false);
    }
  }
}

bool SimNetwork::can_connect(ReplicaId a, ReplicaId b) const {
  return up_[a.value] && up_[b.value] && !(link(a, b).cut && link(b, a).cut);
}

void SimNetwork::plan_session(ReplicaId a, ReplicaId b) {
  const bool connected = link(a, b).connected || link(b, a).connected;
  const bool complete = link(a, b).connected && link(b, a).connected;
  const bool wanted = can_connect(a, b);
  if (wanted ? complete : !connected) return;
  const std::uint64_t delay_us = wanted ? dice_.between(kConnectUsMin, kConnectUsMax)
                                        : dice_.between(kNoticeUsMin, kNoticeUsMax);
  agenda_.in(delay_us, [this, a, b] { settle_session(a, b); });
}

void SimNetwork::settle_session(ReplicaId a, ReplicaId b) {
  if (!can_connect(a, b)) {
    end_session(a, b);
    end_session(b, a);
    return;
  }
  // One end may have lived on with the session of the other's former life.
  if (link(a, b).connected && link(b, a).connected) return;
  if (link(a, b).cut || link(b, a).cut) return;  // no handshake through half a link
  end_session(a, b);
  end_session(b, a);
  for (const auto& [at, peer] : {std::pair(a, b), std::pair(b, a)}) {
    link(at, peer).connected = true;
    trace_.note({Kind::kConnect, agenda_.now_us(), at, peer});
  }
  callbacks_.session(a, b, true);
  if (up_[b.value]) callbacks_.session(b, a, true);
}

void SimNetwork::end_session(ReplicaId at, ReplicaId peer) {
  if (!link(at, peer).connected) return;
  link(at, peer).connected = false;
  trace_.note({Kind::kDisconnect, agenda_.now_us(), at, peer});
  if (up_[at.value]) callbacks_.session(at, peer, false);
}

}  // namespace quorate::testnet
