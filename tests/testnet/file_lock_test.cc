#include "testnet/file_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "tests/support/temporary_folder.h"

namespace quorate::testnet {
namespace {

class FileLockTest : public testing::Test {
 protected:
  std::optional<FileLock> try_lock() { return FileLock::try_acquire(file_).value(); }

  quorate::test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "a.lock";
};

TEST_F(FileLockTest, HasOneHolderAtATime) {
  auto first = try_lock();
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(try_lock().has_value());
  first.reset();
  EXPECT_TRUE(try_lock().has_value());
}

TEST_F(FileLockTest, RemovesItsFileAtTheEnd) {
  { const auto lock = try_lock(); }
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(FileLockTest, NoticesThatItsFileIsGoneAndLeavesANewOneAlone) {
  auto old = try_lock();
  ASSERT_TRUE(old->is_current());
  std::filesystem::remove(file_);
  EXPECT_FALSE(old->is_current());
  const auto fresh = try_lock();
  ASSERT_TRUE(fresh.has_value());
  old.reset();
  EXPECT_TRUE(std::filesystem::exists(file_));
  EXPECT_FALSE(try_lock().has_value());
}

TEST_F(FileLockTest, EndsWithItsProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = try_lock();
    ::_exit(lock ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(std::filesystem::exists(file_));  // left behind, and no obstacle
  EXPECT_TRUE(try_lock().has_value());
}

TEST_F(FileLockTest, SaysWhyTheFileCannotBeMade) {
  const auto lock = FileLock::try_acquire(folder_.path() / "absent" / "a.lock");
  ASSERT_FALSE(lock.has_value());
  EXPECT_EQ(lock.error().code, "lock-failed");
}

}  // namespace
}  // namespace quorate::testnet
