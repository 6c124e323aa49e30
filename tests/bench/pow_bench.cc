// What the proof-of-work chain costs:
//
//   cmake --preset release && ninja -C build/release pow_bench && build/release/tests/pow_bench
//
// MinerBesideOpenssl runs one thread of the miner and OpenSSL's SHA256_Transform with midstate in
// turns of 65,536 nonces, so both see the same machine; rates are hashes a CPU second.

#define OPENSSL_SUPPRESS_DEPRECATED

#include <benchmark/benchmark.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "crypto/check.h"
#include "pow/miner.h"
#include "tests/pow/chain_world.h"

namespace quorate::pow::test {
namespace {

constexpr std::uint32_t kTurn = 1 << 16;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The least that a miner over SHA256_Transform can do for a hash: two compressions and what lies
// between them. It looks at the last word alone.
class OpensslMiner {
 public:
  explicit OpensslMiner(const Header& header) {
    const auto bytes = encode_header(header);
    SHA256_Init(&fresh_);
    midstate_ = fresh_;
    SHA256_Transform(&midstate_, bytes.data());
    std::copy(bytes.begin() + 64, bytes.end(), first_.begin());
    first_[16] = 0x80;
    first_[62] = 0x02;  // 640 bits
    first_[63] = 0x80;
    second_[32] = 0x80;
    second_[62] = 0x01;  // 256 bits
  }

  // How many of these nonces give a hash that ends in 32 zero bits.
  std::uint32_t count(std::uint32_t first, std::uint32_t nonces) {
    std::uint32_t found = 0;
    for (std::uint32_t nonce = first; nonce != first + nonces; ++nonce) {
      std::memcpy(&first_[12], &nonce, sizeof nonce);
      SHA256_CTX context = midstate_;
      SHA256_Transform(&context, first_.data());
      for (std::size_t i = 0; i < 8; ++i) {
        const std::uint32_t word = __builtin_bswap32(context.h[i]);
        std::memcpy(&second_[4 * i], &word, sizeof word);
      }
      context = fresh_;
      SHA256_Transform(&context, second_.data());
      if (context.h[7] == 0) ++found;
    }
    return found;
  }

 private:
  SHA256_CTX fresh_{};
  SHA256_CTX midstate_{};
  std::array<std::uint8_t, 64> first_{};
  std::array<std::uint8_t, 64> second_{};
};

void MinerBesideOpenssl(benchmark::State& state) {
  Header header = own_genesis(quick_params());
  header.bits = encode_target(u256(1));  // nobody finds that
  OpensslMiner openssl(header);
  std::uint32_t first = 0;
  std::uint64_t hashes = 0;
  double of_openssl = 0;
  double of_miner = 0;
  for (auto _ : state) {
    const double begin = cpu_seconds();
    benchmark::DoNotOptimize(openssl.count(first, kTurn));
    const double middle = cpu_seconds();
    const auto found = find_nonce(header, first, kTurn);
    of_miner += cpu_seconds() - middle;
    of_openssl += middle - begin;
    QUORATE_CHECK(!found, "nobody finds that");
    hashes += kTurn;
    first += kTurn;
  }
  state.counters["miner_MH/s"] = 1e-6 * static_cast<double>(hashes) / of_miner;
  state.counters["openssl_MH/s"] = 1e-6 * static_cast<double>(hashes) / of_openssl;
  state.counters["miner_to_openssl"] = of_openssl / of_miner;
}
BENCHMARK(MinerBesideOpenssl)->Iterations(150)->Repetitions(5)->Unit(benchmark::kMillisecond);

// A block whose transactions' signatures are checked: each its own key of 20 bytes, of senders that
// stay within their nonces' windows.
BlockPtr full_block(ChainWorld& world, std::uint64_t transactions) {
  constexpr std::uint64_t kOfOneSender = 500;
  std::vector<TransactionPtr> all;
  all.reserve(transactions);
  PublicKey sender;
  for (std::uint64_t i = 0; i < transactions; ++i) {
    const std::uint64_t nonce = i % kOfOneSender + 1;
    if (nonce == 1) {
      sender = ledger::test::public_key_of("sender " + std::to_string(i / kOfOneSender));
    }
    std::string key = std::to_string(i);
    key.insert(0, 20 - key.size(), '0');
    auto body = ledger::test::example_body(
        world.genesis, nonce, {ledger::test::put(key, "a value that has 32 bytes, or so")});
    body.sender = sender;
    all.push_back(ledger::test::Trusting::trust(body));
  }
  return world.on(world.block_0, std::move(all));
}

// From the block's arrival to the state's new root; `pool`: its transactions waited before.
void ConnectBlock(benchmark::State& state) {
  ChainWorld world;
  const BlockPtr block = full_block(world, static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    MemoryChain host(world.params, world.genesis, world.block_0);
    if (state.range(1) != 0) {
      for (const TransactionPtr& each : block->transactions) {
        QUORATE_CHECK(host.add_transaction(each).has_value(), "the pool takes it");
      }
    }
    state.ResumeTiming();
    const Happened happened = host.step(input(BlockArrived{std::nullopt, block}));
    benchmark::DoNotOptimize(host.state().root());
    QUORATE_CHECK(happened.steps.size() == 1 && happened.refused.empty(), "it is connected");
    state.PauseTiming();
    QUORATE_CHECK(host.pool().empty(), "none of them waits");
    state.ResumeTiming();
  }
}
BENCHMARK(ConnectBlock)
    ->ArgNames({"transactions", "pool"})
    ->Args({5000, 0})
    ->Args({5000, 1})
    ->Iterations(20)
    ->Unit(benchmark::kMillisecond);

void DisconnectBlock(benchmark::State& state) {
  ChainWorld world;
  const BlockPtr block = full_block(world, static_cast<std::uint64_t>(state.range(0)));
  MemoryChain host(world.params, world.genesis, world.block_0);
  static_cast<void>(host.step(input(BlockArrived{std::nullopt, block})));
  for (auto _ : state) {
    const Happened undone = host.step(input(Invalidate{block->hash}));
    benchmark::DoNotOptimize(host.state().root());
    state.PauseTiming();
    QUORATE_CHECK(undone.steps.size() == 1, "it is disconnected");
    static_cast<void>(host.step(input(Reconsider{block->hash})));
    state.ResumeTiming();
  }
}
BENCHMARK(DisconnectBlock)->Arg(5000)->Iterations(20)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quorate::pow::test
