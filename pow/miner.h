#pragma once

// The miner: looks for the nonce that makes a header's hash meet its target.
//
// It finds the smallest such nonce, whatever the number of threads, so a chain that is mined with a
// fixed clock is the same each time. It is the only part of this folder that has threads.

#include <atomic>
#include <cstdint>
#include <optional>

#include "pow/header.h"

namespace quorate::pow {

// The smallest good nonce among `count` from `first` on; those above 2^32 - 1 are none. Pure.
[[nodiscard]] std::optional<std::uint32_t> find_nonce(const Header& header, std::uint32_t first,
                                                      std::uint64_t count);

inline constexpr unsigned kMinerThreadsMax = 256;

struct Search {
  std::optional<Header> found;  // with its nonce; nullopt: there is none, or it was stopped
  std::uint64_t hashes = 0;     // that were computed
};

// Tries all nonces on `threads` threads (1 to kMinerThreadsMax, checked), and returns when all of
// them have ended. Once `stop` is true it ends within a few milliseconds.
[[nodiscard]] Search search_nonce(const Header& header, unsigned threads,
                                  const std::atomic<bool>& stop);

}  // namespace quorate::pow
