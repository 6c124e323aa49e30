// What the chain says to people (pow/chain.h).

#include "pow/chain.h"

namespace quorate::pow {
namespace {

constexpr std::string_view kDamage =
    "The bytes were damaged or forged on their way; ask another node for this block.";
constexpr std::string_view kForEver = "No node with these rules takes it; its miner is at fault.";

std::string_view next_of(Reject reject) {
  switch (reject) {
    case Reject::kParentUnknown: return "Send the headers before it first.";
    case Reject::kNotConsecutive:
    case Reject::kTooManyHeaders: return "Send headers as Bitcoin does: each follows the last.";
    case Reject::kParentInvalid:
      return "Ask for the chain's tips why; `reconsider` takes a mark by hand away.";
    case Reject::kTooLittleWork:
      return "Send the whole branch in one message if its end has more work than the chain here.";
    case Reject::kBlockMalformed:
    case Reject::kBlockTooLarge:
    case Reject::kMerkleAmbiguous:
    case Reject::kMerkleRootWrong: return kDamage;
    case Reject::kCoinbaseOfAnotherHeight:
    case Reject::kCoinbaseOfAnotherChain:
    case Reject::kTransactionRepeated:
    case Reject::kTransactionBad:
    case Reject::kRefusedByState: return kForEver;
    case Reject::kBlockUnknown: return "Give the hash of a block that this node has.";
    case Reject::kGenesisStands: return "Give a later block.";
    case Reject::kMarkedByHand: return "`reconsider` takes the mark away.";
    default: return "";
  }
}

}  // namespace

Error describe_in_tree(Reject reject, const Digest& hash, std::string found) {
  const ErrorKind kind =
      reject == Reject::kBlockUnknown ? ErrorKind::kNotFound : ErrorKind::kRejected;
  return {kind, reject_code(reject), "block " + display_hex(hash) + ": " + std::move(found),
          std::string(next_of(reject))};
}

std::string_view tip_status_text(TipStatus status) {
  switch (status) {
    case TipStatus::kActive: return "active";
    case TipStatus::kValidFork: return "valid-fork";
    case TipStatus::kValidHeaders: return "valid-headers";
    case TipStatus::kHeadersOnly: return "headers-only";
    case TipStatus::kInvalid: return "invalid";
  }
  return "unknown";
}

}  // namespace quorate::pow
