#pragma once

// Many independent runs on all cores.

#include <cstdint>
#include <functional>

namespace quorate::testnet {

// Does the numbers from 0 to `count` - 1, each on whichever thread is free: each thread makes a
// worker for itself and gives it one number after the other. `progress` is called now and then, by
// this thread, with how long it took so far. What workers share is theirs to lock.
void on_all_cores(std::uint64_t count,
                  const std::function<std::function<void(std::uint64_t)>()>& make_worker,
                  const std::function<void(std::uint64_t took_ms)>& progress);

}  // namespace quorate::testnet
