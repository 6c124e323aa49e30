#include "testnet/all_cores.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace quorate::testnet {

namespace {
constexpr std::uint64_t kProgressMs = 200;
}  // namespace

void on_all_cores(std::uint64_t count,
                  const std::function<std::function<void(std::uint64_t)>()>& make_worker,
                  const std::function<void(std::uint64_t took_ms)>& progress) {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<unsigned> working = static_cast<unsigned>(
      std::min<std::uint64_t>(count, std::max(1U, std::thread::hardware_concurrency())));
  const auto work = [&] {
    const auto run = make_worker();
    for (std::uint64_t number = next++; number < count; number = next++) run(number);
    --working;
  };
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (unsigned i = working; i > 0; --i) threads.emplace_back(work);
  while (working > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kProgressMs));
    const auto took = std::chrono::steady_clock::now() - begin;
    progress(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace quorate::testnet
