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
  }
  return "pow-unknown";
}

}  // namespace quorate::pow
