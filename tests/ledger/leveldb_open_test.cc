#include "ledger/leveldb_open.h"

#include <gtest/gtest.h>
#include <leveldb/db.h>
#include <leveldb/write_batch.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "tests/crypto/test_folder.h"
#include "tests/support/faulty_env.h"

namespace quorate::ledger {
namespace {

using crypto::test::TestFolder;
using quorate::test::FaultyEnv;

constexpr StoreWords kWords = {
    .name = "test store",
    .missing = "test-missing",
    .exists = "test-exists",
    .in_use = "test-in-use",
    .other_chain = "test-other-chain",
    .newer_format = "test-newer-format",
    .corrupt = "test-corrupt",
    .unreadable = "test-unreadable",
    .write_failed = "test-write-failed",
    .stopped = "test-stopped",
    .rebuild = "Set it aside.",
};

using Opened = Result<std::shared_ptr<LevelDb>>;

Bytes key_of(int i) { return to_bytes("k" + std::to_string(1000 + i)); }
Bytes value_of(int i, std::size_t bytes = 80) {
  return Bytes(bytes, static_cast<std::uint8_t>('a' + i % 26));
}

Status put(LevelDb& database, int i, std::size_t bytes = 80, bool synced = false) {
  leveldb::WriteBatch batch;
  batch.Put(as_slice(key_of(i)), as_slice(value_of(i, bytes)));
  return database.write(batch, synced);
}

constexpr int kUnreadable = -1;
constexpr int kWrong = -2;

// How many keys there are if they are 0 to n - 1 with their values, what a crash at any point must
// leave; else kUnreadable, which is honest, or kWrong, which never may be.
int prefix_length(const LevelDb& database, std::size_t bytes = 80) {
  int count = 0;
  const Status visited = database.for_each('k', [&](ByteView key, ByteView value) -> Status {
    const bool fits =
        std::ranges::equal(key, key_of(count)) && std::ranges::equal(value, value_of(count, bytes));
    if (!fits) return fail(ErrorKind::kInvalid, "hole", "");
    ++count;
    return {};
  });
  if (visited) return count;
  return visited.error().code == "hole" ? kWrong : kUnreadable;
}

// The same, asking for each key by itself.
int prefix_length_by_get(const LevelDb& database, int count) {
  for (int i = 0; i < count; ++i) {
    const auto value = database.get(key_of(i), nullptr, "a key");
    if (!value) return kUnreadable;
    if (*value != value_of(i)) return kWrong;
  }
  return count;
}

std::string_view code_of(const Opened& opened) {
  return opened ? std::string_view("opened") : opened.error().code;
}

class LevelDbOpen : public testing::Test {
 protected:
  Opened open(const std::string& folder) { return LevelDb::open(folder, kWords, {&env_}); }
  Opened create(const std::string& folder) { return LevelDb::create(folder, kWords, {&env_}); }

  // A closed database with keys 0 to count - 1, all in its log.
  void fill(const std::string& folder, int count) {
    const auto made = create(folder);
    ASSERT_TRUE(made) << made.error().to_string();
    for (int i = 0; i < count; ++i) ASSERT_TRUE(put(**made, i));
  }

