#include "testnet/pow_folder.h"

#include <gtest/gtest.h>

#include <atomic>

#include "node/files.h"
#include "pow/miner.h"
#include "tests/support/temporary_folder.h"

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;

// -- Records -----------------------------------------------------------------------------------

class PowRecords : public testing::Test {
 protected:
  PowRecords() {
    put_record(bytes_, 'a', as_bytes("first"));
    first_ = bytes_.size();
    put_record(bytes_, 'b', {});
    put_record(bytes_, 'c', as_bytes("third"));
  }
  Bytes bytes_;
  std::size_t first_ = 0;
};

TEST_F(PowRecords, AreReadAsTheyWereWritten) {
  const Records read = read_records(bytes_).value();
  ASSERT_EQ(read.records.size(), 3U);
  EXPECT_EQ(read.records[0].kind, 'a');
  EXPECT_EQ(as_text(read.records[0].payload), "first");
  EXPECT_TRUE(read.records[1].payload.empty());
  EXPECT_EQ(read.good_bytes, bytes_.size());
  EXPECT_TRUE(read_records({}).value().records.empty());
}

TEST_F(PowRecords, ACutLosesTheLastOneAndNoOther) {
  for (std::size_t size = 0; size < bytes_.size(); ++size) {
    const auto read = read_records(ByteView(bytes_).first(size));
    ASSERT_TRUE(read) << size;
    ASSERT_LE(read->good_bytes, size);
    ASSERT_EQ(read->records.size(), size < first_ ? 0U : size < first_ + 9 ? 1U : 2U) << size;
  }
}

TEST_F(PowRecords, DamageBeforeTheLastIsRefused) {
  for (std::size_t i = 4; i < first_; ++i) {
    Bytes damaged = bytes_;
    damaged[i] ^= 1;
    const auto read = read_records(damaged);
    ASSERT_FALSE(read) << i;
    EXPECT_EQ(read.error().code, "pow-records-corrupt");
  }
  // In the last it cannot be told from what a crash leaves.
  Bytes damaged = bytes_;
  damaged.back() ^= 1;
  EXPECT_EQ(read_records(damaged).value().records.size(), 2U);
}

// -- The folder --------------------------------------------------------------------------------

constexpr ledger::TimeMs kNow{4'000'000'000'000};

class PowFolderTest : public testing::Test {
 protected:
  PowFolder make(const std::string& name) {
    auto folder = PowFolder::make(folder_.path() / name, {});
    EXPECT_TRUE(folder) << folder.error().to_string();
    return std::move(*folder);
  }
  // Opens it anew.
  static PowFolder again(PowFolder folder) {
    const fs::path root = folder.root();
    { const PowFolder closed = std::move(folder); }
    auto opened = PowFolder::open(root);
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }
  static pow::BlockPtr mine(PowFolder& folder, std::uint64_t extranonce) {
    pow::Block draft =
        folder.chain().draft({}, extranonce, kNow.value / 1000, kPowBlockBytesMax).value();
    const std::atomic<bool> stop = false;
    const auto found = pow::search_nonce(draft.header, 1, stop).found;
    return pow::finish_block(std::move(draft), *found);
  }
  static pow::BlockPtr grow(PowFolder& folder, std::uint64_t extranonce) {
    pow::BlockPtr block = mine(folder, extranonce);
    EXPECT_TRUE(folder.step(pow::BlockArrived{std::nullopt, block}, kNow));
    return block;
  }
  static ledger::Digest tip(PowFolder& folder) { return folder.chain().chain().tip().hash; }

  test::TemporaryFolder folder_;
};

TEST_F(PowFolderTest, StandsWhereItStoodWhenItIsOpenedAgain) {
  PowFolder folder = make("a");
  const pow::BlockPtr first = grow(folder, 1);
  grow(folder, 2);
  // A fork, by hand, and back.
  ASSERT_TRUE(folder.step(pow::Invalidate{first->hash}, kNow));
  const pow::BlockPtr other = grow(folder, 7);
  const ledger::Digest root = folder.chain().state().root();
  folder = again(std::move(folder));
  EXPECT_EQ(tip(folder), other->hash);
  EXPECT_EQ(folder.chain().state().root(), root);
  EXPECT_EQ(folder.chain().chain().tips().size(), 2U);
  EXPECT_EQ(folder.dropped_bytes(), 0U);
  ASSERT_TRUE(folder.step(pow::Reconsider{first->hash}, kNow));
  folder = again(std::move(folder));
  EXPECT_EQ(folder.chain().chain().tip().height.value, 2U);
}

