#pragma once

// A ledger without its early blocks: what is left is as if it had begun from a snapshot of the
// stable checkpoint up to which the blocks go (ledger/snapshot_import.h), so every reader and the
// audit know what it is worth.
//
// Of what goes: records, certificates, transactions, results, write sets, places, nonces and own
// notes up to that checkpoint. What stays: that checkpoint with its cosignatures, the roots of the
// log's subtrees that add up to its root (so every later size is proved consistent with it, and
// every later block included), all later blocks, and the state with its tree. New views stay, since
// later certificates name them.
//
// Nothing is changed in place: what stays is copied to a new folder, which is small; so the disk
// has its room back at once, and a crash leaves either ledger whole.

#include <cstdint>
#include <filesystem>
#include <functional>

#include "ledger/leveldb_open.h"
#include "ledger/snapshot_import.h"

namespace quorate::ledger {

// Of a snapshot at least one chunk was taken; of a ledger that was cut, none.
[[nodiscard]] inline bool is_pruned(const SnapshotOrigin& origin) { return origin.chunks == 0; }

struct PrunePlan {
  Height base_before;           // blocks up to here were not there before
  Height base;                  // nor will those up to here
  Height head;
  StableCheckpoint checkpoint;  // of `base`
};
// Up to the newest stable checkpoint below `below` that was executed here, and at most `ceiling`.
// Errors: "nothing-to-prune" (kNotFound): no stable checkpoint lies between; "ledger-corrupt".
[[nodiscard]] Result<PrunePlan> plan_prune(const LevelDb& database, Height below, Height ceiling);

// Makes the ledger that stays, in a folder that does not exist. Damage that meets the eye ends it;
// the rest is the audit's. `taken_ms` is the own clock. Errors: those of reading, of
// LevelDb::create and of writing.
[[nodiscard]] Status copy_pruned(const LevelDb& database, const StoreIdentity& identity,
                                 const PrunePlan& plan, const std::filesystem::path& to,
                                 std::uint64_t taken_ms,
                                 const std::function<void(std::uint64_t keys)>& on_keys = {});

}  // namespace quorate::ledger
