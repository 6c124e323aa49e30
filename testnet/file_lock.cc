#include "testnet/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <thread>

namespace quorate::testnet {
namespace {

constexpr std::chrono::milliseconds kPollPause{20};

tl::unexpected<Error> lock_failed(const std::filesystem::path& file, int trouble) {
  return fail(ErrorKind::kEnvironment, "lock-failed",
              fmt::format("Cannot lock {}: {}", file.string(),
                          std::generic_category().message(trouble)),
              "The folder must exist and be writable for this user.");
}

// Whether `fd` is still what the path names: its last holder may have removed it meanwhile.
bool is_same_file(int fd, const std::filesystem::path& file) {
  struct stat held{};
  struct stat named{};
  return ::fstat(fd, &held) == 0 && ::stat(file.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

}  // namespace

Result<std::optional<FileLock>> FileLock::try_acquire(const std::filesystem::path& file) {
  while (true) {
    node::Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!descriptor.is_open()) return lock_failed(file, errno);
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::nullopt;
      if (errno == EINTR) continue;
      return lock_failed(file, errno);
    }
    if (is_same_file(descriptor.get(), file)) return FileLock(file, std::move(descriptor));
  }
}

Result<std::optional<FileLock>> FileLock::acquire_within(const std::filesystem::path& file,
                                                         std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto lock = try_acquire(file);
    if (!lock || *lock || std::chrono::steady_clock::now() >= deadline) return lock;
    std::this_thread::sleep_for(kPollPause);
  }
}

bool FileLock::is_current() const { return is_same_file(descriptor_.get(), file_); }

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this == &other) return *this;
  release();
  file_ = std::move(other.file_);
  descriptor_ = std::move(other.descriptor_);
  return *this;
}

FileLock::~FileLock() { release(); }

void FileLock::release() {
  std::error_code ignored;
  if (descriptor_.is_open() && is_current()) std::filesystem::remove(file_, ignored);
  descriptor_.reset();
}

}  // namespace quorate::testnet
