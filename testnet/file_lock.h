#pragma once

// "Only one at a time" for a folder: flock(2) on a file, which ends with its process, however it
// ends. Whoever held it in peace removes the file; one that is left behind locks nothing.

#include <chrono>
#include <filesystem>
#include <optional>

#include "crypto/result.h"
#include "node/descriptor.h"

namespace quorate::testnet {

class FileLock {
 public:
  // nullopt: another process holds it. Error: "lock-failed" (kEnvironment).
  [[nodiscard]] static Result<std::optional<FileLock>> try_acquire(
      const std::filesystem::path& file);
  // The same, again and again until the deadline.
  [[nodiscard]] static Result<std::optional<FileLock>> acquire_within(
      const std::filesystem::path& file, std::chrono::milliseconds patience);

  // False: somebody removed the file, or put another one in its place.
  [[nodiscard]] bool is_current() const;

  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();  // removes the file and releases it

 private:
  FileLock(std::filesystem::path file, node::Descriptor descriptor)
      : file_(std::move(file)), descriptor_(std::move(descriptor)) {}
  // Whoever waits on the removed file notices and takes a new one.
  void release();

  std::filesystem::path file_;
  node::Descriptor descriptor_;
};

}  // namespace quorate::testnet
