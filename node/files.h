#pragma once

// Whole small files: read with a bound, written so that a reader sees the old or the new one.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "crypto/result.h"

namespace quorate::node {

// Errors: "file-not-found" (kNotFound), "file-unreadable" (kEnvironment), "file-too-large"
// (kInvalid).
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& file,
                                            std::size_t bytes_max);
// Writes beside the file, syncs and renames. Error: "file-write-failed" (kEnvironment).
[[nodiscard]] Status replace_file(const std::filesystem::path& file, std::string_view text);
// Error: "file-exists" (kConflict), "file-write-failed".
[[nodiscard]] Status create_file(const std::filesystem::path& file, std::string_view text);

}  // namespace quorate::node
