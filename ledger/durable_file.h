#pragma once

// The few system calls that std::filesystem and LevelDB lack: whole writes, and durable names.
//
// Results are errno values, 0 for success; the caller says in its own words what failed.
// Interrupted calls (EINTR) are repeated; a failed sync never is: the kernel may have dropped the
// pages and would report success the second time (Rebello et al., ATC '20).

#include <cstdint>
#include <filesystem>

#include "crypto/bytes.h"

namespace quorate::ledger {

// Writes all of `bytes` at `offset`.
[[nodiscard]] int write_all_at(int fd, ByteView bytes, std::uint64_t offset);

// Reads until `out` is full or the file ends; `count` says how far it came.
[[nodiscard]] int read_all_at(int fd, std::span<std::uint8_t> out, std::uint64_t offset,
                              std::size_t& count);

// Makes the names in a folder durable: a created or renamed file is safe only after this.
[[nodiscard]] int sync_directory(const std::filesystem::path& folder);

// "No space left on device" and the like.
[[nodiscard]] std::string errno_text(int error);

}  // namespace quorate::ledger
