// What the ledger costs beside the least that it could cost, measured in one run:
//
//   cmake --preset release && ninja -C build/release ledger_bench
//   build/release/tests/ledger_bench
//
//   AppendAgainstRaw   100,000 transactions in blocks of 500, against LevelDB alone taking the same
//                      bytes in the same batches; `times_raw` is to be at most 3
//   VerifyAgainstKeys  the audit of that ledger, against verifying its signatures and nothing else
//                      on all cores; `of_rate` is to be at least 0.7
//   InclusionPath      from a log of a million records that was just opened; to be under 100 us
//
// QUORATE_BENCH_RECORDS=100000 makes a shorter log, QUORATE_BENCH_TRANSACTIONS=1000000 a larger
// ledger. QUORATE_BENCH_KEEP=FOLDER leaves that of the first two there with its genesis document:
//
//   /usr/bin/time -v quorate ledger verify FOLDER/ledger --genesis FOLDER/genesis.json
//
// is to take under 200 MB whatever its size.

#include <benchmark/benchmark.h>
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/env.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "crypto/check.h"
#include "ledger/auditor.h"
#include "ledger/leveldb_log.h"
#include "ledger/log_view.h"
#include "ledger/stopped_ledger.h"
#include "ledger/store.h"
#include "tests/ledger/example_network.h"

namespace quorate::ledger::test {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;

constexpr std::uint64_t kTransactionsABlock = 500;
constexpr std::uint64_t kSenders = 200;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

template <class Work>
double seconds_of(const Work& work) {
  const auto started = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - started).count();
}

void must(const Status& status) {
  QUORATE_CHECK(status.has_value(), "the ledger takes what it is given");
}

