#include "ledger/nonce_window.h"

#include "crypto/check.h"

namespace quorate::ledger {
namespace {

[[nodiscard]] std::size_t byte_of(std::uint64_t nonce) {
  return static_cast<std::size_t>(nonce % kNonceWindow) / 8;
}

[[nodiscard]] std::uint8_t mask_of(std::uint64_t nonce) {
  return static_cast<std::uint8_t>(1U << (nonce % 8));
}

}  // namespace

NonceVerdict judge_nonce(const NonceWindow& window, std::uint64_t nonce) {
  if (nonce > window.highest) {
    return nonce - window.highest > kNonceWindow ? NonceVerdict::kTooFar : NonceVerdict::kFree;
  }
  // 0 stands for "none yet" in `highest`, so it is behind every window.
  if (nonce == 0 || window.highest - nonce >= kNonceWindow) return NonceVerdict::kTooOld;
  const bool used = (window.used[byte_of(nonce)] & mask_of(nonce)) != 0;
  return used ? NonceVerdict::kUsed : NonceVerdict::kFree;
}

void use_nonce(NonceWindow& window, std::uint64_t nonce) {
  QUORATE_CHECK(judge_nonce(window, nonce) == NonceVerdict::kFree, "a nonce is used once");
  while (window.highest < nonce) {
    // The residue now names a new nonce; what it said of the old one is behind the window.
    ++window.highest;
    window.used[byte_of(window.highest)] &= static_cast<std::uint8_t>(~mask_of(window.highest));
  }
  window.used[byte_of(nonce)] |= mask_of(nonce);
}

}  // namespace quorate::ledger
