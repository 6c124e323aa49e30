#pragma once

// A run in the text form that ShiViz reads: two lines an event, a host with its vector clock and
// what happened, so that the order in which things can have caused each other is in the log itself.
//
//   replica-2 {"replica-0":3,"replica-2":7}
//   1.013245 s deliver from 0 #17
//
// ShiViz is told by the regular expression (?<host>\S*) (?<clock>{.*})\n(?<event>.*). A host's own
// entry counts its events from 1. What the fault schedule does happens at the host "faults". Lost
// packets are sent and do not arrive. The clocks of the last kPacketsRemembered packets are kept:
// one that arrives later than that brings no clock along.

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "testnet/trace.h"

namespace quorate::testnet {

inline constexpr std::size_t kPacketsRemembered = 1 << 16;

class CausalLog {
 public:
  // `out` outlives this; whether it took all is for its owner to ask.
  explicit CausalLog(std::ostream& out) : out_(out) {}

  void note(const TraceEvent& event);

 private:
  using Clock = std::vector<std::uint64_t>;  // by replica; as long as the highest that is not 0

  std::ostream& out_;
  std::map<std::size_t, Clock> clocks_;  // by replica
  std::map<std::uint64_t, Clock> under_way_;  // by packet
  std::uint64_t faults_ = 0;
};

}  // namespace quorate::testnet
