#include "pow/reject.h"

namespace quorate::pow {

std::string_view reject_code(Reject reject) {
  switch (reject) {
    case Reject::kParentUnknown: return "pow-parent-unknown";
    case Reject::kTargetNegative: return "pow-target-negative";
    case Reject::kTargetZero: return "pow-target-zero";
    case Reject::kTargetOverflow: return "pow-target-overflow";
    case Reject::kTargetAboveLimit: return "pow-target-above-limit";
    case Reject::kTargetNotCanonical: return "pow-target-not-canonical";
    case Reject::kBitsNotRequired: return "pow-bits-not-required";
    case Reject::kTimeTooOld: return "pow-time-too-old";
    case Reject::kTimeTooNew: return "pow-time-too-new";
    case Reject::kHashAboveTarget: return "pow-hash-above-target";
    case Reject::kGenesisWrong: return "pow-genesis-wrong";
    case Reject::kBoundaryWrong: return "pow-boundary-wrong";
    case Reject::kBoundaryMissing: return "pow-boundary-missing";
    case Reject::kNotConsecutive: return "pow-not-consecutive";
    case Reject::kTooManyHeaders: return "pow-too-many-headers";
    case Reject::kParentInvalid: return "pow-parent-invalid";
    case Reject::kTooLittleWork: return "pow-too-little-work";
    case Reject::kBlockMalformed: return "pow-block-malformed";
    case Reject::kBlockTooLarge: return "pow-block-too-large";
    case Reject::kMerkleAmbiguous: return "pow-merkle-ambiguous";
    case Reject::kMerkleRootWrong: return "pow-merkle-root-wrong";
    case Reject::kCoinbaseOfAnotherChain: return "pow-coinbase-of-another-chain";
    case Reject::kTransactionRepeated: return "pow-transaction-repeated";
    case Reject::kTransactionBad: return "pow-transaction-bad";
    case Reject::kCoinbaseOfAnotherHeight: return "pow-coinbase-of-another-height";
    case Reject::kRefusedByState: return "pow-refused-by-state";
    case Reject::kBlockUnknown: return "pow-block-unknown";
    case Reject::kGenesisStands: return "pow-genesis-stands";
    case Reject::kMarkedByHand: return "pow-marked-by-hand";
    case Reject::kAnchorBad: return "pow-anchor-bad";
    case Reject::kAnchorOrder: return "pow-anchor-order";
  }
  return "pow-unknown";
}

}  // namespace quorate::pow
