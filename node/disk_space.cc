#include "node/disk_space.h"

#include <fmt/format.h>

#include <system_error>

namespace quorate::node {

Result<std::uint64_t> disk_free_bytes(const std::filesystem::path& folder) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error) {
    return fail(ErrorKind::kEnvironment, "disk-unreadable",
                fmt::format("cannot ask how much room {} has: {}", folder.string(),
                            error.message()),
                "check that the folder exists and is mounted");
  }
  return static_cast<std::uint64_t>(space.available);
}

Status check_disk_space(const std::filesystem::path& folder, std::uint64_t free_bytes_min) {
  QUORATE_ASSIGN(const std::uint64_t free_bytes, disk_free_bytes(folder));
  if (free_bytes >= free_bytes_min) return {};
  return fail(ErrorKind::kUnavailable, "disk-nearly-full",
              fmt::format("the disk under {} has {} MiB left, less than the {} MiB that this node "
                          "keeps free",
                          folder.string(), free_bytes >> 20, free_bytes_min >> 20),
              "free some space, or lower storage.disk_free_bytes_min; nothing was lost");
}

}  // namespace quorate::node
