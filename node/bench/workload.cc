#include "node/bench/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/nonce_window.h"
#include "node/submission.h"

namespace quorate::node {
namespace {

// Of the nonce window, what may be open; the rest is for nodes that lag behind.
constexpr std::uint64_t kOpenPerSenderMax = ledger::kNonceWindow * 3 / 4;
constexpr std::uint64_t kSendersMin = 16;

// SplitMix64 (Steele, Lea, Flood, 2014): one step from a state to an even 64-bit value.
std::uint64_t mix(std::uint64_t state) {
  std::uint64_t z = state + 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

Bytes value_of(std::uint64_t seed, std::size_t bytes) {
  Bytes value(bytes);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    if (i % sizeof word == 0) word = mix(seed + i);
    value[i] = static_cast<std::uint8_t>(word >> (8 * (i % sizeof word)));
  }
  return value;
}

}  // namespace

std::vector<crypto::SecretKey> bench_senders(std::uint64_t seed, std::uint64_t transactions) {
  const std::uint64_t needed = (transactions + kTransactionsPerSender - 1) / kTransactionsPerSender;
  std::vector<crypto::SecretKey> senders;
  for (std::uint64_t i = 0; i < std::max(needed, kSendersMin); ++i) {
    const auto digest =
        crypto::sha256(as_bytes(fmt::format("quorate bench sender {} of seed {}", i, seed)));
    senders.push_back(crypto::SecretKey::from_seed(digest.bytes));
  }
  return senders;
}

Workload::Workload(WorkloadOptions options, std::vector<crypto::SecretKey> senders,
                   std::vector<std::uint64_t> first_nonces)
    : options_(options), senders_(std::move(senders)), first_nonces_(std::move(first_nonces)) {
  QUORATE_CHECK(!senders_.empty() && senders_.size() == first_nonces_.size(),
                "each sender has a first nonce");
}

std::uint64_t Workload::span_max() const { return senders_.size() * kOpenPerSenderMax; }

std::vector<ledger::Operation> Workload::operations_of(std::uint64_t number) const {
  const bool counts = options_.ops_per_tx > 1;
  const std::uint32_t puts = options_.ops_per_tx - (counts ? 1 : 0);
  std::vector<ledger::Operation> operations;
  for (std::uint32_t i = 0; i < puts; ++i) {
    const std::uint64_t choice = mix(mix(options_.seed) + number * options_.ops_per_tx + i);
    operations.emplace_back(
        ledger::Put{to_bytes(fmt::format("bench/{}/{}", options_.seed, choice % options_.keys)),
                    value_of(choice, options_.value_bytes),
                    {}});
  }
  if (counts) {
    operations.emplace_back(
        ledger::Add{to_bytes(fmt::format("bench/{}/applied", options_.seed)), 1});
  }
  return operations;
}

BenchTransaction Workload::sign(std::uint64_t number) const {
  const std::size_t sender = number % senders_.size();
  ledger::SignedTransaction transaction;
  transaction.body = {options_.chain_id, senders_[sender].public_key(),
                      first_nonces_[sender] + number / senders_.size(), options_.valid_until,
                      operations_of(number)};
  transaction.signature = senders_[sender].sign(crypto::signing_bytes(
      crypto::Purpose::kTransaction, options_.chain_id, crypto::encode(transaction.body)));
  SignedDraft draft = make_signed_draft(std::move(transaction));
  return {std::move(draft.encoded), draft.id};
}

void Workload::sign_until(std::uint64_t count,
                          const std::function<void(std::uint64_t)>& on_progress) {
  const std::size_t begin = transactions_.size();
  if (count <= begin) return;
  transactions_.resize(count);
  std::atomic<std::uint64_t> next = begin;
  std::atomic<std::uint64_t> done = begin;
  const auto work = [&] {
    for (std::uint64_t i = next++; i < count; i = next++) {
      transactions_[i] = sign(i);
      ++done;
    }
  };
  std::vector<std::thread> threads;
  const unsigned cores = std::max(std::thread::hardware_concurrency(), 1U);
  for (unsigned i = 0; i < cores; ++i) threads.emplace_back(work);
  constexpr std::chrono::milliseconds kPause{100};
  while (on_progress && done < count) {
    std::this_thread::sleep_for(kPause);
    on_progress(done);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace quorate::node