TEST_F(PowFolderTest, TheJournalTellsEveryStepAndACrashTakesNone) {
  PowFolder folder = make("a");
  const pow::BlockPtr first = grow(folder, 1);
  const Journal before = folder.journal();
  grow(folder, 2);
  ASSERT_TRUE(folder.step(pow::Invalidate{first->hash}, kNow));
  ASSERT_EQ(folder.journal().lines.size(), 4U);
  EXPECT_NE(folder.journal().lines[2].find(" disconnect 2 "), std::string::npos);
  EXPECT_NE(folder.journal().lines[3].find(" disconnect 1 " + pow::display_hex(first->hash)),
            std::string::npos);
  EXPECT_NE(folder.journal().root, before.root);
  ASSERT_TRUE(folder.step(pow::Reconsider{first->hash}, kNow));

  // Its last two lines are lost, one of them half: they are told again.
  const Journal whole = folder.journal();
  ASSERT_EQ(whole.lines.size(), 6U);
  std::string text;
  for (std::size_t i = 0; i < 4; ++i) text += whole.lines[i] + "\n";
  ASSERT_TRUE(node::replace_file(folder.root() / "journal.log", text + whole.lines[4].substr(9)));
  folder = again(std::move(folder));
  const Journal after = folder.journal();
  ASSERT_EQ(after.lines.size(), 6U);
  for (std::size_t i = 4; i < 6; ++i) {
    EXPECT_EQ(after.lines[i].substr(after.lines[i].find(' ')),
              whole.lines[i].substr(whole.lines[i].find(' ')));
  }
}

TEST_F(PowFolderTest, ARecordThatACrashCutOffIsDroppedAndMayComeAgain) {
  PowFolder folder = make("a");
  const pow::BlockPtr first = grow(folder, 1);
  const pow::BlockPtr second = grow(folder, 2);
  const fs::path records = folder.root() / "records.log";
  const std::string bytes = node::read_file(records, 1 << 20).value();
  ASSERT_TRUE(node::replace_file(records, bytes.substr(0, bytes.size() - 3)));
  folder = again(std::move(folder));
  EXPECT_GT(folder.dropped_bytes(), 0U);
  EXPECT_EQ(tip(folder), first->hash);
  // The journal follows.
  EXPECT_NE(folder.journal().lines.back().find(" disconnect 2 "), std::string::npos);
  ASSERT_TRUE(folder.step(pow::BlockArrived{std::nullopt, second}, kNow));
  folder = again(std::move(folder));
  EXPECT_EQ(folder.dropped_bytes(), 0U);
  EXPECT_EQ(tip(folder), second->hash);
}

TEST_F(PowFolderTest, NothingIsStoredOfWhatWasRefused) {
  PowFolder folder = make("a");
  const pow::BlockPtr block = grow(folder, 1);
  const auto size = fs::file_size(folder.root() / "records.log");
  const std::vector<decltype(pow::Input::event)> events{
      pow::Invalidate{folder.chain().chain().at({0})->hash()}, pow::Prefer{{}},
      pow::BlockArrived{std::nullopt, block}, pow::HeadersArrived{pow::PeerId{1}, {{}}}};
  for (const auto& event : events) ASSERT_TRUE(folder.step(event, kNow));
  EXPECT_EQ(fs::file_size(folder.root() / "records.log"), size);
}

TEST_F(PowFolderTest, DamagedFoldersAreRefusedByName) {
  fs::path root;
  {
    PowFolder folder = make("a");
    grow(folder, 1);
    root = folder.root();
    EXPECT_EQ(PowFolder::open(root).error().code, "pow-folder-busy");
  }
  EXPECT_EQ(PowFolder::make(root, {}).error().code, "pow-folder-not-empty");
  EXPECT_EQ(PowFolder::open(folder_.path() / "absent").error().code, "pow-folder-not-found");
  const auto with = [&](const std::string& name, const std::string& text) {
    const std::string kept = node::read_file(root / name, 1 << 20).value();
    EXPECT_TRUE(node::replace_file(root / name, text));
    const auto opened = PowFolder::open(root);
    EXPECT_TRUE(node::replace_file(root / name, kept));
    return opened ? "none" : opened.error().code;
  };
  EXPECT_EQ(with("chain.json", "{\"format\": 2}"), "pow-folder-newer");
  EXPECT_EQ(with("chain.json", "{\"format\": 1}"), "pow-folder-malformed");
  EXPECT_EQ(with("chain.json", "{"), "pow-folder-malformed");
  EXPECT_EQ(with("records.log", ""), "pow-folder-malformed");
  std::string records = node::read_file(root / "records.log", 1 << 20).value();
  records[20] = static_cast<char>(records[20] ^ 1);
  EXPECT_EQ(with("records.log", records), "pow-records-corrupt");
  // Another network's block 0.
  const PowFolder other = make("b");
  EXPECT_EQ(with("records.log", node::read_file(other.root() / "records.log", 1 << 20).value()),
            "pow-folder-malformed");
  EXPECT_EQ(with("genesis.json", node::read_file(other.root() / "genesis.json", 1 << 20).value()),
            "pow-folder-malformed");
  EXPECT_TRUE(PowFolder::open(root));
}

}  // namespace
}  // namespace quorate::testnet
