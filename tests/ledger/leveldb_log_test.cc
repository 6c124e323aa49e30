#include "ledger/leveldb_log.h"

#include <gtest/gtest.h>
#include <leveldb/db.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/support/faulty_env.h"

namespace quorate::ledger {
namespace {

using quorate::test::FaultyEnv;

struct Log {
  std::string bytes;
  std::vector<std::uint64_t> ends;  // of the whole records; the first is 0
};

// LevelDB's own log of `count` values of `bytes` each, none with a zero byte at its end.
Log log_of(FaultyEnv& env, int count, std::size_t bytes) {
  static int made = 0;
  const std::string folder = "/log" + std::to_string(made++);
  leveldb::Options options;
  options.env = &env;
  options.create_if_missing = true;
  leveldb::DB* opened = nullptr;
  EXPECT_TRUE(leveldb::DB::Open(options, folder, &opened).ok());
  const std::unique_ptr<leveldb::DB> database(opened);
  const std::string file = env.newest_log(folder);
  Log log{"", {0}};
  for (int i = 0; i < count; ++i) {
    const std::string value(bytes, static_cast<char>('a' + i % 26));
    EXPECT_TRUE(database->Put({}, "key" + std::to_string(i), value).ok());
    std::uint64_t size = 0;
    EXPECT_TRUE(env.GetFileSize(file, &size).ok());
    log.ends.push_back(size);
  }
  log.bytes = env.read(file);
  return log;
}

LogScan scan_of(FaultyEnv& env, const std::string& bytes,
                const std::function<void(std::string_view)>& on_record = {}) {
  env.write("/scanned.log", bytes);
  LogScan scan;
  EXPECT_TRUE(scan_log(env, "/scanned.log", on_record, scan).ok());
  return scan;
}

// The end of the last record that is whole in the first `size` bytes.
std::uint64_t last_end(const Log& log, std::uint64_t size) {
  return *std::prev(std::upper_bound(log.ends.begin(), log.ends.end(), size));
}

TEST(LevelDbLog, ChecksumIsCastagnoli) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);  // RFC 3720 B.4
}

TEST(LevelDbLog, ReadsWhatLevelDbWrote) {
  FaultyEnv env;
  const std::string bytes = log_of(env, 30, 5000).bytes;  // several blocks
  int records = 0;
  std::size_t payload = 0;
  const LogScan scan = scan_of(env, bytes, [&](std::string_view record) {
    ++records;
    payload += record.size();
  });
  EXPECT_EQ(scan.ending, LogEnding::kWhole);
  EXPECT_EQ(scan.whole_end, bytes.size());
  EXPECT_EQ(records, 30);
  EXPECT_GT(payload, 30U * 5000);
}

TEST(LevelDbLog, EmptyFileIsWhole) {
  FaultyEnv env;
  EXPECT_EQ(scan_of(env, "").ending, LogEnding::kWhole);
}

TEST(LevelDbLog, FileCutAnywhereEndsTornAtARecord) {
  FaultyEnv env;
  const Log log = log_of(env, 9, 4500);  // crosses a block border
  for (std::size_t size = 0; size < log.bytes.size(); size += 7) {
    const LogScan scan = scan_of(env, log.bytes.substr(0, size));
    const std::uint64_t end = last_end(log, size);
    ASSERT_EQ(scan.whole_end, end) << "cut at " << size;
    ASSERT_EQ(scan.ending, end == size ? LogEnding::kWhole : LogEnding::kTorn) << "cut at " << size;
  }
}

TEST(LevelDbLog, ZerosAfterAWholeRecordAreDroppedByLevelDbItself) {
  FaultyEnv env;
  const std::string bytes = log_of(env, 3, 100).bytes;
  for (const std::size_t zeros : {1, 6, 7, 100, 40'000, 100'000}) {
    const LogScan scan = scan_of(env, bytes + std::string(zeros, '\0'));
    EXPECT_EQ(scan.ending, LogEnding::kTorn) << zeros;
    EXPECT_EQ(scan.whole_end, bytes.size()) << zeros;
  }
}

