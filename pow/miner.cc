#include "pow/miner.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "crypto/check.h"
#include "crypto/header_hasher.h"

namespace quorate::pow {
namespace {

constexpr std::uint64_t kNonces = 1ULL << 32;
// What a thread takes at a time: a millisecond's work.
constexpr std::uint64_t kChunk = 1 << 14;

class Race {
 public:
  Race(const Header& header, const std::atomic<bool>& stop) : header_(header), stop_(stop) {}

  // What each thread does. Chunks are given out from below and each is searched to its first good
  // nonce, so the smallest of what was found is the smallest that there is.
  void run() {
    while (!stop_) {
      const std::uint64_t first = next_.fetch_add(kChunk);
      if (first >= std::min(best_.load(), kNonces)) return;
      const auto nonce = find_nonce(header_, static_cast<std::uint32_t>(first), kChunk);
      hashes_ += nonce ? *nonce - first + 1 : kChunk;
      if (!nonce) continue;
      std::uint64_t best = best_.load();
      while (*nonce < best && !best_.compare_exchange_weak(best, *nonce)) {
      }
    }
  }

  [[nodiscard]] Search result() const {
    Search search{std::nullopt, hashes_};
    if (best_ == kNonces) return search;
    search.found = header_;
    search.found->nonce = static_cast<std::uint32_t>(best_);
    return search;
  }

 private:
  const Header& header_;
  const std::atomic<bool>& stop_;
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<std::uint64_t> best_ = kNonces;
  std::atomic<std::uint64_t> hashes_ = 0;
};

}  // namespace

std::optional<std::uint32_t> find_nonce(const Header& header, std::uint32_t first,
                                        std::uint64_t count) {
  const auto target = decode_target(header.bits, u256_max());
  if (!target) return std::nullopt;
  const crypto::HeaderHasher hasher(encode_header(header));
  const std::uint64_t end = std::min(first + std::min(count, kNonces), kNonces);
  std::uint64_t nonce = first;
  while (nonce < end) {
    // The highest word alone rules almost every hash out.
    const auto candidate = hasher.first_candidate(static_cast<std::uint32_t>(nonce), end - nonce,
                                                  target->words[3]);
    if (!candidate) return std::nullopt;
    if (number_of(hasher.hash(*candidate)) <= *target) return candidate;
    nonce = std::uint64_t{*candidate} + 1;
  }
  return std::nullopt;
}

Search search_nonce(const Header& header, unsigned threads, const std::atomic<bool>& stop) {
  QUORATE_CHECK(threads >= 1 && threads <= kMinerThreadsMax, "a number of threads that was judged");
  Race race(header, stop);
  std::vector<std::thread> others;
  others.reserve(threads - 1);
  for (unsigned i = 1; i < threads; ++i) others.emplace_back([&race] { race.run(); });
  race.run();
  for (std::thread& other : others) other.join();
  return race.result();
}

}  // namespace quorate::pow
