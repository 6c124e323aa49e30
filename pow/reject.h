#pragma once

// Why a header is refused: a peer's fault as a value, never an exception and never fatal.

#include <cstdint>
#include <string_view>

namespace quorate::pow {

enum class Reject : std::uint8_t {
  kParentUnknown,       // its parent is not the header that it was given for
  kTargetNegative,      // bits with the sign set
  kTargetZero,          // a target that no hash meets
  kTargetOverflow,      // a target of more than 256 bits
  kTargetAboveLimit,    // easier than the chain allows at all
  kTargetNotCanonical,  // the right number in another spelling
  kBitsNotRequired,     // a good target, and not the one that its place in the chain asks for
  kTimeTooOld,          // not after the median of the last eleven
  kTimeTooNew,          // too far ahead of this machine's clock: the only one that time may heal
  kHashAboveTarget,     // no proof of work
  kGenesisWrong,        // a first header that is not this chain's
  kBoundaryWrong,       // a boundary header that cannot have begun the first header's period
  kBoundaryMissing,     // a retarget needs the time of a header from before the first one
};

// Stable, for programs: "pow-time-too-old".
[[nodiscard]] std::string_view reject_code(Reject reject);

}  // namespace quorate::pow
