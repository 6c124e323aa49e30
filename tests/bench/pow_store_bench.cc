// What the store of a proof-of-work node costs:
//
//   cmake --preset release && ninja -C build/release pow_store_bench
//   build/release/tests/pow_store_bench
//
// OpenChain opens a store of N small blocks (a header and a body each, every tenth with a signed
// transaction) as a node does at its start; StoreBlock is one more block, stored synced or not;
// ConnectBlock is one with that many transactions whose signatures were checked before, from the
// step to the stored state. Reorganise is N blocks with ten transactions each, disconnected and
// connected again, all in two steps.

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
  pow::BlockPtr on_tip(std::vector<pow::TransactionPtr> transactions) {
    return world_.on(tip_, std::move(transactions));
  }
  void step(const PowEvent& event) {
    QUORATE_CHECK(chain_->step(event, kLate, false).has_value(), "the store takes it");
  }
  [[nodiscard]] const ledger::Genesis& genesis() const { return world_.genesis; }
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
// Transactions of ten senders, so that each has room in its window of nonces.
std::vector<pow::TransactionPtr> many(const ledger::Genesis& genesis, std::uint64_t count,
                                      std::uint64_t round) {
  constexpr std::uint64_t kSenders = 10;
  std::vector<pow::TransactionPtr> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    ledger::Transaction body = ledger::test::example_body(
        genesis, round * (count / kSenders) + i / kSenders + 1,
        {ledger::test::put("key " + std::to_string(i), std::to_string(round))});
    body.sender = ledger::test::public_key_of("sender " + std::to_string(i % kSenders));
    out.push_back(ledger::test::Trusting::trust({std::move(body), {}}));
  }
  return out;
}

void ConnectBlock(benchmark::State& state) {
  StoredChain stored(10);
  const auto count = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t round = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto block = stored.on_tip(many(stored.genesis(), count, round++));
    state.ResumeTiming();
    stored.add(block, state.range(1) != 0);
  }
}
BENCHMARK(ConnectBlock)
    ->Args({5000, 0})
    ->Args({5000, 1})
    ->ArgNames({"transactions", "synced"})
    ->Unit(benchmark::kMillisecond);

void Reorganise(benchmark::State& state) {
  StoredChain stored(10);
  const auto blocks = static_cast<std::uint64_t>(state.range(0));
  std::optional<ledger::Digest> first;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const auto block = stored.on_tip(many(stored.genesis(), 10, i));
    stored.add(block, false);
    if (!first) first = block->hash;
  }
  for (auto _ : state) {
    stored.step(pow::Invalidate{*first});
    stored.step(pow::Reconsider{*first});
  }
}
BENCHMARK(Reorganise)->Arg(1)->Arg(10)->Arg(100)->Unit(benchmark::kMillisecond);

BENCHMARK(StoreBlock)->Arg(0)->Arg(1)->ArgName("synced")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace quorate::node
