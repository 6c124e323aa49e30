#include "node/bench/signature_limit.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "crypto/check.h"

namespace quorate::node {
namespace {

std::uint64_t thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

double SignatureLimit::transactions_per_s(std::size_t nodes) const {
  if (verify_ns == 0 || nodes == 0) return 0;
  return threads * 1e9 / (static_cast<double>(nodes) * static_cast<double>(verify_ns));
}

SignatureLimit measure_signature_limit(const crypto::PublicKey& key, ByteView message,
                                       const crypto::Signature& signature,
                                       std::uint64_t duration_ms) {
  using Clock = std::chrono::steady_clock;
  SignatureLimit limit;
  limit.threads = std::max(std::thread::hardware_concurrency(), 1U);
  std::atomic<std::uint64_t> verified = 0;
  std::atomic<std::uint64_t> spent_ns = 0;
  const auto end = Clock::now() + std::chrono::milliseconds(duration_ms);
  const auto work = [&] {
    const std::uint64_t begin_ns = thread_cpu_ns();
    std::uint64_t count = 0;
    do {
      QUORATE_CHECK(crypto::verify(key, message, signature), "a signature of ours is good");
      ++count;
    } while (Clock::now() < end);
    verified += count;
    spent_ns += thread_cpu_ns() - begin_ns;
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < limit.threads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  limit.verify_ns = spent_ns / verified;
  return limit;
}

}  // namespace quorate::node
