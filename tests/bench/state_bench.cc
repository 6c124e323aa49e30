// What the state's tree costs at a million keys, on a disk:
//
//   cmake --preset release && ninja -C build/release state_bench && build/release/tests/state_bench
//
// QUORATE_BENCH_KEYS=100000 makes a smaller one. Each block writes 10,000 keys of 20 bytes with
// values of 32, and is a checkpoint; every one becomes stable.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "crypto/check.h"
#include "ledger/state_proof.h"
#include "ledger/store.h"
#include "tests/ledger/example_network.h"

namespace quorate::ledger::test {
namespace {

constexpr std::uint64_t kKeysABlock = 10'000;

std::uint64_t keys_wanted() {
  const char* text = std::getenv("QUORATE_BENCH_KEYS");
  return text == nullptr ? 1'000'000 : std::strtoull(text, nullptr, 10);
}

double resident_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

Bytes key_at(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return to_bytes("key " + std::string(16 - digits.size(), '0') + digits);
}

class Ledger {
 public:
  static Ledger& instance() {
    static Ledger ledger;
    return ledger;
  }
  ~Ledger() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  Store& store() { return *store_; }

  // A block that writes these keys, as a checkpoint.
  void append(const std::vector<std::uint64_t>& numbers) {
    const Sequence sequence = next(store_->height());
    CertifiedBatch block;
    block.batch = make_batch(sequence, TimeMs{kGenesisTime.value + sequence.value}, 0, {});
    block.certificate.sequence = sequence;
    block.certificate.batch = digest_of_batch(block.batch.header);
    Execution execution;
    execution.effective_time = block.batch.header.time;
    execution.is_checkpoint = true;
    for (const std::uint64_t number : numbers) {
      execution.writes[key_at(number)] = crypto::encode(
          Entry{Bytes(32, static_cast<std::uint8_t>(sequence.value)), std::nullopt});
    }
    QUORATE_CHECK(store_->append(block, execution).has_value(), "the block is appended");
  }
  void stabilise() {
    StableCheckpoint stable;
    stable.note = store_->own_checkpoint(store_->height()).value().value();
    QUORATE_CHECK(store_->put_stable(stable).has_value(), "the checkpoint becomes stable");
    QUORATE_CHECK(store_->sync().has_value(), "the ledger is synced");
  }
  void reopen() {
    store_.reset();
    store_ = std::move(Store::open(folder_, chain_id_of(genesis_)).value());
  }
  std::vector<std::uint64_t> any_numbers(std::uint64_t count) {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t i = 0; i < count; ++i) numbers.push_back(random_() % keys_wanted());
    return numbers;
  }

 private:
  Ledger() {
    QUORATE_CHECK(crypto::self_test().has_value(), "Ed25519 is as pinned");
    std::filesystem::remove_all(folder_);
    store_ = std::move(Store::create(folder_, genesis_).value());
    const auto started = std::chrono::steady_clock::now();
    const double before = resident_mb();
    for (std::uint64_t number = 0; number < keys_wanted();) {
      std::vector<std::uint64_t> numbers;
      while (numbers.size() < kKeysABlock) numbers.push_back(number++);
      append(numbers);
      stabilise();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    std::cout << keys_wanted() << " keys in blocks of " << kKeysABlock << ": " << took.count()
              << " s; resident " << before << " -> " << resident_mb() << " MB\n";
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / "quorate-state-bench";
  Genesis genesis_ = example_genesis();
  std::unique_ptr<Store> store_;
  std::mt19937_64 random_{1};
};

void CheckpointBlock(benchmark::State& state) {
  Ledger& ledger = Ledger::instance();
  for (auto _ : state) {
    state.PauseTiming();
    const auto numbers = ledger.any_numbers(static_cast<std::uint64_t>(state.range(0)));
    state.ResumeTiming();
    ledger.append(numbers);
    state.PauseTiming();
    ledger.stabilise();
    state.ResumeTiming();
  }
  state.counters["resident_MB"] = resident_mb();
}
BENCHMARK(CheckpointBlock)->Arg(10)->Arg(1000)->Arg(10'000)->Iterations(10)->Unit(
    benchmark::kMillisecond);

void StableAndSynced(benchmark::State& state) {
  Ledger& ledger = Ledger::instance();
  for (auto _ : state) {
    state.PauseTiming();
    ledger.append(ledger.any_numbers(static_cast<std::uint64_t>(state.range(0))));
    state.ResumeTiming();
    ledger.stabilise();
  }
}
BENCHMARK(StableAndSynced)->Arg(10'000)->Iterations(10)->Unit(benchmark::kMillisecond);

void Open(benchmark::State& state) {
  Ledger& ledger = Ledger::instance();
  for (auto _ : state) ledger.reopen();
  state.counters["resident_MB"] = resident_mb();
}
BENCHMARK(Open)->Iterations(5)->Unit(benchmark::kMillisecond);

void ReadWithProof(benchmark::State& state) {
  Ledger& ledger = Ledger::instance();
  ledger.append({1});
  ledger.stabilise();
  for (auto _ : state) {
    const auto view = ledger.store().stable_view();
    const Bytes key = key_at(ledger.any_numbers(1)[0]);
    const auto proof = view->prove(key);
    QUORATE_CHECK(proof.has_value(), "it is proved");
    benchmark::DoNotOptimize(proof);
  }
}
BENCHMARK(ReadWithProof)->Unit(benchmark::kMicrosecond);

void CheckWholeState(benchmark::State& state) {
  Ledger& ledger = Ledger::instance();
  for (auto _ : state) {
    QUORATE_CHECK(ledger.store().check_state().has_value(), "the state is that of its tree");
  }
  state.counters["resident_MB"] = resident_mb();
}
BENCHMARK(CheckWholeState)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace quorate::ledger::test
