#pragma once

// What can go wrong in a simulation, a verb each, as a scenario writes it (testnet/scenario.h).
//
// The nemesis draws faults from a seed and has them done here, so that all of what it did is known
// as text with times, and can be done again without it: that is how a seed that fails becomes a
// scenario that fails (testnet/shrink.h).

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testnet/simulator.h"

namespace quorate::testnet {

using FaultWords = std::vector<std::string>;  // a line's, verb first

// From each of the replicas before the slash to each behind it: "0,1/2". Precondition: judged.
[[nodiscard]] std::vector<std::pair<ledger::ReplicaId, ledger::ReplicaId>> links_between(
    const std::string& sides);

// Milliseconds with up to three decimals, as scenarios write times. nullopt: it is something else.
[[nodiscard]] std::optional<std::uint64_t> parse_ms(std::string_view word);
[[nodiscard]] std::string ms_text(std::uint64_t time_us);

// Verbs that may stand behind "at MS": what is done at once, by nobody's dice but the disks'.
[[nodiscard]] bool is_fault_verb(std::string_view verb);

class SimFaults {
 public:
  // Both outlive this, and no event runs after this is gone. `dice` chooses the bits that flip.
  SimFaults(Simulator& simulator, Prng& dice);

  // Does it now. Precondition: a line that parse_scenario accepts, with a fault's verb.
  void apply(const FaultWords& words);

  // Asked at each persistence point of a replica before its armed power cut is looked at: true cuts
  // the power there.
  std::function<bool(std::size_t index, CrashPoint point)> also_cuts_power;
  // The power of this replica goes at a persistence point, as soon as this returns.
  std::function<void(std::size_t index)> on_power_cut;

  // How many replicas other than this one lack a store that they had, and do not have it again.
  [[nodiscard]] std::size_t lacking_a_store_but(std::size_t index) const;
  // The most that lacked one at the same time; more than f is a matter for operators.
  [[nodiscard]] std::size_t lacking_a_store_max() const { return lacking_max_; }

  // What was done, in order, each as a line "at MS VERB WORDS"; "MS+": other things of that very
  // microsecond came before.
  [[nodiscard]] const std::vector<FaultWords>& done() const { return done_; }

 private:
  struct Armed {
    std::uint64_t points = 0;  // to pass first
    bool at_adoption = false;  // whatever the count: the next one of these
  };
  void note(const FaultWords& words, bool is_late);
  [[nodiscard]] bool cuts_power(std::size_t index, CrashPoint point);
  [[nodiscard]] std::vector<std::size_t> chosen(const std::string& word) const;
  bool apply_to_links(const FaultWords& words);
  bool change_membership(const FaultWords& words);
  void apply_to_host(const FaultWords& words, std::size_t index);
  void apply_to_disk(const std::string& verb, SimHost& host);
  void start(SimHost& host);
  void crash(std::size_t index, CrashKind kind);
  void heal_all();

  Simulator& simulator_;
  Prng& dice_;
  std::vector<std::optional<Armed>> armed_;    // by replica
  std::vector<ledger::Sequence> rebuilt_to_;   // a lost ledger is whole from here on
  std::size_t lacking_max_ = 0;
  std::vector<FaultWords> done_;
};

}  // namespace quorate::testnet
