#pragma once

// A copy of a ledger's LevelDB folder, also while a node writes in it.
//
// What LevelDB keeps: tables, which never change once they are there; logs and the MANIFEST, which
// only grow; CURRENT, which names the MANIFEST. A set of files is consistent if all tables and logs
// that the MANIFEST names, as far as it is copied, are in it. So: the MANIFEST is measured, every
// other file opened, and the MANIFEST looked at again. If it has not grown and CURRENT has not
// changed, all that it names was there, and what is open stays readable if it is removed now.
// Otherwise this begins again; the MANIFEST grows when a table is made, every few seconds at most.
//
// Logs are copied in the order of their numbers, up to where they end by then: a prefix of what was
// written, as a kill leaves it, so the copy is the ledger at a block boundary. What the node writes
// afterwards is not in it. The node's lock is neither taken nor needed.
//
// POSIX files only. Thread-safe for different targets.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "crypto/result.h"
#include "crypto/sha256.h"

namespace quorate::ledger {

struct CopiedFile {
  std::string name;
  std::uint64_t bytes = 0;
  crypto::Digest sha256;
};

struct CopyStep {
  std::uint64_t bytes = 0;
  std::uint64_t bytes_all = 0;
};
using OnCopy = std::function<void(const CopyStep&)>;

// Into `to`, which is made, in the order of names; every file and the folder are synced. Errors:
// "copy-target-exists" (kConflict), "ledger-missing" (kNotFound), "ledger-changes-too-fast"
// (kUnavailable), "copy-failed" (kEnvironment, naming the file).
[[nodiscard]] Result<std::vector<CopiedFile>> copy_live_folder(const std::filesystem::path& from,
                                                               const std::filesystem::path& to,
                                                               const OnCopy& on_copy = {});

// Exactly these files, each of which must have this size and digest. Errors: as above, and
// "copy-differs" (kCorrupt), naming the file, what was expected and what was found.
[[nodiscard]] Status copy_files(const std::filesystem::path& from, const std::filesystem::path& to,
                                const std::vector<CopiedFile>& files, const OnCopy& on_copy = {});

// Whether another process has this file locked as LevelDB locks; false where it is missing. Not for
// a file that this process itself has locked: asking would unlock it.
[[nodiscard]] bool is_locked(const std::filesystem::path& lock_file);

}  // namespace quorate::ledger