// A folder that goes with this process, unless it is to be kept.
class Folder {
 public:
  explicit Folder(std::string_view name)
      : path_(fs::temp_directory_path() / ("quorate-bench-" + std::string(name))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Keeps what LevelDB was given, as its logs hold it: of each log before it is removed, and of the
// last one when it is asked to.
class LogKeeper final : public leveldb::EnvWrapper {
 public:
  LogKeeper() : EnvWrapper(leveldb::Env::Default()) {}

  leveldb::Status RemoveFile(const std::string& name) override {
    keep(name);
    return EnvWrapper::RemoveFile(name);
  }
  void keep(const std::string& name) {
    if (!name.ends_with(".log")) return;
    LogScan scan;
    const auto status = scan_log(
        *target(), name, [this](std::string_view record) { batches_.emplace_back(record); }, scan);
    QUORATE_CHECK(status.ok() && scan.ending == LogEnding::kWhole, "LevelDB's log is whole");
  }
  [[nodiscard]] const std::vector<std::string>& batches() const { return batches_; }

 private:
  std::vector<std::string> batches_;  // logs end one after the other
};

struct Block {
  CertifiedBatch batch;
  Execution execution;
  std::optional<StableCheckpoint> stable;
};

// Signed, ordered and executed; the same in each run.
class Blocks {
 public:
  static Blocks& instance() {
    static Blocks blocks;
    return blocks;
  }
  [[nodiscard]] const Genesis& genesis() const { return genesis_; }
  [[nodiscard]] const std::vector<Block>& all() const { return blocks_; }
  void append_to(Store& store) const {
    for (const Block& block : blocks_) {
      must(store.append(block.batch, block.execution));
      if (block.stable) must(store.put_stable(*block.stable));
    }
    must(store.sync());
  }
  // Where the audit finds it.
  [[nodiscard]] const fs::path& stored() {
    if (!stored_) {
      stored_ = std::make_unique<Folder>("ledger");
      append_to(*Store::create(stored_->path() / "ledger", genesis_).value());
      keep_copy();
    }
    return stored_->path();
  }

 private:
  Blocks() {
    QUORATE_CHECK(crypto::self_test().has_value(), "Ed25519 is as pinned");
    const Folder scratch("scratch");
    const auto store = Store::create(scratch.path() / "ledger", genesis_).value();
    const std::uint64_t transactions = number_from("QUORATE_BENCH_TRANSACTIONS", 100'000);
    for (std::uint64_t number = 0; number < transactions; number += kTransactionsABlock) {
      blocks_.push_back(make(number, *store));
    }
  }

  Block make(std::uint64_t first, Store& store) {
    const Sequence sequence = next(store.height());
    Block block;
    for (std::uint64_t i = first; i < first + kTransactionsABlock; ++i) {
      const std::string sender = "sender " + std::to_string(i % kSenders);
      Transaction body = example_body(
          genesis_, i / kSenders + 1,
          {put("key " + std::to_string(i), std::string(100, static_cast<char>('a' + i % 26)))});
      body.sender = public_key_of(sender);
      block.batch.transactions.push_back(Trusting::trust(sign(body, sender)));
    }
    block.batch.batch = make_batch(sequence, TimeMs{kGenesisTime.value + sequence.value * 10}, 0,
                                   ids_of(block.batch.transactions));
    const BatchHeader& header = block.batch.batch.header;
    block.batch.certificate = certify(genesis_, header, {0, 1, 3});
    block.execution = execute(header, block.batch.transactions, genesis_, store).value();
    must(store.append(block.batch, block.execution));
    if (block.execution.is_checkpoint) {
      const CheckpointNote note = store.own_checkpoint(store.height()).value().value();
      block.stable = stabilise(note, header.time.value / 1000, {0, 1, 3});
      must(store.put_stable(*block.stable));
    }
    return block;
  }

  void keep_copy() const {
    const char* keep = std::getenv("QUORATE_BENCH_KEEP");
    if (keep == nullptr) return;
    fs::create_directories(keep);
    fs::copy(stored_->path(), keep, fs::copy_options::recursive);
    std::ofstream(fs::path(keep) / "genesis.json") << genesis_to_json(genesis_);
  }

  Genesis genesis_ = example_genesis();
  std::vector<Block> blocks_;
  std::unique_ptr<Folder> stored_;
};

// A batch from the bytes that LevelDB's log has of it: sequence u64, count u32, and for each write
// 1, key, value or 0, key, with varint lengths. (LevelDB, db/write_batch.cc.)
leveldb::WriteBatch parse_batch(std::string_view bytes) {
  bytes.remove_prefix(12);
  const auto piece = [&bytes] {
    std::size_t size = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      size |= std::size_t{byte & 0x7fU} << shift;
      if (byte < 0x80) break;
    }
    const leveldb::Slice slice(bytes.data(), size);
    bytes.remove_prefix(size);
    return slice;
  };
  leveldb::WriteBatch batch;
  while (!bytes.empty()) {
    const bool is_put = bytes.front() == 1;
    bytes.remove_prefix(1);
    const leveldb::Slice key = piece();
    if (is_put) {
      batch.Put(key, piece());
    } else {
      batch.Delete(key);
    }
  }
  return batch;
}

std::vector<leveldb::WriteBatch> batches_of_the_ledger() {
  const Folder folder("kept");
  LogKeeper keeper;
  StoreOptions options;
  options.env = &keeper;
  Blocks::instance().append_to(
      *Store::create(folder.path() / "ledger", Blocks::instance().genesis(), options).value());
  for (const auto& file : fs::directory_iterator(folder.path() / "ledger")) {
    keeper.keep(file.path().string());
  }
  std::vector<leveldb::WriteBatch> batches;
  for (const std::string& bytes : keeper.batches()) batches.push_back(parse_batch(bytes));
  return batches;
}

// LevelDB with what the ledger gives it: its cache, filter and open files.
void write_raw(const fs::path& folder, std::vector<leveldb::WriteBatch>& batches) {
  const std::unique_ptr<leveldb::Cache> cache(leveldb::NewLRUCache(StoreOptions{}.cache_bytes));
  const std::unique_ptr<const leveldb::FilterPolicy> filter(leveldb::NewBloomFilterPolicy(10));
  leveldb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.block_cache = cache.get();
  options.filter_policy = filter.get();
  options.max_open_files = 200;
  leveldb::DB* opened = nullptr;
  QUORATE_CHECK(leveldb::DB::Open(options, folder.string(), &opened).ok(), "LevelDB opens");
  const std::unique_ptr<leveldb::DB> database(opened);
  leveldb::WriteOptions unsynced;
  for (leveldb::WriteBatch& batch : batches) {
    QUORATE_CHECK(database->Write(unsynced, &batch).ok(), "LevelDB takes a batch");
  }
  leveldb::WriteOptions synced;
  synced.sync = true;
  leveldb::WriteBatch end;
  end.Put("end", "");
  QUORATE_CHECK(database->Write(synced, &end).ok(), "LevelDB syncs");
}

void AppendAgainstRaw(benchmark::State& state) {
  const Blocks& blocks = Blocks::instance();
  std::vector<leveldb::WriteBatch> batches = batches_of_the_ledger();
  double ours = 0;
  double raw = 0;
  for (auto _ : state) {
    const Folder folder("append");
    const double append = seconds_of([&] {
      blocks.append_to(*Store::create(folder.path() / "ledger", blocks.genesis()).value());
    });
    raw += seconds_of([&] { write_raw(folder.path() / "raw", batches); });
    ours += append;
    state.SetIterationTime(append);
  }
  std::size_t bytes = 0;
  for (const leveldb::WriteBatch& batch : batches) bytes += batch.ApproximateSize();
  state.counters["raw_s"] = raw / static_cast<double>(state.iterations());
  state.counters["MB"] = static_cast<double>(bytes) / 1e6;
  state.counters["times_raw"] = ours / raw;
}
BENCHMARK(AppendAgainstRaw)->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);

// The ledger's signatures and nothing else: those of transactions, bytes at hand, on all cores.
double signatures_a_second() {
  const Digest chain_id = chain_id_of(Blocks::instance().genesis());
  std::vector<std::pair<const SignedTransaction*, Bytes>> signed_bytes;
  for (const Block& block : Blocks::instance().all()) {
    for (const TransactionPtr& each : block.batch.transactions) {
      const SignedTransaction& transaction = *each->signed_transaction;
      signed_bytes.emplace_back(
          &transaction, crypto::signing_bytes(crypto::Purpose::kTransaction, chain_id,
                                              crypto::encode(transaction.body)));
    }
  }
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> good = 0;
  const double seconds = seconds_of([&] {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < signed_bytes.size(); at = next++) {
          const auto& [transaction, bytes] = signed_bytes[at];
          good += crypto::verify(transaction->body.sender, bytes, transaction->signature) ? 1 : 0;
        }
      });
    }
  });
  QUORATE_CHECK(good == signed_bytes.size(), "every signature verifies");
  return static_cast<double>(signed_bytes.size()) / seconds;
}

