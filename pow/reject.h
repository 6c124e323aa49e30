#pragma once

// Why a header or a block is refused: a peer's fault as a value, never an exception, never fatal.

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

  // Of headers, by the tree that they would join.
  kNotConsecutive,  // headers in one message that do not follow each other
  kTooManyHeaders,  // more in one message than anybody asks for
  kParentInvalid,   // on a branch that is invalid
  kTooLittleWork,   // the tree is full of branches with more work

  // Of bodies.
  kBlockMalformed,           // bytes that are no block
  kBlockTooLarge,            // more bytes than a block may have
  kMerkleAmbiguous,          // CVE-2012-2459: other lists have this root
  kMerkleRootWrong,          // the header commits to other transactions
  kCoinbaseOfAnotherChain,
  kTransactionRepeated,      // twice in one block
  kTransactionBad,           // form or signature
  kCoinbaseOfAnotherHeight,
  kRefusedByState,           // a transaction of it cannot happen where the block stands

  // Of what people ask for.
  kBlockUnknown,
  kGenesisStands,  // block 0 cannot be invalid
  kMarkedByHand,   // as `invalidate` asked; of the block itself

  // Of bodies, where blocks carry anchors. Stores keep these numbers: append only.
  kAnchorBad,      // a certificate that does not verify
  kAnchorOrder,    // more than kAnchorsMax, or sizes that do not ascend
};

// Stable, for programs: "pow-time-too-old".
[[nodiscard]] std::string_view reject_code(Reject reject);

}  // namespace quorate::pow
