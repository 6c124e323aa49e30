// Where a follower puts events: after any end, its files say exactly where to go on.

#include "node/commands/follow_output.h"

#include <gtest/gtest.h>

#include <fstream>

#include "node/files.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

const std::string kFirst = R"({"type":"transaction","cursor":"tx:00:1:1"})" "\n";
const std::string kSecond = R"({"type":"transaction","cursor":"tx:00:1:2"})" "\n";

class FollowOutput : public testing::Test {
 protected:
  [[nodiscard]] std::string content() const { return read_file(file_, 1 << 20).value(); }
  void fill(const std::string& text) const {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << text;
  }

  const quorate::test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "out";
};

TEST_F(FollowOutput, BeginsAnewAndGoesOnFromItsLastLine) {
  {
    auto output = AppendedFile::open(file_).value();
    EXPECT_FALSE(output.cursor());
    EXPECT_TRUE(output.append(kFirst));
    EXPECT_TRUE(output.append(kSecond));
  }
  auto output = AppendedFile::open(file_).value();
  EXPECT_EQ(output.cursor(), "tx:00:1:2");
  EXPECT_EQ(content(), kFirst + kSecond);
}

TEST_F(FollowOutput, AKillAtAnyByteLeavesItsWholeLines) {
  const std::string whole = kFirst + kSecond;
  for (std::size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    fill(whole.substr(0, bytes));
    {
      auto output = AppendedFile::open(file_).value();
      const bool has_first = bytes >= kFirst.size();
      const bool has_second = bytes == whole.size();
      EXPECT_EQ(output.cursor().value_or(""), has_second  ? "tx:00:1:2"
                                              : has_first ? "tx:00:1:1"
                                                          : "");
      if (!has_first) {
        EXPECT_TRUE(output.append(kFirst));
      }
      if (!has_second) {
        EXPECT_TRUE(output.append(kSecond));
      }
    }
    EXPECT_EQ(content(), whole) << "cut at " << bytes;
  }
}

TEST_F(FollowOutput, FindsALineThatIsLongerThanItReadsAtATime) {
  const std::string value(300'000, 'x');
  fill(kFirst + R"({"value":")" + value + R"(","cursor":"tx:00:9:9"})" + "\n" + value);
  fill(content().substr(0, content().size() - value.size()) + "{" + value);
  EXPECT_EQ(AppendedFile::open(file_).value().cursor(), "tx:00:9:9");
}

TEST_F(FollowOutput, LeavesForeignFilesAlone) {
  for (const std::string text : {"notes\n", "notes", "{}\n", "\n"}) {
    fill(text);
    EXPECT_EQ(AppendedFile::open(file_).error().code, "output-not-ours") << text;
    EXPECT_EQ(content(), text);
  }
}

TEST_F(FollowOutput, IsOneFollowersAtATime) {
  const auto output = AppendedFile::open(file_).value();
  EXPECT_EQ(AppendedFile::open(file_).error().code, "output-in-use");
  const auto cursor = CursorFile::open(folder_.path() / "place").value();
  EXPECT_EQ(CursorFile::open(folder_.path() / "place").error().code, "cursor-in-use");
}

TEST_F(FollowOutput, ACursorFileHoldsTheLastOne) {
  {
    auto cursor = CursorFile::open(file_).value();
    EXPECT_FALSE(cursor.cursor());
    EXPECT_TRUE(cursor.store("change:832a9c28f9653526:18446744073709551615:4294967295"));
    EXPECT_TRUE(cursor.store("tx:00:7:1"));
  }
  EXPECT_EQ(CursorFile::open(file_).value().cursor(), "tx:00:7:1");
  for (const std::string text : {"x\n", "\n", "tx:00:7:1", "tx:00:7\n"}) {
    fill(text);
    EXPECT_EQ(CursorFile::open(file_).error().code, "cursor-file-malformed") << text;
  }
}

}  // namespace
}  // namespace quorate::node
