#pragma once

// A stopped LevelDB folder, read as it is: the Env under which opening it changes no byte of it.
//
// LevelDB has no way to open for reading only: it writes the records of its log to a table, begins
// a new MANIFEST and removes what that one does not name. Here all of this happens in memory: a
// file that is written stands there and hides the one below it, and a removed one is only hidden.
// That is a few megabytes, since a log is no longer. Compaction would be without bound; it is
// refused, and LevelDB, told so once, does not try again. What is written beside the folder (the
// copy that a cut keeps of the original, which stays as it was) is not kept at all.
//
// The lock is shared: several readers at a time, none while a node has the folder open. A folder
// without a LOCK file, such as a copy, is locked by nobody.
//
// Outlives the database that is opened through it. Thread-safe.

#include <leveldb/env.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace quorate::ledger {

class ReadOnlyEnv final : public leveldb::EnvWrapper {
 public:
  // `folder` as LevelDB will be told it. `base` is what is read, and outlives this.
  ReadOnlyEnv(std::string folder, leveldb::Env& base);
  ~ReadOnlyEnv() override;

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** file) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** file) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status NewAppendableFile(const std::string& name,
                                    leveldb::WritableFile** file) override;
  bool FileExists(const std::string& name) override;
  leveldb::Status GetChildren(const std::string& folder, std::vector<std::string>* names) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status CreateDir(const std::string& name) override;
  leveldb::Status RemoveDir(const std::string& name) override;
  leveldb::Status GetFileSize(const std::string& name, std::uint64_t* bytes) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void*), void* argument) override;

 private:
  class Content;  // of a file in memory
  class Lock;
  class Reader;
  class Writer;

  [[nodiscard]] bool is_outside(const std::string& name) const;
  // Null: it is not in memory.
  [[nodiscard]] std::shared_ptr<Content> written(const std::string& name);
  [[nodiscard]] bool is_hidden(const std::string& name);

  const std::string prefix_;  // of what is inside
  const bool is_on_disk_;
  std::atomic<bool> refuses_files_ = false;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>> written_;
  std::set<std::string> removed_;
};

}  // namespace quorate::ledger
