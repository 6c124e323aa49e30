#pragma once

// How much room the disk has left: writes are refused while it is about to be full, not after.

#include <cstdint>
#include <filesystem>

#include "crypto/result.h"

namespace quorate::node {

// Free bytes for an unprivileged user where `folder` lies. Error: "disk-unreadable" (kEnvironment).
[[nodiscard]] Result<std::uint64_t> disk_free_bytes(const std::filesystem::path& folder);

// Error: "disk-nearly-full" (kUnavailable) below the minimum.
[[nodiscard]] Status check_disk_space(const std::filesystem::path& folder,
                                      std::uint64_t free_bytes_min);

}  // namespace quorate::node
