#pragma once

// The auditor: reads a ledger that it does not trust, and says what it is worth.
//
// Blocks come first, in the order of heights, each judged by itself (ledger/audit_block.h), as part
// of the log (ledger/audit_chain.h) and, unless only the structure is asked for, by its signatures
// and by executing it again from genesis (ledger/audit_replay.h). Then come the indices, the head,
// the state and its tree, side by side. Of what is wrong the first in this order is named.
//
// What is trusted: the genesis document and this program, and what `work_folder` says, if an audit
// goes on from there. A resumed audit hashes every stored byte of the blocks again and compares,
// so the blocks are those that were verified; it takes from the folder only that their signatures
// were good and what state they led to. So whoever can write there can deceive this audit; a
// ledger's folder cannot, for nothing of the audit is kept in it.
//
// Threads: signatures are verified by `threads` of its own while the caller's executes and hashes;
// then the tree, the values of the state and, by the caller's, the indices are read side by side.
// Memory: two windows of blocks (1 MiB of transactions each, or one batch if that is more), what
// changed in the state since the last checkpoint, two caches, and two write buffers of the working
// folder; about 130 MB.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "ledger/audit_finding.h"
#include "ledger/genesis.h"
#include "ledger/leveldb_open.h"
#include "ledger/record.h"

namespace quorate::ledger {

struct AuditStep {
  std::string_view phase;        // "blocks", "indices", "state"
  std::uint64_t height = 0;      // blocks: how far
  std::uint64_t last_height = 0;
  std::uint64_t transactions = 0;
  std::uint64_t signatures = 0;
};

struct AuditOptions {
  bool is_structural = false;  // no commit certificate and no transaction is verified or executed
  unsigned threads = 0;        // 0: one a core
  // Where the state is rebuilt; needed unless `is_structural`. Missing, empty, or left by an audit
  // of the same chain that was broken off.
  std::filesystem::path work_folder;
  StoreOptions work_options = {};
  // Else the folder begins empty, and what it holds at the end is of no use.
  bool may_resume = true;
  std::function<void(const AuditStep&)> on_step = {};  // after each window and phase
  std::function<bool()> goes_on = {};                  // asked as often
};

struct AuditReport {
  Digest chain_id;
  Height base;  // blocks up to here are not in the ledger
  Height head;
  TimeMs time;
  TreeHead log;
  std::uint64_t blocks = 0;        // that were found good
  std::uint64_t transactions = 0;  // in them
  std::uint64_t signatures = 0;    // that were verified this time
  Height resumed_from;             // blocks up to here were verified by an earlier run
  std::uint64_t stable_checkpoints = 0;  // that verified
  std::uint64_t stable_ahead = 0;  // of these, above the head: nothing here to hold them against
  Height last_stable;              // the highest up to the head; 0: none
  bool signatures_checked = false;
  bool executed = false;           // from genesis
  std::optional<AuditFinding> finding;
};

// Errors: "audit-interrupted" (kTimeout), "audit-folder-other-ledger" (kConflict: the work folder
// is of an audit of other bytes), "ledger-unreadable", those of the working folder. Damage is no
// error but the report's finding.
[[nodiscard]] Result<AuditReport> audit_ledger(const LevelDb& database, const Genesis& genesis,
                                               const AuditOptions& options);

// The verdict in one sentence.
[[nodiscard]] std::string verdict_sentence(const AuditReport& report);

}  // namespace quorate::ledger
