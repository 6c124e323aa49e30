#pragma once

// Scenarios as text: a verb a line, run in order in virtual time.
//
//   replicas N                 4 if it is not said; this and the next six before all else
//   spares N                   seats beyond the replicas, which watch until they are taken in
//   checkpoint-interval K      sequences
//   batch-transactions K       a batch has no more
//   signatures stand-in        cheap ones that prove nothing, for speed
//   liar I BEHAVIOUR...        testnet/behaviours.h
//   as-drawn                   parameters, and what `clients` do, as `random` draws them
//   submit N [I]               N transactions, offered to replica I, else to each in turn
//   trickle N MS               N transactions, MS apart, each to the next replica
//   rivals N                   N pairs with one nonce each, offered to different replicas
//   offer-again I              what has no fate yet, to replica I
//   clients MS                 they send and read, at uneven pace, for so long
//   run MS                     time passes
//   at MS FAULT                a fault's line is done at that time, whatever the lines after it do;
//                              with MS+ after all else that is due then
//   crash I | crash primary | power-cut I | power-cut all | start I | start all
//   power-cut-after I N        at the Nth persistence point from now; `adoption`: when its guard
//                              has just adopted its new store
//   pause I MS                 SIGSTOP for so long
//   partition I,I/I,I          no word between the two sides
//   rejoin I,I/I,I             again
//   cut I,I/I,I | mend I,I/I,I no word from the first to the second
//   clog I/I MS                what is sent from the first to the second waits so long
//   network N N MS N MS        per mille that is lost and repeated, longest delay, per mille that
//                              takes longer, and how long at most
//   lose MESSAGE I,I/I,I       what is of this kind (message_kinds()), from the first to the second
//   delay MESSAGE I,I/I,I MS   such a message takes so much longer
//   heal                       all links, and nothing is lost or delayed any more
//   heal all                   and disks, clocks and pauses, and all start
//   clock I MS                 so far from true time
//   copy-votes I | restore-votes I | wipe-votes I | lose-ledger I | flip-votes I | flip-ledger I
//                              but for the first, it goes down
//   disk-full I votes | sync-fails I ledger | disk-good I
//   damage-state I             its state is not what its blocks say, and no checksum tells
//   add-replica I              the operators sign and send it until the set is so; I is a seat, and
//   remove-replica I           was in no set before; what was removed does not come back
//   rekey-replica I I          the second takes the place of the first
//   settle [MS]                all that was submitted must end, and correct replicas agree on it
//   drain                      the end of `random`: heal all, for good, then one must end within
//                              120 s of the other, until at least 50 batches are committed
//   expect view-change | no-view-change | evidence I | no-evidence | recovery | stalled |
//          decided             no submitted transaction is open any more
//          alike               correct replicas that are up have executed equally far
//          one-view            and are in one view
//          sealed              what they executed last is below a checkpoint that is stable at each
//          epoch N             and serve this epoch
//          diverged I          it noticed that its state is not the certified one
//
// "#" begins a comment. All replicas start at time 0. Invariants are checked after every event.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/result.h"

namespace quorate::testnet {

// A simulation has no more.
inline constexpr std::uint64_t kSimulatedReplicasMax = 400;

struct ScenarioLine {
  std::size_t number = 0;  // in the text, from 1
  std::string verb;
  std::vector<std::string> words;  // after the verb
};

struct Scenario {
  std::string name;
  std::string sentence;  // its first comment
  std::vector<ScenarioLine> lines;
};

// Says what the world is, before anything happens in it.
[[nodiscard]] bool is_head_verb(std::string_view verb);

// What is wrong with a line: "scenario-malformed" (kInvalid), naming line, found and expected.
[[nodiscard]] Error scenario_error(const ScenarioLine& line, std::string_view expected);

// Words, numbers and replicas are judged, also against `replicas`.
[[nodiscard]] Result<Scenario> parse_scenario(std::string name, std::string_view text);

[[nodiscard]] std::size_t replicas_of(const Scenario& scenario);
[[nodiscard]] std::size_t spares_of(const Scenario& scenario);
// Precondition: the word was judged.
[[nodiscard]] std::uint64_t number_of(std::string_view word);
// Of "at": when, and whether it has a plus. nullopt: it is something else.
struct FaultTime {
  std::uint64_t us = 0;
  bool is_late = false;
};
[[nodiscard]] std::optional<FaultTime> parse_fault_time(std::string_view word);
// "0,1" as numbers; nullopt: it is something else.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> parse_numbers(std::string_view word);

// What `lose` takes, in the order of the alternatives of node::PeerMessage.
[[nodiscard]] std::span<const std::string_view> message_kinds();

// Name and text of those that are built in, from tests/scenarios/.
[[nodiscard]] const std::vector<std::pair<std::string_view, std::string_view>>& shipped_scenarios();

}  // namespace quorate::testnet