  FaultyEnv env_;
};

TEST_F(LevelDbOpen, KeepsWhatWasWritten) {
  fill("/db", 20);
  const auto opened = open("/db");
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ(prefix_length(**opened), 20);
  EXPECT_EQ((*opened)->get(key_of(7), nullptr, "it").value(), value_of(7));
  EXPECT_EQ((*opened)->get(key_of(20), nullptr, "it").value(), std::nullopt);
  EXPECT_TRUE((*opened)->dropped_tails().empty());
}

// Found under load: a table that a compaction is writing was taken for a damaged one.
TEST_F(LevelDbOpen, ReadsThroughTheTablesThatItConsistsOfAndNoOthers) {
  fill("/db", 200);
  const auto opened = open("/db");  // its log becomes a table
  ASSERT_TRUE(opened) << opened.error().to_string();
  env_.write("/db/000999.ldb", "the first half of a table");
  EXPECT_TRUE((*opened)->check_tables({}));
  std::string table;
  for (const std::string& file : env_.files("/db")) {
    if (file.ends_with(".ldb") && !file.ends_with("000999.ldb")) table = file;
  }
  ASSERT_FALSE(table.empty());
  std::string bytes = env_.read(table);
  bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
  env_.write(table, bytes);
  const Status found = (*opened)->check_tables({});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, "test-corrupt");
  EXPECT_NE(found.error().message.find(table.substr(4)), std::string::npos);
}

TEST_F(LevelDbOpen, MissingOrEmptyFolderIsMissingAndStaysSo) {
  EXPECT_EQ(code_of(open("/db")), "test-missing");
  EXPECT_TRUE(env_.files("/db").empty());
  const TestFolder folder;
  EXPECT_EQ(code_of(LevelDb::open(folder.path("db"), kWords, {})), "test-missing");
  EXPECT_FALSE(std::filesystem::exists(folder.path("db")));
  std::filesystem::create_directory(folder.path("db"));
  EXPECT_EQ(code_of(LevelDb::open(folder.path("db"), kWords, {})), "test-missing");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("db")));
}

TEST_F(LevelDbOpen, MissingCurrentIsMissingAndNeverAnEmptyDatabase) {
  fill("/db", 5);
  const std::string current = env_.read("/db/CURRENT");
  ASSERT_TRUE(env_.RemoveFile("/db/CURRENT").ok());
  const auto opened = open("/db");
  ASSERT_EQ(code_of(opened), "test-missing");
  EXPECT_NE(opened.error().message.find("CURRENT"), std::string::npos);
  EXPECT_EQ(code_of(create("/db")), "test-exists");
  env_.write("/db/CURRENT", current);
  EXPECT_EQ(prefix_length(**open("/db")), 5);
}

TEST_F(LevelDbOpen, CreateRefusesAFolderWithFiles) {
  fill("/db", 1);
  EXPECT_EQ(code_of(create("/db")), "test-exists");
  env_.write("/other/notes.txt", "mine");
  EXPECT_EQ(code_of(create("/other")), "test-exists");
}

TEST_F(LevelDbOpen, SecondOpeningIsInUseUnderAnySpelling) {
  const TestFolder folder;
  const auto first = LevelDb::create(folder.path("db"), kWords, {});
  ASSERT_TRUE(first) << first.error().to_string();
  std::filesystem::create_directory_symlink(folder.path("db"), folder.path("link"));
  for (const char* spelling : {"db", "./db", "db/../db", "link"}) {
    const auto second = LevelDb::open(folder.path(spelling), kWords, {});
    ASSERT_EQ(code_of(second), "test-in-use") << spelling;
    EXPECT_FALSE(second.error().next.empty());
  }
}