void VerifyAgainstKeys(benchmark::State& state) {
  Blocks& blocks = Blocks::instance();
  const fs::path& folder = blocks.stored();
  double rate = 0;
  double keys_alone = 0;
  for (auto _ : state) {
    keys_alone += signatures_a_second();
    const Folder work("audit");
    const auto ledger = open_stopped_database(folder, chain_id_of(blocks.genesis())).value();
    AuditOptions options;
    options.work_folder = work.path() / "replay";
    options.may_resume = false;
    AuditReport report;
    const double seconds = seconds_of([&] {
      report = audit_ledger(*ledger.database, blocks.genesis(), options).value();
    });
    QUORATE_CHECK(!report.finding && report.executed, "the ledger holds");
    rate += static_cast<double>(report.signatures) / seconds;
    state.SetIterationTime(seconds);
  }
  const auto runs = static_cast<double>(state.iterations());
  state.counters["keys_alone/s"] = keys_alone / runs;
  state.counters["audit/s"] = rate / runs;
  state.counters["of_rate"] = rate / keys_alone;
}
BENCHMARK(VerifyAgainstKeys)->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);

// A log of this many records, of blocks without transactions.
class LongLog {
 public:
  static LongLog& instance() {
    static LongLog log;
    return log;
  }
  Store& store() { return *store_; }

 private:
  LongLog() {
    const std::uint64_t records = number_from("QUORATE_BENCH_RECORDS", 1'000'000);
    store_ = Store::create(folder_.path() / "ledger", example_genesis()).value();
    while (store_->height().value < records) {
      CertifiedBatch block;
      block.batch = null_batch(next(store_->height()));
      block.certificate.sequence = block.batch.header.sequence;
      block.certificate.batch = digest_of_batch(block.batch.header);
      Execution execution;
      execution.effective_time = kGenesisTime;
      must(store_->append(block, execution));
    }
    store_.reset();  // with what it had in memory
    store_ = Store::open(folder_.path() / "ledger", chain_id_of(example_genesis())).value();
  }

  Folder folder_{"long-log"};
  std::unique_ptr<Store> store_;
};

void InclusionPath(benchmark::State& state) {
  const Store& store = LongLog::instance().store();
  const std::uint64_t size = store.height().value;
  std::mt19937_64 random{1};
  for (auto _ : state) {
    const auto path = store.inclusion_path(Height{random() % size + 1}, size);
    QUORATE_CHECK(path.has_value(), "it is proved");
    benchmark::DoNotOptimize(path);
  }
  state.counters["records"] = static_cast<double>(size);
}
BENCHMARK(InclusionPath)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace quorate::ledger::test
