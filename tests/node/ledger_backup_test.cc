// Backups of a ledger that is written to meanwhile, and what restoring refuses.

#include "node/ledger_backup.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "ledger/log_view.h"
#include "ledger/stopped_ledger.h"
#include "node/files.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

using namespace ledger::test;  // NOLINT: the example network's people and what they make
namespace fs = std::filesystem;

class LedgerBackup : public testing::Test {
 protected:
  LedgerBackup() {
    fs::create_directories(home_.root);
    fs::create_directories(other_.root);
    store_ = ledger::Store::create(home_.ledger(), genesis_).value();
  }
  void append(int blocks, std::size_t value_bytes = 100) {
    for (; blocks > 0; --blocks) {
      const std::uint64_t nonce = ++nonce_;
      append_block(*store_, genesis_,
                   {sign(example_body(genesis_, nonce,
                                      {put("key/" + std::to_string(nonce % 7),
                                           std::string(value_bytes, 'v'))}))});
    }
  }
  Result<BackupFacts> back_up(const std::string& name) {
    return make_backup(home_.root, folder_.path() / name, genesis_, {});
  }
  Result<Restored> restore(const std::string& name, bool replace = false) {
    return restore_backup(folder_.path() / name, other_, genesis_, replace, {});
  }
  static void flip(const fs::path& file, std::uint64_t offset) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(bytes.get() ^ 1);
    bytes.seekp(static_cast<std::streamoff>(offset));
    bytes.put(byte);
  }

  const quorate::test::TemporaryFolder folder_;
  const Home home_{folder_.path() / "home"};
  const Home other_{folder_.path() / "other"};
  const ledger::Genesis genesis_ = [] {
    ledger::Genesis genesis = example_genesis();
    genesis.parameters.checkpoint_interval = 2;
    return genesis;
  }();
  std::unique_ptr<ledger::Store> store_;
  std::uint64_t nonce_ = 0;
};

TEST_F(LedgerBackup, IsTheLedgerAtItsHeadAndComesBack) {
  append(5);
  const BackupFacts facts = back_up("backup").value();
  EXPECT_EQ(facts.height, ledger::Height{5});
  EXPECT_EQ(facts.root, store_->tree_head().root);
  EXPECT_EQ(read_backup(folder_.path() / "backup").value().height, facts.height);
  const Restored restored = restore("backup").value();
  EXPECT_TRUE(restored.set_aside.empty());
  auto again = ledger::Store::open(other_.ledger(), ledger::chain_id_of(genesis_)).value();
  EXPECT_EQ(again->tree_head(), store_->tree_head());
  EXPECT_EQ(again->get(to_bytes("key/1")).value(), store_->get(to_bytes("key/1")).value());
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_.path() / "backup")) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{"backup.json", "genesis.json", "ledger"}))
      << "nothing that votes";
}

// Tables are made and removed, and logs begun, while files are copied.
TEST_F(LedgerBackup, OfALedgerThatIsWrittenToIsAtABlock) {
  std::atomic<bool> is_done = false;
  append(1);
  std::thread writer([&] {
    while (!is_done) {
      append(1, 100'000);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 4; ++i) {
    const auto facts = back_up("backup-" + std::to_string(i));
    EXPECT_TRUE(facts) << facts.error().to_string();
    if (!facts) break;
    EXPECT_GE(facts->height.value, last);
    last = facts->height.value;
    EXPECT_EQ(facts->root, store_->log().root(last).value());
  }
  is_done = true;
  writer.join();
}

TEST_F(LedgerBackup, NeverTakesAFinishedName) {
  append(1);
  fs::create_directories(folder_.path() / "backup.unfinished" / "ledger");
  EXPECT_TRUE(back_up("backup")) << "what was broken off is removed";
  EXPECT_FALSE(fs::exists(folder_.path() / "backup.unfinished"));
  EXPECT_EQ(back_up("backup").error().code, "backup-exists");
  EXPECT_EQ(make_backup(folder_.path() / "none", folder_.path() / "b", genesis_, {}).error().code,
            "ledger-missing");
  EXPECT_FALSE(fs::exists(folder_.path() / "b"));
}

TEST_F(LedgerBackup, OfADamagedLedgerIsNone) {
  append(3);
  store_.reset();
  fs::path log;
  for (const auto& entry : fs::directory_iterator(home_.ledger())) {
    if (entry.path().extension() == ".log") log = entry.path();
  }
  flip(log, fs::file_size(log) / 2);
  EXPECT_EQ(back_up("backup").error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(fs::exists(folder_.path() / "backup"));
}

TEST_F(LedgerBackup, RestoreRefusesWhatIsNotAsItWasMade) {
  append(3);
  const BackupFacts facts = back_up("backup").value();
  for (const ledger::CopiedFile& file : facts.files) {
    const fs::path path = folder_.path() / "backup" / "ledger" / file.name;
    if (file.bytes == 0) continue;
    flip(path, file.bytes / 2);
    EXPECT_EQ(restore("backup").error().code, "copy-differs") << file.name;
    flip(path, file.bytes / 2);
    EXPECT_FALSE(fs::exists(other_.ledger()));
  }
  EXPECT_TRUE(restore("backup"));
  EXPECT_EQ(restore("backup").error().code, "ledger-exists");
  const Restored replaced = restore("backup", true).value();
  EXPECT_EQ(replaced.set_aside.filename(), "ledger.before-restore-1");
  EXPECT_TRUE(fs::exists(replaced.set_aside / "CURRENT"));
  EXPECT_EQ(restore("none").error().code, "backup-missing");
  ledger::Genesis elsewhere = genesis_;
  elsewhere.name = "elsewhere";
  EXPECT_EQ(restore_backup(folder_.path() / "backup", other_, elsewhere, true, {}).error().code,
            "backup-other-chain");
}

TEST_F(LedgerBackup, FileNamesInABackupAreNoPaths) {
  append(1);
  ASSERT_TRUE(back_up("backup"));
  const fs::path file = folder_.path() / "backup" / "backup.json";
  const std::string text = read_file(file, 1 << 20).value();
  for (const std::string_view name : {"../genesis.json", ".", "", "a/b"}) {
    std::string changed = text;
    changed.replace(changed.find("CURRENT"), 7, name);
    ASSERT_TRUE(replace_file(file, changed));
    EXPECT_EQ(restore("backup").error().code, "backup-malformed") << name;
  }
  ASSERT_TRUE(replace_file(file, R"({"format":2})"));
  EXPECT_EQ(restore("backup").error().code, "backup-newer-format");
}

}  // namespace
}  // namespace quorate::node
