#pragma once

// The Env between LevelDB and the files: what LevelDB leaves undone.
//
//   - A log is synced when LevelDB closes it. LevelDB goes from one log to the next without a sync,
//     so a power cut could keep the new one and lose the end of the old one.
//   - After the first failed write or sync of a log, no log takes another byte.
//   - Tables are read with pread. LevelDB maps them, and a bad sector under a mapping is a SIGBUS.

#include <leveldb/env.h>

#include <atomic>
#include <string>

namespace quorate::ledger {

class StoreEnv final : public leveldb::EnvWrapper {
 public:
  explicit StoreEnv(leveldb::Env& base) : EnvWrapper(&base) {}

  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** file) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** file) override;

  [[nodiscard]] bool has_failed() const { return failed_; }

 private:
  std::atomic<bool> failed_ = false;
};

}  // namespace quorate::ledger
