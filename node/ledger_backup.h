#pragma once

// Backups of a ledger: a folder that holds
//
//   ledger/        its LevelDB folder, at a block boundary (ledger/folder_copy.h)
//   genesis.json   the document that it is judged by
//   backup.json    chain, height, root, and each file's size and SHA-256
//
// and nothing of what makes a replica vote: no key, no vote, no guard, no `log.signed`. So
// restoring one cannot make a replica forget what it signed: votes and guard of the home stay as
// they are, and whether it may sign is judged by them alone (node/node_parts.cc).
//
// Both ways the ledger is audited (`--structural`) before it gets its name; the name comes by a
// rename that is synced. So under a finished name there is never half a folder; what was broken off
// has a name of its own, and is removed by the next run.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "ledger/auditor.h"
#include "ledger/folder_copy.h"
#include "ledger/genesis.h"
#include "node/config.h"

namespace quorate::node {

inline constexpr std::uint32_t kBackupFormat = 1;

struct BackupFacts {
  ledger::Digest chain_id;
  ledger::Height height;
  ledger::Height base;    // blocks up to here are not in it
  ledger::Height stable;  // the newest stable checkpoint in it; 0: none
  ledger::Digest root;    // of the log
  std::vector<ledger::CopiedFile> files;

  [[nodiscard]] std::uint64_t bytes() const;
};

struct BackupProgress {
  ledger::OnCopy on_copy = {};
  std::function<void(const ledger::AuditStep&)> on_audit = {};
  std::function<bool()> goes_on = {};  // asked between steps of the audit
};

// `from` is a ledger's folder or a node's home; the node may run. `to` is made; its parent is
// there. Errors: "backup-exists" (kConflict), "backup-damaged" (kCorrupt, naming the finding: the
// ledger itself is damaged), those of copy_live_folder, open_stopped_database and audit_ledger.
[[nodiscard]] Result<BackupFacts> make_backup(const std::filesystem::path& from,
                                              const std::filesystem::path& to,
                                              const ledger::Genesis& genesis,
                                              const BackupProgress& progress);

// Errors: "backup-missing" (kNotFound), "backup-malformed" (kInvalid), "backup-newer-format"
// (kUnsupported).
[[nodiscard]] Result<BackupFacts> read_backup(const std::filesystem::path& backup);

// Into the home of a node that does not run. Errors: "backup-other-chain", "node-running" and
// "ledger-exists" (kConflict; with `replace` the one that is there is set aside, and `set_aside`
// says where), "backup-damaged", those of read_backup, copy_files and audit_ledger.
struct Restored {
  BackupFacts facts;
  std::filesystem::path set_aside;  // empty: nothing was there
};
[[nodiscard]] Result<Restored> restore_backup(const std::filesystem::path& backup,
                                              const Home& home, const ledger::Genesis& genesis,
                                              bool replace, const BackupProgress& progress);

}  // namespace quorate::node
