#include "testnet/tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace quorate::testnet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Tail : public testing::Test {
 protected:
  void append(const std::string& text) { std::ofstream(file_, std::ios::app) << text; }

  quorate::test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "a.log";
};

TEST_F(Tail, ShowsTheLastLines) {
  append("a\nb\nc\n");
  EXPECT_THAT(last_lines(file_, 2), ElementsAre("b", "c"));
  EXPECT_THAT(last_lines(file_, 9), ElementsAre("a", "b", "c"));
}

TEST_F(Tail, ShowsALineWithoutEnd) {
  append("a\nb");
  EXPECT_THAT(last_lines(file_, 2), ElementsAre("a", "b"));
}

TEST_F(Tail, ShowsWholeLinesOfAFileThatIsTooLong) {
  for (int i = 0; i < 10'000; ++i) append(std::string(99, 'x') + "\n");
  append("end\n");
  const auto lines = last_lines(file_, 1'000'000);
  EXPECT_LT(lines.size(), 3000u);
  EXPECT_EQ(lines.front(), std::string(99, 'x'));
  EXPECT_EQ(lines.back(), "end");
}

TEST_F(Tail, IsEmptyForWhatIsNoFile) {
  EXPECT_THAT(last_lines(file_, 5), IsEmpty());
  EXPECT_THAT(last_lines(folder_.path(), 5), IsEmpty());
}

TEST_F(Tail, AFollowerSeesWhatIsAppendedInWholeLines) {
  append("before\n");
  Follower follower(file_);
  EXPECT_THAT(follower.next(), IsEmpty());
  append("one\ntw");
  EXPECT_THAT(follower.next(), ElementsAre("one"));
  append("o\n");
  EXPECT_THAT(follower.next(), ElementsAre("two"));
}

TEST_F(Tail, AFollowerGoesOnInTheNextFileAfterARotation) {
  append("before\n");
  Follower follower(file_);
  std::filesystem::rename(file_, folder_.path() / "a.1.log");
  EXPECT_THAT(follower.next(), IsEmpty());
  append("after\n");
  EXPECT_THAT(follower.next(), ElementsAre("after"));
}

TEST_F(Tail, AFollowerWaitsForAFileThatIsNotThereYet) {
  Follower follower(file_);
  append("first\n");
  EXPECT_THAT(follower.next(), ElementsAre("first"));
}

}  // namespace
}  // namespace quorate::testnet