TEST_F(LevelDbOpen, FolderOfAnotherProcessIsInUse) {
  const TestFolder folder;
  std::array<int, 2> ready{};
  std::array<int, 2> done{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  ASSERT_EQ(::pipe(done.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = LevelDb::create(folder.path("db"), kWords, {});
    char byte = held ? 'y' : 'n';
    const bool told = ::write(ready[1], &byte, 1) == 1 && ::read(done[0], &byte, 1) == 1;
    ::_exit(told ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  EXPECT_EQ(code_of(LevelDb::open(folder.path("db"), kWords, {})), "test-in-use");
  ASSERT_EQ(::write(done[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(code_of(LevelDb::open(folder.path("db"), kWords, {})), "opened");
  for (const int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
}

TEST_F(LevelDbOpen, LogCutAtEveryByteOpensAtARecord) {
  std::vector<std::size_t> sizes;  // of the log, after 0, 1, 2... keys
  {
    const auto made = create("/db");
    ASSERT_TRUE(made);
    const std::string log = env_.newest_log("/db");
    sizes.push_back(env_.read(log).size());
    for (int i = 0; i < 9; ++i) {
      ASSERT_TRUE(put(**made, i));
      sizes.push_back(env_.read(log).size());
    }
  }
  const std::string log = env_.newest_log("/db");
  const std::string bytes = env_.read(log);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    env_.copy_folder("/db", "/cut");
    env_.write("/cut" + log.substr(3), bytes.substr(0, size));
    {
      const auto opened = open("/cut");
      ASSERT_TRUE(opened) << size << ": " << opened.error().to_string();
      const auto whole = std::prev(std::upper_bound(sizes.begin(), sizes.end(), size));
      ASSERT_EQ(prefix_length(**opened), whole - sizes.begin()) << size;
      ASSERT_EQ((*opened)->dropped_tails().size(), *whole == size ? 0U : 1U) << size;
      if (*whole != size) {
        const DroppedTail& tail = (*opened)->dropped_tails()[0];
        ASSERT_EQ(tail.bytes_kept, *whole);
        ASSERT_EQ(tail.bytes_dropped, size - *whole);
        ASSERT_FALSE(tail.cut);
      }
    }
    env_.remove_folder("/cut");
  }
}

TEST_F(LevelDbOpen, ZeroTailIsCutAndTheOriginalKept) {
  fill("/db", 30);
  const std::string log = env_.newest_log("/db");
  std::string bytes = env_.read(log);
  std::fill(bytes.begin() + 1536, bytes.end(), '\0');
  env_.write(log, bytes);
  for (const int attempt : {1, 2}) {  // the second with the original of the first in its way
    const std::string folder = "/copy";
    env_.copy_folder("/db", folder);
    const auto opened = open(folder);
    ASSERT_TRUE(opened) << opened.error().to_string();
    const int kept = prefix_length(**opened);
    EXPECT_GT(kept, 9);
    EXPECT_LT(kept, 15);
    ASSERT_EQ((*opened)->dropped_tails().size(), 1U);
    const DroppedTail& tail = (*opened)->dropped_tails()[0];
    EXPECT_TRUE(tail.cut);
    EXPECT_EQ("/db/" + tail.file, log);
    EXPECT_EQ(tail.bytes_kept + tail.bytes_dropped, bytes.size());
    EXPECT_LE(tail.bytes_kept, 1536U);
    EXPECT_EQ(tail.original_folder, "/copy.before-cut-" + std::to_string(attempt));
    for (const std::string& file : env_.files("/db")) {
      if (file.ends_with("/LOCK")) continue;
      EXPECT_EQ(env_.read(file), env_.read(tail.original_folder + file.substr(3))) << file;
    }
  }
}

TEST_F(LevelDbOpen, ZeroTailIsCutOnDiskWithHardLinks) {
  const TestFolder folder;
  const std::string path = folder.path("db");
  {
    const auto made = LevelDb::create(path, kWords, {});
    ASSERT_TRUE(made) << made.error().to_string();
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(put(**made, i));
  }
  std::string log;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".log") log = entry.path().filename().string();
  }
  const auto size = std::filesystem::file_size(path + "/" + log);
  std::filesystem::resize_file(path + "/" + log, 1536);
  std::filesystem::resize_file(path + "/" + log, size);
  const auto opened = LevelDb::open(path, kWords, {});
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_GT(prefix_length(**opened), 9);
  ASSERT_EQ((*opened)->dropped_tails().size(), 1U);
  const std::string original = (*opened)->dropped_tails()[0].original_folder;
  EXPECT_EQ(std::filesystem::file_size(original + "/" + log), size);
  EXPECT_TRUE(std::filesystem::exists(original + "/CURRENT"));
}

TEST_F(LevelDbOpen, CutThatIsInterruptedAnywhereLosesNothing) {
  fill("/db", 30);
  const std::string log = env_.newest_log("/db");
  std::string bytes = env_.read(log);
  std::fill(bytes.begin() + 1536, bytes.end(), '\0');
  env_.write(log, bytes);
  int interrupted = 0;
  for (std::uint64_t steps = 0; steps < 12; ++steps) {
    for (const bool syncs : {false, true}) {
      const std::string folder = "/cut";
      env_.copy_folder("/db", folder);
      syncs ? env_.fail_syncs_from(steps) : env_.fail_appends_from(steps);
      if (code_of(open(folder)) == "test-unreadable") ++interrupted;
      env_.heal();
      const auto opened = open(folder);
      ASSERT_TRUE(opened) << steps << ": " << opened.error().to_string();
      EXPECT_GT(prefix_length(**opened), 9) << steps;
      for (const char* kept : {"/cut.before-cut-1", "/cut.before-cut-2"}) {
        for (const std::string& file : env_.files("/db")) {
          if (!env_.FileExists(std::string(kept) + "/CURRENT") || file.ends_with("LOCK")) continue;
          ASSERT_EQ(env_.read(kept + file.substr(3)), env_.read(file)) << steps << kept << file;
        }
      }
      for (const char* used : {"/cut", "/cut.before-cut-1", "/cut.before-cut-2"}) {
        env_.remove_folder(used);
      }
    }
  }
  EXPECT_GT(interrupted, 4);
}

TEST_F(LevelDbOpen, OlderLogMustBeWholeIfANewerOneGoesOn) {
  fill("/db", 9);
  const std::string log = env_.newest_log("/db");
  const std::string bytes = env_.read(log);
  const std::string newer = "/db/000099.log";
  env_.write(newer, "");
  env_.write(log, bytes.substr(0, bytes.size() - 5));
  {
    env_.copy_folder("/db", "/copy");
    const auto opened = open("/copy");  // a power cut between the two logs
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_EQ(prefix_length(**opened), 8);
  }
  env_.write(newer, bytes);
  const auto opened = open("/db");
  ASSERT_EQ(code_of(opened), "test-corrupt");
  EXPECT_NE(opened.error().message.find(log), std::string::npos) << opened.error().message;
  env_.write(log, bytes);
  EXPECT_EQ(prefix_length(**open("/db")), 9);
}

TEST_F(LevelDbOpen, MissingFilesAreNamed) {
  fill("/db", 9);
  ASSERT_TRUE(open("/db"));  // moves the keys from the log to a table
  int named = 0;
  for (const std::string& file : env_.files("/db")) {
    if (!file.ends_with(".log") && !file.ends_with(".ldb") &&
        file.find("MANIFEST") == std::string::npos) {
      continue;
    }
    env_.copy_folder("/db", "/copy");
    const std::string lost = "/copy" + file.substr(3);
    ASSERT_TRUE(env_.RemoveFile(lost).ok());
    const auto opened = open("/copy");
    ASSERT_EQ(code_of(opened), "test-corrupt") << lost;
    const std::string number = lost.substr(lost.find("0000"), 6);
    EXPECT_NE(opened.error().message.find(number), std::string::npos) << opened.error().message;
    EXPECT_EQ(opened.error().next, "Set it aside.");
    env_.remove_folder("/copy");
    ++named;
  }
  EXPECT_EQ(named, 3);
}

TEST_F(LevelDbOpen, NoBitOfAnyFileFlipsUnnoticed) {
  fill("/db", 12);
  {
    const auto opened = open("/db");
    ASSERT_TRUE(opened);
    for (int i = 12; i < 18; ++i) ASSERT_TRUE(put(**opened, i));
  }
  std::map<std::string, int> noticed;
  for (const std::string& file : env_.files("/db")) {
    const std::string bytes = env_.read(file);
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += file.ends_with(".ldb") ? 11 : 3) {
      env_.copy_folder("/db", "/flip");
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      env_.write("/flip" + file.substr(3), flipped);
      {
        const auto opened = open("/flip");
        if (!opened) {
          ASSERT_TRUE(code_of(opened) == "test-corrupt" || code_of(opened) == "test-unreadable")
              << file << " bit " << bit << ": " << opened.error().to_string();
          ++noticed[file];
        } else {
          // Some bits mean nothing, as those between the end of a footer's handles and its magic.
          const int found = prefix_length(**opened);
          const int asked = prefix_length_by_get(**opened, 18);
          ASSERT_TRUE(found == 18 || found == kUnreadable)
              << file << " bit " << bit << ": " << found;
          ASSERT_TRUE(asked == 18 || asked == kUnreadable)
              << file << " bit " << bit << ": " << asked;
          noticed[file] += found == kUnreadable ? 1 : 0;
        }
      }
      env_.remove_folder("/flip");
    }
  }
  EXPECT_GE(noticed.size(), 4U);  // CURRENT, MANIFEST, log and table
}

TEST_F(LevelDbOpen, CompactionNeverLaundersDamage) {
  fill("/db", 6);
  for (int i = 6; i < 12; i += 2) {  // one more table at each opening, and the fourth is too many
    const auto opened = open("/db");
    ASSERT_TRUE(opened);
    ASSERT_TRUE(put(**opened, i));
    ASSERT_TRUE(put(**opened, i + 1));
    ASSERT_TRUE(put(**opened, 0));  // overlaps, so that the tables are merged
  }
  const std::string table = env_.files("/db").at(0);
  ASSERT_TRUE(table.ends_with(".ldb"));
  const std::string bytes = env_.read(table);
  int damaged = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 7) {
    env_.copy_folder("/db", "/flip");
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    env_.write("/flip" + table.substr(3), flipped);
    for (int openings = 0; openings < 2; ++openings) {  // compacts, if it can; closing waits for it
      const auto opened = open("/flip");
      if (!opened) continue;
      const int asked = prefix_length_by_get(**opened, 12);
      ASSERT_TRUE(asked == 12 || asked == kUnreadable) << "bit " << bit << ": " << asked;
      damaged += asked == kUnreadable ? 1 : 0;
    }
    env_.remove_folder("/flip");
  }
  EXPECT_GT(damaged, 100);
}

TEST_F(LevelDbOpen, FirstFailedWriteIsTheLast) {
  for (const bool syncs : {false, true}) {
    for (std::uint64_t step = 0; step < 2; ++step) {
      const std::string folder = "/db" + std::to_string(step) + (syncs ? "s" : "a");
      fill(folder, 4);
      {
        const auto opened = open(folder);
        ASSERT_TRUE(opened);
        syncs ? env_.fail_syncs_from(step) : env_.fail_appends_from(step);
        Status written;
        int next = 4;
        while ((written = put(**opened, next, 80, true))) ++next;
        EXPECT_EQ(written.error().code, "test-write-failed");
        EXPECT_EQ(written.error().kind, ErrorKind::kEnvironment);
        env_.heal();
        const Status again = put(**opened, next, 80, true);
        ASSERT_FALSE(again);
        EXPECT_EQ(again.error().code, "test-stopped");
        EXPECT_EQ(prefix_length(**opened), next);
      }
      const auto opened = open(folder);
      ASSERT_TRUE(opened) << opened.error().to_string();
      EXPECT_GE(prefix_length(**opened), 4);
    }
  }
}

TEST_F(LevelDbOpen, LogIsSyncedBeforeTheNextOneIsUsed) {
  constexpr std::size_t kLarge = 100'000;
  int written = 0;
  {
    const auto made = create("/db");
    ASSERT_TRUE(made);
    env_.hold_background();
    const std::string first = env_.newest_log("/db");
    while (env_.newest_log("/db") == first) ASSERT_TRUE(put(**made, written++, kLarge));
    ASSERT_TRUE(put(**made, written++, kLarge));
    env_.stop();
    env_.release_background();
  }
  env_.cut_power(FaultyEnv::PowerCut::kLosesUnsynced);
  env_.heal();
  const auto opened = open("/db");
  ASSERT_TRUE(opened) << opened.error().to_string();
  // The two that went to the second log are lost, and none of those before them.
  EXPECT_EQ(prefix_length(**opened, kLarge), written - 2);
}

TEST_F(LevelDbOpen, SyncMakesEverythingBeforeItDurable) {
  for (const auto cut : {FaultyEnv::PowerCut::kLosesUnsynced, FaultyEnv::PowerCut::kLeavesZeros,
                         FaultyEnv::PowerCut::kTearsSectors}) {
    env_.remove_folder("/db");
    {
      const auto made = create("/db");
      ASSERT_TRUE(made);
      for (int i = 0; i < 20; ++i) ASSERT_TRUE(put(**made, i, 80, i == 9));
      env_.stop();
    }
    env_.cut_power(cut);
    env_.heal();
    const auto opened = open("/db");
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_GE(prefix_length(**opened), 10);
  }
}

TEST_F(LevelDbOpen, NoLogEndsInAZeroByte) {
  const auto made = create("/db");
  ASSERT_TRUE(made);
  leveldb::WriteBatch batch;
  batch.Put("k", std::string(1000, '\0'));
  ASSERT_TRUE((*made)->write(batch, true));
  EXPECT_NE(env_.read(env_.newest_log("/db")).back(), '\0');
}

TEST_F(LevelDbOpen, SnapshotSeesNothingLater) {
  const auto made = create("/db");
  ASSERT_TRUE(made);
  ASSERT_TRUE(put(**made, 0, 80));
  const auto before = (*made)->snapshot();
  ASSERT_TRUE(put(**made, 0, 200));
  ASSERT_TRUE(put(**made, 1, 80));
  EXPECT_EQ((*made)->get(key_of(0), before, "it").value(), value_of(0, 80));
  EXPECT_EQ((*made)->get(key_of(1), before, "it").value(), std::nullopt);
  EXPECT_EQ((*made)->get(key_of(0), nullptr, "it").value(), value_of(0, 200));
}

TEST_F(LevelDbOpen, TableThatShrinksUnderAnOpenDatabaseIsAnErrorNotACrash) {
  const TestFolder folder;
  const std::string path = folder.path("db");
  {
    const auto made = LevelDb::create(path, kWords, {});
    ASSERT_TRUE(made) << made.error().to_string();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(**made, i));
  }
  const auto opened = LevelDb::open(path, kWords, {});
  ASSERT_TRUE(opened) << opened.error().to_string();
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".ldb") std::filesystem::resize_file(entry.path(), 0);
  }
  const auto value = (*opened)->get(key_of(7), nullptr, "key seven");
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message.find("key seven"), std::string::npos);
}

TEST_F(LevelDbOpen, IdentityTellsChainsAndFormatsApart) {
  const auto chain = crypto::sha256(as_bytes("chain"));
  const auto other = crypto::sha256(as_bytes("other"));
  const auto made = create("/db");
  ASSERT_TRUE(made);
  EXPECT_EQ(read_identity(**made, chain).error().code, "test-corrupt");  // none yet

  const auto identify = [&](const StoreIdentity& identity) {
    leveldb::WriteBatch batch;
    put_identity(batch, identity);
    ASSERT_TRUE((*made)->write(batch, true));
  };
  identify({1, chain, other});
  EXPECT_EQ(read_identity(**made, chain)->store_id, other);
  EXPECT_EQ(read_identity(**made, other).error().code, "test-other-chain");
  identify({2, chain, other});
  EXPECT_EQ(read_identity(**made, chain).error().code, "test-newer-format");
  EXPECT_EQ(read_identity(**made, chain).error().kind, ErrorKind::kUnsupported);
  identify({0, chain, other});
  EXPECT_EQ(read_identity(**made, chain).error().code, "test-corrupt");
}

}  // namespace
}  // namespace quorate::ledger
