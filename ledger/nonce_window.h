#pragma once

// Nonces are a sliding window, as in IPsec's anti-replay (RFC 4303 §3.4.3).
//
// A nonce is good once, in any order, within the last 1,024 behind the highest used or up to 1,024
// ahead of it. So nothing waits for a gap, a view change may reorder, and two processes may share a
// key.

#include <array>
#include <cstdint>

namespace quorate::ledger {

inline constexpr std::uint64_t kNonceWindow = 1024;

enum class NonceVerdict : std::uint8_t { kFree, kUsed, kTooOld, kTooFar };

// The sender's leaf in the state. Default: nothing used.
struct NonceWindow {
  std::uint64_t highest = 0;  // highest used nonce; 0 = none, the first nonce is 1
  // Bit (nonce % 1024), little-endian within bytes, is set iff that nonce, the one with this
  // residue in (highest - 1024, highest], is used.
  std::array<std::uint8_t, kNonceWindow / 8> used{};

  friend bool operator==(const NonceWindow&, const NonceWindow&) = default;
};

[[nodiscard]] NonceVerdict judge_nonce(const NonceWindow& window, std::uint64_t nonce);
// Precondition: judge_nonce says kFree (checked).
void use_nonce(NonceWindow& window, std::uint64_t nonce);

}  // namespace quorate::ledger
