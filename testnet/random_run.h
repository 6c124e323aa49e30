#pragma once

// One seed's run: random faults and clients for so long, then all is healed, and everything that
// was submitted must end.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "testnet/behaviours.h"
#include "testnet/nemesis.h"
#include "testnet/simulator.h"
#include "testnet/workload.h"

namespace quorate::testnet {

enum class Verdict : std::uint8_t {
  kSound,
  kUnsafe,  // an invariant broke
  kStuck,   // everything healed, and not everything ended
};
[[nodiscard]] std::string_view verdict_text(Verdict verdict);

struct RunOptions {
  std::size_t replicas = 4;
  std::size_t spares = 0;  // more than 0: the set changes as well
  std::uint64_t seed = 1;
  std::uint64_t seconds = 60;  // with faults, in virtual time
  std::set<ledger::ReplicaId> byzantine;
  std::set<Behaviour> lies;        // what each of them does; empty: it is drawn
  // After everything ended: so long without clients. Then all correct replicas must be alike, with
  // all they executed under a stable checkpoint, and nearly silent. 0: not looked at.
  std::uint64_t quiet_seconds = 0;
  HostBug bug = HostBug::kNone;           // of all replicas
  SimSignatures signatures = SimSignatures::kEd25519;
  // Sees every event of the trace.
  std::function<void(const TraceEvent&)> on_event;
  // Sees what a run leaves behind.
  std::function<void(Simulator&)> at_end;
};

// What a random run draws from its seed besides faults and lies. The dice are then those that draw
// the nemesis.
struct DrawnWorld {
  ledger::Parameters parameters;
  WorkloadOptions workload;
  Prng dice;
};
[[nodiscard]] DrawnWorld draw_world(std::uint64_t seed);

struct RunReport {
  Verdict verdict = Verdict::kSound;
  std::vector<Violation> violations;
  std::string stuck;  // who lacks what
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
  std::uint64_t packets = 0;
  std::uint64_t virtual_us = 0;
  std::uint64_t faults = 0;
  std::uint64_t submitted = 0;
  Checkers::Counters counts;
  Liars liars;
  std::vector<Simulator::Accusation> accusations;
  std::vector<FaultWords> happened;  // what the nemesis did until it healed all, as "at" lines
};

[[nodiscard]] RunReport run_random(const RunOptions& options);

// After the end of all faults, at least one open transaction settles in each such time.
inline constexpr std::uint64_t kPauseSecondsMax = 120;

// All is healed: what is open must end, one within kPauseSecondsMax of the other, and where faults
// or silent clients left few commits, the rest is made. False if something does not.
[[nodiscard]] bool drain(Simulator& simulator, Workload& workload);

// Of a simulation that ran: `is_live` says whether all ended.
[[nodiscard]] RunReport make_report(Simulator& simulator, Workload& workload, bool is_live);

}  // namespace quorate::testnet
