#pragma once

// The network between simulated replicas: it delays, reorders, loses, repeats and cuts.
//
// A link is one direction between two replicas. What is sent while the two are not connected is
// lost, as it is without a TLS session; a session ends when one end dies or both directions are
// cut, and comes back some time after the reason has gone. A link holds at most kLinkBytesMax, like
// a peer's queue in the node.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "testnet/agenda.h"
#include "testnet/prng.h"
#include "testnet/trace.h"

namespace quorate::testnet {

// Of each packet on a link. Chances are in thousandths.
struct LinkQuality {
  std::uint64_t delay_us_min = 100;
  std::uint64_t delay_us_max = 2'000;
  std::uint32_t slow_permille = 0;  // these take up to slow_us_max instead
  std::uint64_t slow_us_max = 0;
  std::uint32_t loss_permille = 0;
  std::uint32_t repeat_permille = 0;  // delivered again, later, by dice of its own
};

class SimNetwork {
 public:
  static constexpr std::size_t kLinkBytesMax = 64 << 20;

  struct Callbacks {
    std::function<void(ledger::ReplicaId from, ledger::ReplicaId to, const SharedBytes&)> deliver;
    // `at` learns that its session with `peer` began or ended.
    std::function<void(ledger::ReplicaId at, ledger::ReplicaId peer, bool connected)> session;
  };

  // Agenda and trace outlive this.
  SimNetwork(std::size_t replicas, Agenda& agenda, Trace& trace, Prng dice, Callbacks callbacks);

  void send(ledger::ReplicaId from, ledger::ReplicaId to, const SharedBytes& bytes);

  // A replica's process is there or not.
  void set_up(ledger::ReplicaId id, bool up);
  void set_quality(const LinkQuality& quality) { quality_ = quality; }
  [[nodiscard]] const LinkQuality& quality() const { return quality_; }
  // Cuts or mends one direction.
  void set_cut(ledger::ReplicaId from, ledger::ReplicaId to, bool cut);
  // What is under way on this link and what follows arrives no earlier than this.
  void clog(ledger::ReplicaId from, ledger::ReplicaId to, std::uint64_t until_us);
  // Mends all links and unclogs them.
  void heal();

  [[nodiscard]] bool is_cut(ledger::ReplicaId from, ledger::ReplicaId to) const {
    return link(from, to).cut;
  }
  [[nodiscard]] bool is_connected(ledger::ReplicaId a, ledger::ReplicaId b) const {
    return link(a, b).connected;
  }
  [[nodiscard]] std::uint64_t packets() const { return packets_; }

  // A say on each packet before the dice: false drops it.
  std::function<bool(ledger::ReplicaId from, ledger::ReplicaId to, const Bytes&)> passes;
  // How much longer than by the dice a packet takes, in microseconds; empty: no longer.
  std::function<std::uint64_t(ledger::ReplicaId from, ledger::ReplicaId to, const Bytes&)> holds;

 private:
  struct Link {
    bool cut = false;
    bool connected = false;  // as the sending end sees it
    std::uint64_t clogged_until_us = 0;
    std::size_t bytes = 0;  // under way
  };

  [[nodiscard]] Link& link(ledger::ReplicaId from, ledger::ReplicaId to) {
    return links_[from.value * size_ + to.value];
  }
  [[nodiscard]] const Link& link(ledger::ReplicaId from, ledger::ReplicaId to) const {
    return links_[from.value * size_ + to.value];
  }
  void put_under_way(ledger::ReplicaId from, ledger::ReplicaId to, std::uint64_t number,
                     const SharedBytes& bytes);
  void arrive(ledger::ReplicaId from, ledger::ReplicaId to, std::uint64_t number,
              const SharedBytes& bytes);
  [[nodiscard]] bool can_connect(ledger::ReplicaId a, ledger::ReplicaId b) const;
  void plan_session(ledger::ReplicaId a, ledger::ReplicaId b);
  void settle_session(ledger::ReplicaId a, ledger::ReplicaId b);
  void end_session(ledger::ReplicaId at, ledger::ReplicaId peer);

  std::size_t size_;
  Agenda& agenda_;
  Trace& trace_;
  Prng dice_;
  Callbacks callbacks_;
  LinkQuality quality_;
  std::vector<Link> links_;
  std::vector<bool> up_;
  std::uint64_t packets_ = 0;
};

}  // namespace quorate::testnet
