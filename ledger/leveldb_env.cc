#include "ledger/leveldb_env.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "ledger/durable_file.h"

namespace quorate::ledger {
namespace {

class LogFile final : public leveldb::WritableFile {
 public:
  LogFile(leveldb::WritableFile* target, std::atomic<bool>& failed)
      : target_(target), failed_(failed) {}
  ~LogFile() override { (void)sync_if_dirty(); }

  leveldb::Status Append(const leveldb::Slice& data) override {
    if (failed_) return stopped();
    dirty_ = true;
    return noted(target_->Append(data));
  }
  leveldb::Status Flush() override { return failed_ ? stopped() : noted(target_->Flush()); }
  leveldb::Status Sync() override { return sync_if_dirty(); }
  leveldb::Status Close() override {
    auto status = sync_if_dirty();
    const auto closed = noted(target_->Close());
    return status.ok() ? closed : status;
  }

 private:
  static leveldb::Status stopped() {
    return leveldb::Status::IOError("an earlier write to a log failed");
  }

  leveldb::Status noted(leveldb::Status status) {
    if (!status.ok()) failed_ = true;
    return status;
  }

  leveldb::Status sync_if_dirty() {
    if (failed_) return stopped();
    if (!dirty_) return leveldb::Status::OK();
    dirty_ = false;
    return noted(target_->Sync());
  }

  std::unique_ptr<leveldb::WritableFile> target_;
  std::atomic<bool>& failed_;
  bool dirty_ = false;
};

class PreadFile final : public leveldb::RandomAccessFile {
 public:
  PreadFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  ~PreadFile() override { ::close(fd_); }

  leveldb::Status Read(std::uint64_t offset, std::size_t count, leveldb::Slice* result,
                       char* scratch) const override {
    std::size_t done = 0;
    const int error =
        read_all_at(fd_, {reinterpret_cast<std::uint8_t*>(scratch), count}, offset, done);
    *result = leveldb::Slice(scratch, error == 0 ? done : 0);
    return error == 0 ? leveldb::Status::OK() : leveldb::Status::IOError(name_, errno_text(error));
  }

 private:
  std::string name_;
  int fd_;
};

}  // namespace

leveldb::Status StoreEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** file) {
  auto status = target()->NewWritableFile(name, file);
  if (status.ok() && name.ends_with(".log")) *file = new LogFile(*file, failed_);
  return status;
}

leveldb::Status StoreEnv::NewRandomAccessFile(const std::string& name,
                                              leveldb::RandomAccessFile** file) {
  if (target() != leveldb::Env::Default()) return target()->NewRandomAccessFile(name, file);
  *file = nullptr;
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    return error == ENOENT ? leveldb::Status::NotFound(name, errno_text(error))
                           : leveldb::Status::IOError(name, errno_text(error));
  }
  *file = new PreadFile(name, fd);
  return leveldb::Status::OK();
}

}  // namespace quorate::ledger
