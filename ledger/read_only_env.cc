#include "ledger/read_only_env.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "ledger/durable_file.h"
#include "ledger/leveldb_env.h"

namespace quorate::ledger {

class ReadOnlyEnv::Content {
 public:
  void append(const leveldb::Slice& data) {
    const std::lock_guard lock(mutex_);
    bytes_.append(data.data(), data.size());
  }
  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock(mutex_);
    return bytes_.size();
  }
  [[nodiscard]] leveldb::Slice read(std::uint64_t offset, std::size_t count, char* scratch) {
    const std::lock_guard lock(mutex_);
    const std::size_t from = std::min<std::size_t>(offset, bytes_.size());
    const std::size_t length = std::min(count, bytes_.size() - from);
    std::memcpy(scratch, bytes_.data() + from, length);
    return {scratch, length};
  }

 private:
  std::mutex mutex_;
  std::string bytes_;
};

class ReadOnlyEnv::Reader final : public leveldb::SequentialFile,
                                  public leveldb::RandomAccessFile {
 public:
  explicit Reader(std::shared_ptr<Content> content) : content_(std::move(content)) {}
  leveldb::Status Read(std::size_t count, leveldb::Slice* result, char* scratch) override {
    *result = content_->read(at_, count, scratch);
    at_ += result->size();
    return leveldb::Status::OK();
  }
  leveldb::Status Read(std::uint64_t offset, std::size_t count, leveldb::Slice* result,
                       char* scratch) const override {
    *result = content_->read(offset, count, scratch);
    return leveldb::Status::OK();
  }
  leveldb::Status Skip(std::uint64_t count) override {
    at_ = std::min<std::uint64_t>(at_ + count, content_->size());
    return leveldb::Status::OK();
  }

 private:
  std::shared_ptr<Content> content_;
  std::uint64_t at_ = 0;
};

class ReadOnlyEnv::Writer final : public leveldb::WritableFile {
 public:
  // Null: what is written goes nowhere.
  explicit Writer(std::shared_ptr<Content> content) : content_(std::move(content)) {}
  leveldb::Status Append(const leveldb::Slice& data) override {
    if (content_) content_->append(data);
    return leveldb::Status::OK();
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }

 private:
  std::shared_ptr<Content> content_;
};

