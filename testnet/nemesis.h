#pragma once

// The fault schedule: what goes wrong in a simulation, drawn from its seed.
//
// Ranges as in TigerBeetle's VOPR where they apply: loss up to 30 %, repetition up to 50 %, crashes
// that keep or lose what was not synced. Faults of all kinds overlap. `heal` ends them all: links
// mended, disks good, clocks right, everybody up; who forgot its votes recovers by itself.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "testnet/sim_faults.h"
#include "testnet/simulator.h"

namespace quorate::testnet {

struct NemesisOptions {
  // From one fault to the next.
  std::uint64_t pause_us_min = 50'000;
  std::uint64_t pause_us_max = 3'000'000;
  std::uint64_t fault_us_max = 8'000'000;  // how long a partition, a clog or an outage lasts

  std::uint32_t loss_permille_max = 300;
  std::uint32_t repeat_permille_max = 500;
  std::uint64_t slow_us_max = 500'000;

  // Relative weights of the kinds of faults; 0: never.
  std::uint32_t crash = 10;  // at once, or at a persistence point soon
  std::uint32_t crash_all = 1;
  std::uint32_t partition = 6;
  std::uint32_t clog = 4;
  std::uint32_t quality = 4;  // loss, repetition and delays change
  std::uint32_t pause = 3;    // a process stands still
  std::uint32_t clock = 3;    // a wall clock jumps
  std::uint32_t disk = 3;     // a sync fails, or the disk is full for a while
  std::uint32_t amnesia = 1;  // a vote store is wiped, or restored from an old copy
  std::uint32_t rebuild = 1;  // a ledger is lost and begins again at genesis
  std::uint32_t membership = 0;  // who may vote changes, with seats that are spare

  std::uint64_t clock_ms_max = 200;  // a jump leads this far from true time, either way
  std::size_t wild_max = 0;          // the clocks of so many replicas may be years away
  std::size_t lost_max = 0;          // so many replicas at a time may lack a store that they had
};

// Options of one seed: which kinds of faults it has and how bad they are. So many replicas at most
// lose a store at a time, and so many have, in all the run, clocks that are years away.
[[nodiscard]] NemesisOptions draw_nemesis(Prng& dice, std::size_t tolerated);

class Nemesis {
 public:
  // `simulator` outlives this, and runs no event after this is gone.
  Nemesis(Simulator& simulator, const NemesisOptions& options);

  void start();
  // No new faults, and an end to all of them.
  void heal();

  [[nodiscard]] std::uint64_t faults() const { return faults_; }
  // As lines of a scenario.
  [[nodiscard]] const std::vector<FaultWords>& done() const { return world_.done(); }

 private:
  enum class Kind : std::uint8_t {
    kCrash,
    kCrashAll,
    kPartition,
    kClog,
    kQuality,
    kPause,
    kClock,
    kDisk,
    kAmnesia,
    kRebuild,
    kMembership
  };
  void next_later();
  void strike();
  [[nodiscard]] Kind draw_kind();
  void note(const std::string& text);
  void after(std::uint64_t delay_us, std::function<void()> action);

  void crash_one();
  void crash(std::size_t index, std::uint64_t outage_us);
  void start_later(std::size_t index, std::uint64_t outage_us);
  void start_now(std::size_t index);
  void crash_all();
  void partition();
  void cut_halves();
  void cut_ring();
  void cut_one(bool one_way);
  void flap(std::size_t index, std::uint32_t times);
  void clog();
  void change_quality();
  void pause();
  void move_clock();
  void break_disk();
  void forget();
  void lose_ledger();
  void change_membership();
  [[nodiscard]] bool may_lose_a_store(std::size_t index);
  [[nodiscard]] bool also_cuts_power(CrashPoint point);
  // Has it done: a verb and the number of a replica, or two sides.
  void act(std::string_view verb, std::size_t index);
  void act(std::string_view verb, const std::string& word, const std::string& second = "");
  [[nodiscard]] std::optional<std::size_t> any_up();
  [[nodiscard]] std::string all_but(std::size_t index) const;
  [[nodiscard]] std::uint64_t duration_us() { return dice_.between(1'000, options_.fault_us_max); }

  Simulator& simulator_;
  NemesisOptions options_;
  Prng dice_;
  SimFaults world_;
  bool is_active_ = false;
  std::uint64_t faults_ = 0;
  std::vector<bool> restarts_;                             // a start is planned, by replica
  std::size_t taken_in_;  // seats that were members, or are to be: the first of them
  std::vector<bool> wild_;                                 // their clocks were years away
};

}  // namespace quorate::testnet
