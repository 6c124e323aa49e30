#include "testnet/pow_folder.h"

#include <gtest/gtest.h>

#include <atomic>

#include "node/files.h"
#include "pow/miner.h"
#include "tests/support/temporary_folder.h"

namespace quorate::testnet {
namespace {

namespace fs = std::filesystem;

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
        folder.chain().draft({}, extranonce, kNow.value / 1000, node::kPowBlockBytesMax).value();
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
  EXPECT_EQ(folder.dropped_writes(), 0U);
  ASSERT_TRUE(folder.step(pow::Reconsider{first->hash}, kNow));
  folder = again(std::move(folder));
  EXPECT_EQ(folder.chain().chain().tip().height.value, 2U);
}

TEST_F(PowFolderTest, TheJournalTellsEveryStep) {
  PowFolder folder = make("a");
  const pow::BlockPtr first = grow(folder, 1);
  const Journal before = folder.journal().value();
  grow(folder, 2);
  ASSERT_TRUE(folder.step(pow::Invalidate{first->hash}, kNow));
  const Journal told = folder.journal().value();
  ASSERT_EQ(told.lines.size(), 4U);
  EXPECT_NE(told.lines[2].find(" disconnect 2 "), std::string::npos);
  EXPECT_NE(told.lines[3].find(" disconnect 1 " + pow::display_hex(first->hash)),
            std::string::npos);
  EXPECT_NE(told.root, before.root);
  EXPECT_EQ(told.origin, before.origin);
  folder = again(std::move(folder));
  EXPECT_EQ(folder.journal()->root, told.root);
  EXPECT_NE(make("b").journal()->origin, told.origin);
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
  EXPECT_EQ(with("chain.json", "{\"format\": 3}"), "pow-folder-newer");
  EXPECT_EQ(with("chain.json", "{\"format\": 1}"), "pow-folder-older");
  EXPECT_EQ(with("chain.json", "{\"format\": 2}"), "pow-folder-malformed");
  EXPECT_EQ(with("chain.json", "{"), "pow-folder-malformed");
  // Another network's.
  const PowFolder other = make("b");
  EXPECT_EQ(with("genesis.json", node::read_file(other.root() / "genesis.json", 1 << 20).value()),
            "chain-store-other-chain");
  EXPECT_TRUE(PowFolder::open(root));
}

}  // namespace
}  // namespace quorate::testnet
