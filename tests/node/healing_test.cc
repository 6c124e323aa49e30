// A damaged ledger is set aside and rebuilt, also by a node that was stopped in the middle.

#include "node/healing.h"

#include <gtest/gtest.h>

#include <fstream>

#include "ledger/store.h"
#include "node/files.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;

const Error kDamage{ErrorKind::kCorrupt, "ledger-corrupt", "000005.ldb: block checksum mismatch",
                    ""};

class HealingTest : public testing::Test {
 protected:
  HealingTest() {
    const auto store = ledger::Store::create(home_.ledger(), genesis_).value();
    for (int i = 0; i < kBlocks; ++i) ledger::test::append_block(*store, genesis_, {});
    EXPECT_TRUE(store->sync());
  }
  [[nodiscard]] std::uint64_t height() const {
    const auto store = ledger::Store::open(home_.ledger(), ledger::chain_id_of(genesis_));
    return store ? (*store)->height().value : 0;
  }
  [[nodiscard]] Healing healing() const { return *read_healing(home_.healing()).value(); }
  Status rebuild(bool is_stopped = false) {
    return rebuild_ledger(home_, genesis_, [is_stopped] { return is_stopped; });
  }

  static constexpr int kBlocks = 300;  // more than a window of the salvage
  quorate::test::TemporaryFolder folder_;
  const Home home_{folder_.path()};
  const ledger::Genesis genesis_ = ledger::test::example_genesis();
};

TEST_F(HealingTest, KeepsWhatVerifiesAndTellsOfIt) {
  ASSERT_TRUE(set_ledger_aside(home_, kDamage));
  EXPECT_FALSE(fs::exists(home_.ledger()));
  EXPECT_FALSE(healing().is_done);
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(height(), std::uint64_t{kBlocks});
  EXPECT_TRUE(healing().is_done);
  EXPECT_EQ(healing().kept_blocks, std::uint64_t{kBlocks});
  EXPECT_EQ(healing().damage, kDamage.message);
  EXPECT_TRUE(fs::exists(home_.root / healing().set_aside / "CURRENT"));
  EXPECT_NE(healing_text(healing()).find("300 blocks"), std::string::npos);
}

TEST_F(HealingTest, WithoutDamageNothingIsDone) {
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(height(), std::uint64_t{kBlocks});
  EXPECT_FALSE(read_healing(home_.healing()).value());
  ASSERT_TRUE(set_ledger_aside(home_, kDamage));
  ASSERT_TRUE(rebuild());
  const std::string told = read_file(home_.healing(), 1 << 20).value();
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(read_file(home_.healing(), 1 << 20).value(), told);
}

TEST_F(HealingTest, GoesOnAfterItWasBrokenOff) {
  ASSERT_TRUE(set_ledger_aside(home_, kDamage));
  const Status stopped = rebuild(true);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, "salvage-interrupted");
  EXPECT_FALSE(fs::exists(home_.ledger()));
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(height(), std::uint64_t{kBlocks});
  EXPECT_FALSE(fs::exists(home_.rebuilt()));
}

TEST_F(HealingTest, OfWhatCannotBeOpenedNothingIsKept) {
  fs::remove(home_.ledger() / "CURRENT");
  ASSERT_TRUE(set_ledger_aside(home_, kDamage));
  ASSERT_TRUE(rebuild());
  EXPECT_FALSE(fs::exists(home_.ledger()));  // a snapshot, or all blocks from the peers
  EXPECT_FALSE(fs::exists(home_.rebuilt()));
  EXPECT_TRUE(healing().is_done);
  EXPECT_EQ(healing().kept_blocks, 0U);
}

TEST_F(HealingTest, SecondDamageHasAFolderOfItsOwn) {
  ASSERT_TRUE(set_ledger_aside(home_, kDamage));
  const std::string first = healing().set_aside;
  ASSERT_TRUE(rebuild());
  ASSERT_TRUE(set_ledger_aside(home_, kDamage));
  EXPECT_NE(healing().set_aside, first);
  EXPECT_TRUE(fs::exists(home_.root / first));
  ASSERT_TRUE(rebuild());
  EXPECT_EQ(height(), std::uint64_t{kBlocks});
}

TEST_F(HealingTest, RefusesAFileThatIsNone) {
  for (const std::string_view text :
       {"", "{}", "[]",
        R"({"found_ms":1,"damage":"d","set_aside":"../x","done":true,"kept_blocks":0})",
        R"({"found_ms":1,"damage":"d","set_aside":"ledger.damaged-/../x","done":true,)"
        R"("kept_blocks":0})"}) {
    std::ofstream(home_.healing()) << text;
    const auto read = read_healing(home_.healing());
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, "healing-malformed");
  }
}

TEST(HealingRule, OnlyBytesThatRottedAreHealed) {
  EXPECT_TRUE(is_ledger_damage(kDamage));
  EXPECT_FALSE(is_ledger_damage({ErrorKind::kCorrupt, "ledger-diverged", "", ""}));
  EXPECT_FALSE(is_ledger_damage({ErrorKind::kCorrupt, "vote-store-corrupt", "", ""}));
}

}  // namespace
}  // namespace quorate::node
