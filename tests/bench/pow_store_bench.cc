// What the store of a proof-of-work node costs:
//
//   cmake --preset release && ninja -C build/release pow_store_bench
//   build/release/tests/pow_store_bench
//
// OpenChain opens a store of N small blocks (a header and a body each, every tenth with a signed
// transaction) as a node does at its start; StoreBlock is one more block, stored synced or not.

#include <benchmark/benchmark.h>

#include <filesystem>

#include "crypto/check.h"
#include "node/pow_chain.h"
#include "tests/pow/chain_world.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;
namespace world = quorate::pow::test;

constexpr ledger::TimeMs kLate{world::kLateSeconds * 1000};

class StoredChain {
 public:
  explicit StoredChain(std::uint64_t blocks) {
    folder_ = (fs::temp_directory_path() / "quorate-pow-bench-XXXXXX").string();
    QUORATE_CHECK(::mkdtemp(folder_.data()) != nullptr, "a folder for the benchmark");
    const Status made = PowChain::create(file(), world_.genesis, world_.params, world_.block_0);
    QUORATE_CHECK(made.has_value(), "a chain for the benchmark");
    open();
    tip_ = world_.block_0;
    for (std::uint64_t i = 0; i < blocks; ++i) grow(i % 10 == 0, false);
  }
  ~StoredChain() {
    chain_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  void open() {
    chain_.reset();
    auto opened = PowChain::open(file(), world_.genesis, world_.params);
    QUORATE_CHECK(opened.has_value(), "the chain opens");
    chain_ = std::move(*opened);
  }
  void grow(bool with_transaction, bool synced) {
    std::vector<pow::TransactionPtr> transactions;
    if (with_transaction) transactions.push_back(world_.put(++nonce_, "colour", "blue"));
    add(world_.on(tip_, std::move(transactions)), synced);
  }
  void add(const pow::BlockPtr& block, bool synced) {
    tip_ = block;
    const auto stored = chain_->step(pow::BlockArrived{std::nullopt, block}, kLate, synced);
    QUORATE_CHECK(stored && !stored->steps.empty(), "the block is connected");
  }
  pow::BlockPtr next() { return world_.on(tip_); }
  [[nodiscard]] std::uint64_t height() const { return chain_->chain().tip().height.value; }

 private:
  [[nodiscard]] fs::path file() const { return fs::path(folder_) / "chain"; }

  world::ChainWorld world_{pow::regtest_params()};
  std::string folder_;
  std::unique_ptr<PowChain> chain_;
  pow::BlockPtr tip_;
  std::uint64_t nonce_ = 0;
};

void OpenChain(benchmark::State& state) {
  StoredChain stored(static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) stored.open();
  QUORATE_CHECK(stored.height() == static_cast<std::uint64_t>(state.range(0)), "all of it");
}
BENCHMARK(OpenChain)->Arg(10'000)->Unit(benchmark::kMillisecond);

void StoreBlock(benchmark::State& state) {
  StoredChain stored(100);
  for (auto _ : state) {
    state.PauseTiming();
    const pow::BlockPtr block = stored.next();
    state.ResumeTiming();
    stored.add(block, state.range(0) == 1);
  }
}
BENCHMARK(StoreBlock)->Arg(0)->Arg(1)->ArgName("synced")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace quorate::node