TEST(LevelDbLog, RecordThatEndsInZerosFromASectorOnIsAZeroTail) {
  FaultyEnv env;
  const auto [bytes, ends] = log_of(env, 3, 2000);
  for (std::size_t from = ends[2] / 512 * 512 + 512; from < bytes.size(); from += 512) {
    std::string torn = bytes;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(from), torn.end(), '\0');
    const LogScan scan = scan_of(env, torn);
    EXPECT_EQ(scan.ending, LogEnding::kZeroTail) << from;
    EXPECT_EQ(scan.whole_end, ends[2]) << from;
  }
}

TEST(LevelDbLog, ZerosThatReplaceSeveralRecordsAreAZeroTail) {
  FaultyEnv env;
  const Log log = log_of(env, 40, 2000);
  std::string torn = log.bytes;
  std::fill(torn.begin() + 10'240, torn.end(), '\0');  // over two block borders
  const LogScan scan = scan_of(env, torn);
  EXPECT_EQ(scan.ending, LogEnding::kZeroTail);
  EXPECT_EQ(scan.whole_end, last_end(log, 10'240));
}

TEST(LevelDbLog, ZerosAfterAFirstFragmentAreAZeroTail) {
  FaultyEnv env;
  std::string bytes = log_of(env, 2, 40'000).bytes;  // each in two or three fragments
  std::fill(bytes.begin() + 65'536, bytes.end(), '\0');
  const LogScan scan = scan_of(env, bytes);
  EXPECT_EQ(scan.ending, LogEnding::kZeroTail);
  EXPECT_LT(scan.whole_end, 65'536U);
}

TEST(LevelDbLog, ZerosThatDoNotReachTheEndAreDamage) {
  FaultyEnv env;
  const auto [bytes, ends] = log_of(env, 10, 300);
  std::string sector = bytes;
  std::fill(sector.begin() + 512, sector.begin() + 1024, '\0');
  EXPECT_EQ(scan_of(env, sector).ending, LogEnding::kDamaged);
  // LevelDB itself skips the rest of the block in silence when a header is zero.
  std::string header = bytes;
  std::fill_n(header.begin() + static_cast<std::ptrdiff_t>(ends[3]), 7, '\0');
  const LogScan scan = scan_of(env, header);
  EXPECT_EQ(scan.ending, LogEnding::kDamaged);
  EXPECT_EQ(scan.damage_at, ends[3]);
}

TEST(LevelDbLog, ZerosThatDoNotBeginAtASectorAreDamage) {
  FaultyEnv env;
  std::string bytes = log_of(env, 3, 2000).bytes;
  // The file's last bytes alone, in the middle of a sector.
  const std::size_t in_sector = bytes.size() % 512;
  ASSERT_GT(in_sector, 20U);
  std::fill(bytes.end() - 10, bytes.end(), '\0');
  EXPECT_EQ(scan_of(env, bytes).ending, LogEnding::kDamaged);
}

TEST(LevelDbLog, DamageBeforeZerosIsNotExplainedByThem) {
  FaultyEnv env;
  std::string bytes = log_of(env, 20, 300).bytes;
  std::fill(bytes.begin() + 5120, bytes.end(), '\0');
  bytes[600] ^= 1;
  EXPECT_EQ(scan_of(env, bytes).ending, LogEnding::kDamaged);
}

TEST(LevelDbLog, EverySingleBitFlipIsDamage) {
  FaultyEnv env;
  const std::string bytes = log_of(env, 12, 90).bytes;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    ASSERT_EQ(scan_of(env, flipped).ending, LogEnding::kDamaged) << "bit " << bit;
  }
}

TEST(LevelDbLog, UnreadableFileIsAnError) {
  FaultyEnv env;
  LogScan scan;
  EXPECT_FALSE(scan_log(env, "/nowhere.log", {}, scan).ok());
}

}  // namespace
}  // namespace quorate::ledger
