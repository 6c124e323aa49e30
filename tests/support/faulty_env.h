#pragma once

// A disk in memory that fails on command: LevelDB's Env over its own memory Env.
//
// It counts appends and syncs and can refuse from the n-th on; it knows how much of each file was
// synced, so that a power cut can take the rest, or leave zeros in its place. Names are durable at
// once. Thread-safe, as LevelDB asks.

#include <leveldb/env.h>
#include <leveldb/helpers/memenv.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace quorate::test {

class FaultyEnv final : public leveldb::EnvWrapper {
 public:
  FaultyEnv() : FaultyEnv(leveldb::NewMemEnv(leveldb::Env::Default())) {}

  // From the n-th append or sync from here on (the first is 0), each one fails. A failing append
  // still writes the first half of its bytes.
  void fail_appends_from(std::uint64_t n) {
    const std::lock_guard guard(mutex_);
    appends_left_ = n;
  }
  void fail_syncs_from(std::uint64_t n) {
    const std::lock_guard guard(mutex_);
    syncs_left_ = n;
  }
  // What a process that is gone writes: nothing.
  void stop() {
    fail_appends_from(0);
    fail_syncs_from(0);
  }
  void heal() {
    fail_appends_from(kUnlimited);
    fail_syncs_from(kUnlimited);
  }
  [[nodiscard]] std::uint64_t syncs() const {
    const std::lock_guard guard(mutex_);
    return syncs_;
  }

  // Compactions wait until they are let go; a database cannot be closed before that.
  void hold_background() {
    const std::lock_guard guard(mutex_);
    holds_background_ = true;
  }
  void release_background() {
    std::vector<Work> held;
    {
      const std::lock_guard guard(mutex_);
      holds_background_ = false;
      held.swap(held_);
    }
    for (const auto& [function, argument] : held) target()->Schedule(function, argument);
  }

  enum class PowerCut : std::uint8_t {
    kLosesUnsynced,  // files end where they were synced
    kLeavesZeros,    // files keep their length; the unsynced part reads as zeros
    kTearsSectors,   // as above, but the first half of the unsynced sectors was written
  };
  // Stores that were open are closed by now, after `stop()`.
  void cut_power(PowerCut cut) {
    constexpr std::size_t kSector = 512;
    const auto unsynced = std::exchange(synced_bytes_, {});
    for (const auto& [name, synced] : unsynced) {
      if (!target()->FileExists(name)) continue;
      std::string bytes = read(name);
      const std::size_t size = bytes.size();
      std::size_t kept = std::min(size, synced);
      if (cut == PowerCut::kTearsSectors) {
        kept = std::max(kept, (kept + (size - kept) / 2) / kSector * kSector);
      }
      bytes.resize(kept);
      if (cut != PowerCut::kLosesUnsynced) bytes.resize(size, '\0');
      write(name, bytes);
    }
  }

  // Whole files, for tests that damage them; what is written here counts as synced.
  [[nodiscard]] std::string read(const std::string& file) {
    std::string bytes;
    (void)leveldb::ReadFileToString(target(), file, &bytes);
    return bytes;
  }
  void write(const std::string& file, const std::string& bytes) {
    (void)leveldb::WriteStringToFile(target(), bytes, file);
    const std::lock_guard guard(mutex_);
    synced_bytes_.erase(file);
  }
  // Full paths, sorted.
  [[nodiscard]] std::vector<std::string> files(const std::string& folder) {
    std::vector<std::string> names;
    (void)target()->GetChildren(folder, &names);
    for (std::string& name : names) name = folder + "/" + name;
    std::sort(names.begin(), names.end());
    return names;
  }
  // The one with the highest number.
  [[nodiscard]] std::string newest_log(const std::string& folder) {
    std::string newest;
    for (const std::string& file : files(folder)) {
      if (file.ends_with(".log")) newest = file;
    }
    return newest;
  }
  void copy_folder(const std::string& from, const std::string& to) {
    for (const std::string& file : files(from)) write(to + file.substr(from.size()), read(file));
  }
  void remove_folder(const std::string& folder) {
    for (const std::string& file : files(folder)) (void)target()->RemoveFile(file);
  }

  void Schedule(void (*function)(void*), void* argument) override {
    {
      const std::lock_guard guard(mutex_);
      if (holds_background_) return held_.push_back({function, argument});
    }
    target()->Schedule(function, argument);
  }
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override {
    auto status = target()->NewWritableFile(name, file);
    if (!status.ok()) return status;
    *file = new File(*this, name, *file);
    const std::lock_guard guard(mutex_);
    synced_bytes_[name] = 0;
    return status;
  }
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override {
    const std::lock_guard guard(mutex_);
    if (auto moved = synced_bytes_.extract(from)) {
      synced_bytes_.erase(to);
      moved.key() = to;
      synced_bytes_.insert(std::move(moved));
    }
    return target()->RenameFile(from, to);
  }
  // The memory Env itself locks nothing.
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override {
    const std::lock_guard guard(mutex_);
    *lock = nullptr;
    if (!locked_.insert(name).second) return leveldb::Status::IOError("lock " + name, "held");
    *lock = new Lock(name);
    return leveldb::Status::OK();
  }
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override {
    const std::unique_ptr<Lock> owned(static_cast<Lock*>(lock));
    const std::lock_guard guard(mutex_);
    locked_.erase(owned->name);
    return leveldb::Status::OK();
  }

 private:
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  using Work = std::pair<void (*)(void*), void*>;

  struct Lock final : leveldb::FileLock {
    explicit Lock(std::string file) : name(std::move(file)) {}
    std::string name;
  };

  class File final : public leveldb::WritableFile {
   public:
    File(FaultyEnv& env, std::string name, leveldb::WritableFile* target)
        : env_(env), name_(std::move(name)), target_(target) {}
    leveldb::Status Append(const leveldb::Slice& data) override {
      if (take_one(env_, env_.appends_left_)) return target_->Append(data);
      (void)target_->Append(leveldb::Slice(data.data(), data.size() / 2));
      return leveldb::Status::IOError(name_, "the test's disk takes no more");
    }
    leveldb::Status Close() override { return target_->Close(); }
    leveldb::Status Flush() override { return target_->Flush(); }
    leveldb::Status Sync() override {
      if (!take_one(env_, env_.syncs_left_)) {
        return leveldb::Status::IOError(name_, "the test's disk syncs no more");
      }
      std::uint64_t size = 0;
      (void)env_.target()->GetFileSize(name_, &size);
      const std::lock_guard guard(env_.mutex_);
      ++env_.syncs_;
      if (const auto it = env_.synced_bytes_.find(name_); it != env_.synced_bytes_.end()) {
        it->second = static_cast<std::size_t>(size);
      }
      return target_->Sync();
    }

   private:
    static bool take_one(FaultyEnv& env, std::uint64_t& left) {
      const std::lock_guard guard(env.mutex_);
      if (left == 0) return false;
      if (left != kUnlimited) --left;
      return true;
    }
    FaultyEnv& env_;
    std::string name_;
    std::unique_ptr<leveldb::WritableFile> target_;
  };

  explicit FaultyEnv(leveldb::Env* memory) : EnvWrapper(memory), memory_(memory) {}

  std::unique_ptr<leveldb::Env> memory_;
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> synced_bytes_;  // of files made through this Env
  std::set<std::string> locked_;
  std::uint64_t appends_left_ = kUnlimited;
  std::uint64_t syncs_left_ = kUnlimited;
  std::uint64_t syncs_ = 0;
  bool holds_background_ = false;
  std::vector<Work> held_;
};

}  // namespace quorate::test
