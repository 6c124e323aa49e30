#pragma once

// What can be kept of a damaged ledger: its blocks from the first on, up to the first one that is
// not good, written into a new ledger.
//
// The damaged one is not trusted in anything (ledger/rebuild.h). Stable checkpoints come along
// where the new ledger has the same roots; what NEW-VIEWs began with comes along as it is, since
// the certificates name it by its digest.
//
// A ledger that began from a snapshot lacks the state that its first block was executed on: nothing
// of it can be kept.

#include <functional>
#include <optional>
#include <string>

#include "ledger/genesis.h"
#include "ledger/leveldb_open.h"
#include "ledger/store.h"

namespace quorate::ledger {

struct Salvaged {
  Height height;      // of the new ledger
  std::string ended;  // why it ends there, a clause: the first block that is missing or bad
};

struct SalvageOptions {
  unsigned threads = 0;  // that verify signatures; 0: one a core
  std::function<void(Height)> on_step = {};  // now and then
  std::function<bool()> goes_on = {};        // asked as often
};

// `into` is new. Its last write is synced. Errors: "salvage-interrupted" (kTimeout); those of
// `into`'s writes.
[[nodiscard]] Result<Salvaged> salvage(const LevelDb& damaged, const Genesis& genesis, Store& into,
                                       const SalvageOptions& options = {});

}  // namespace quorate::ledger
