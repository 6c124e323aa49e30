#pragma once

// The simulator: real replica cores in virtual time, one thread, one seed, one history.
//
// It puts together the world, the network, the hosts and the checkers, and lets time jump from
// event to event. It stops by itself at the first violation. What goes wrong, and what clients do,
// is decided by others (testnet/nemesis.h, testnet/workload.h, a scenario, a test).

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "ledger/membership.h"
#include "testnet/agenda.h"
#include "testnet/checkers.h"
#include "testnet/sim_host.h"
#include "testnet/sim_network.h"
#include "testnet/sim_world.h"
#include "testnet/trace.h"

namespace quorate::testnet {

struct SimOptions {
  std::size_t replicas = 4;
  std::size_t spares = 0;  // seats beside them, for changes of membership
  std::uint64_t seed = 1;
  ledger::Parameters parameters;
  std::size_t clients = 4;
  LinkQuality quality;
  HostTimes times;
  SimSignatures signatures = SimSignatures::kEd25519;
  std::set<ledger::ReplicaId> liars;  // of whom no checker expects anything
};

class Simulator {
 public:
  // All replicas are down.
  explicit Simulator(const SimOptions& options);
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  void start_all();

  // Runs events until the condition holds, so long at most. False if time ran out or an invariant
  // broke. The condition is asked after every event.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition, std::uint64_t limit_us);
  // False if an invariant broke.
  bool run_for(std::uint64_t duration_us);
  // After an invariant broke: what was handed out until then is executed. Nobody sees the events.
  void run_out();

  // Every correct replica is up, may vote if it is a member of its epoch, and has executed all that
  // any correct one executed.
  [[nodiscard]] bool is_level() const;

  // The sets as the ledger knows them that is furthest ahead.
  [[nodiscard]] ledger::Membership membership() const;
  // Its operators want this: they sign it for the epoch that is, and offer it to all replicas,
  // until the set is so or kChangeTriesMax times; while another change is pending, they wait.
  void pursue(const ledger::MembershipChange& change);
  static constexpr std::size_t kChangeTriesMax = 600;

  [[nodiscard]] const SimOptions& options() const { return options_; }
  [[nodiscard]] const SimWorld& world() const { return world_; }
  [[nodiscard]] Agenda& agenda() { return agenda_; }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] SimNetwork& network() { return network_; }
  [[nodiscard]] Checkers& checkers() { return checkers_; }
  [[nodiscard]] const Checkers& checkers() const { return checkers_; }
  [[nodiscard]] std::vector<std::unique_ptr<SimHost>>& hosts() { return hosts_; }
  [[nodiscard]] SimHost& host(std::size_t index) { return *hosts_[index]; }
  [[nodiscard]] bool is_sound() const { return checkers_.violations().empty(); }
  // True time; what a correct clock shows.
  [[nodiscard]] ledger::TimeMs wall() const { return {SimWorld::kStart.value + agenda_.now_ms()}; }
  [[nodiscard]] Prng dice(std::uint64_t stream) const { return dice_.fork(stream); }

  // What replicas accuse each other of, in the order in which it was found.
  struct Accusation {
    ledger::ReplicaId by;
    ledger::Evidence evidence;
  };
  [[nodiscard]] const std::vector<Accusation>& accusations() const { return accusations_; }

 private:
  void run_next();
  void forget_settled();
  void pursue(const ledger::MembershipChange& change, std::size_t tries);
  void offer(const ledger::MembershipChange& change, const ledger::ReplicaSet& set);

  SimOptions options_;
  Prng dice_;
  SimWorld world_;
  Agenda agenda_;
  Trace trace_;
  Checkers checkers_;
  SimNetwork network_;
  std::vector<std::unique_ptr<SimHost>> hosts_;
  std::vector<Accusation> accusations_;
  std::uint64_t events_ = 0;
  std::uint64_t changes_ = 0;  // signed: the operators' last nonce
};

}  // namespace quorate::testnet
