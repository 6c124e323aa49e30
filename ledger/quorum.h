#pragma once

// Quorum arithmetic for any n, not just 3f+1.
//
// f = floor((n-1)/3); quorum = ceil((n+f+1)/2): two quorums share at least f+1 replicas, so at
// least one correct one, and n-f correct replicas suffice to form one. The papers' "2f+1" is this
// number when n = 3f+1 and would be unsafe at n = 5 and 6. (Castro & Liskov, OSDI '99 §4.)

#include <cstddef>

namespace quorate::ledger {

// Precondition for all: n >= 1.
[[nodiscard]] constexpr std::size_t faults_tolerated(std::size_t n) { return (n - 1) / 3; }
[[nodiscard]] constexpr std::size_t quorum(std::size_t n) {
  return (n + faults_tolerated(n) + 2) / 2;
}
// Contains at least one correct replica.
[[nodiscard]] constexpr std::size_t weak_quorum(std::size_t n) { return faults_tolerated(n) + 1; }

}  // namespace quorate::ledger