class ReadOnlyEnv::Lock final : public leveldb::FileLock {
 public:
  explicit Lock(int fd) : fd_(fd) {}
  ~Lock() override {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  int fd_;
};

namespace {

leveldb::Status refused(const std::string& name) {
  return leveldb::Status::IOError(name, "the folder is open for reading only");
}

}  // namespace

ReadOnlyEnv::ReadOnlyEnv(std::string folder, leveldb::Env& base)
    : EnvWrapper(&base),
      prefix_(std::move(folder) + "/"),
      is_on_disk_(&base == leveldb::Env::Default()) {}

ReadOnlyEnv::~ReadOnlyEnv() = default;

bool ReadOnlyEnv::is_outside(const std::string& name) const { return !name.starts_with(prefix_); }

std::shared_ptr<ReadOnlyEnv::Content> ReadOnlyEnv::written(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = written_.find(name);
  return found == written_.end() ? nullptr : found->second;
}

bool ReadOnlyEnv::is_hidden(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return removed_.contains(name);
}

leveldb::Status ReadOnlyEnv::NewSequentialFile(const std::string& name,
                                               leveldb::SequentialFile** file) {
  *file = nullptr;
  if (auto content = written(name)) {
    *file = new Reader(std::move(content));
    return leveldb::Status::OK();
  }
  if (is_hidden(name)) return leveldb::Status::NotFound(name, "it was removed");
  return target()->NewSequentialFile(name, file);
}

leveldb::Status ReadOnlyEnv::NewRandomAccessFile(const std::string& name,
                                                 leveldb::RandomAccessFile** file) {
  *file = nullptr;
  if (auto content = written(name)) {
    *file = new Reader(std::move(content));
    return leveldb::Status::OK();
  }
  if (is_hidden(name)) return leveldb::Status::NotFound(name, "it was removed");
  return StoreEnv(*target()).NewRandomAccessFile(name, file);  // not mapped
}

leveldb::Status ReadOnlyEnv::NewWritableFile(const std::string& name,
                                             leveldb::WritableFile** file) {
  *file = nullptr;
  if (is_outside(name)) {
    *file = new Writer(nullptr);
    return leveldb::Status::OK();
  }
  if (refuses_files_) return refused(name);
  auto content = std::make_shared<Content>();
  const std::lock_guard lock(mutex_);
  removed_.erase(name);
  written_[name] = content;
  *file = new Writer(std::move(content));
  return leveldb::Status::OK();
}

leveldb::Status ReadOnlyEnv::NewAppendableFile(const std::string& name,
                                               leveldb::WritableFile** file) {
  *file = nullptr;
  return refused(name);
}

bool ReadOnlyEnv::FileExists(const std::string& name) {
  if (written(name)) return true;
  return !is_hidden(name) && target()->FileExists(name);
}

leveldb::Status ReadOnlyEnv::GetChildren(const std::string& folder,
                                         std::vector<std::string>* names) {
  const auto status = target()->GetChildren(folder, names);
  if (!status.ok()) return status;
  const std::string prefix = folder + "/";
  const std::lock_guard lock(mutex_);
  std::erase_if(*names,
                [&](const std::string& name) { return removed_.contains(prefix + name); });
  for (const auto& [name, content] : written_) {
    if (!name.starts_with(prefix)) continue;
    const std::string child = name.substr(prefix.size());
    if (std::find(names->begin(), names->end(), child) == names->end()) names->push_back(child);
  }
  return leveldb::Status::OK();
}

leveldb::Status ReadOnlyEnv::RemoveFile(const std::string& name) {
  if (is_outside(name)) return leveldb::Status::OK();
  const std::lock_guard lock(mutex_);
  written_.erase(name);
  removed_.insert(name);
  return leveldb::Status::OK();
}

leveldb::Status ReadOnlyEnv::CreateDir(const std::string& /*name*/) {
  return leveldb::Status::OK();
}

leveldb::Status ReadOnlyEnv::RemoveDir(const std::string& name) { return refused(name); }

leveldb::Status ReadOnlyEnv::GetFileSize(const std::string& name, std::uint64_t* bytes) {
  if (const auto content = written(name)) {
    *bytes = content->size();
    return leveldb::Status::OK();
  }
  if (is_hidden(name)) return leveldb::Status::NotFound(name, "it was removed");
  return target()->GetFileSize(name, bytes);
}

leveldb::Status ReadOnlyEnv::RenameFile(const std::string& from, const std::string& to) {
  if (is_outside(to)) return leveldb::Status::OK();
  const std::lock_guard lock(mutex_);
  const auto found = written_.find(from);
  if (found == written_.end()) return refused(from);
  written_[to] = found->second;
  written_.erase(from);
  removed_.erase(to);
  return leveldb::Status::OK();
}

leveldb::Status ReadOnlyEnv::LockFile(const std::string& name, leveldb::FileLock** lock) {
  *lock = nullptr;
  if (!is_on_disk_) return target()->LockFile(name, lock);
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno != ENOENT) return leveldb::Status::IOError(name, errno_text(errno));
  if (fd >= 0) {
    // Of the open file, not of the process; it conflicts with the one that LevelDB takes.
    struct flock shared {};
    shared.l_type = F_RDLCK;
    shared.l_whence = SEEK_SET;
    if (::fcntl(fd, F_OFD_SETLK, &shared) != 0) {
      const int error = errno;
      ::close(fd);
      return leveldb::Status::IOError("lock " + name, errno_text(error));
    }
  }
  *lock = new Lock(fd);
  return leveldb::Status::OK();
}

leveldb::Status ReadOnlyEnv::UnlockFile(leveldb::FileLock* lock) {
  if (!is_on_disk_) return target()->UnlockFile(lock);
  delete lock;
  return leveldb::Status::OK();
}

void ReadOnlyEnv::Schedule(void (*function)(void*), void* argument) {
  refuses_files_ = true;  // it is a compaction: all that opening writes is written by then
  target()->Schedule(function, argument);
}

}  // namespace quorate::ledger
