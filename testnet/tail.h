#pragma once

// The end of files that grow: what nodes log and print.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace quorate::testnet {

// The last lines of a file, at most so many and at most 256 KiB of it; empty if it cannot be read.
[[nodiscard]] std::vector<std::string> last_lines(const std::filesystem::path& file,
                                                  std::size_t lines_max);

// Whole lines as they are appended, from where the file ends at first; goes on with the new file
// when the old one is rotated away, or is not there yet.
class Follower {
 public:
  explicit Follower(std::filesystem::path file);
  // Those since the last call, at most about 1 MiB of them.
  [[nodiscard]] std::vector<std::string> next();

 private:
  std::filesystem::path file_;
  ino_t inode_ = 0;
  std::uint64_t offset_ = 0;
  std::string unfinished_;
};

}  // namespace quorate::testnet
