#pragma once

// What survives a crash of a simulated replica: its vote store with the guard, and its ledger.
//
// Two small interfaces, so that a run may stand on memory alone, for speed, or on the real stores.
// Both promise what LevelDB promises: a batch is whole or absent, a synced batch stays, and of the
// unsynced ones a prefix survives. How long a prefix is the crash's to decide, by its dice; a
// process that dies loses nothing that it wrote, a power cut may.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ledger/checkpoint.h"
#include "ledger/execution.h"
#include "ledger/guard.h"
#include "ledger/record.h"
#include "ledger/store.h"
#include "ledger/vote_store.h"
#include "testnet/prng.h"

namespace quorate::testnet {

enum class CrashKind : std::uint8_t { kProcess, kPower };

// What a disk refuses at present. A replica stops at the first refusal; the disk may heal before
// the next life.
struct DiskFaults {
  bool is_full = false;     // writes fail before they begin
  bool syncs_fail = false;  // what was written may or may not be there afterwards
};

class VoteDisk {
 public:
  virtual ~VoteDisk() = default;

  // One atomic write, in two halves so that a crash can come between. At most one at a time.
  // Errors: "vote-store-write-failed", then "vote-store-stopped" until the next crash.
  [[nodiscard]] virtual Status begin_write(std::vector<ledger::VoteRecord> records) = 0;
  // Durable, and the guard has noted it, once this returns.
  [[nodiscard]] virtual Status finish_write() = 0;
  // Both are durable with the next write; a power cut before it may bring the records back.
  virtual void erase(const std::vector<Bytes>& keys) = 0;
  virtual void erase_range(ByteView first, ByteView last) = 0;  // [first, last)

  // As ledger::VoteStore: durable records from `first` on that begin with the same byte.
  [[nodiscard]] virtual Status for_each_from(
      ByteView first, const std::function<Status(ByteView key, ByteView value)>& visit) const = 0;
  [[nodiscard]] virtual Result<std::optional<Bytes>> get(ByteView key) const = 0;

  // The guard beside the store. It is told of writes only while it knows the store.
  [[nodiscard]] virtual Status reserve(ledger::Epoch epoch, ledger::View view,
                                       ledger::Sequence ceiling) = 0;
  // The replica has recovered: from here on this store counts. Synced.
  [[nodiscard]] virtual Status adopt() = 0;
  [[nodiscard]] virtual ledger::GuardState guard() const = 0;
  [[nodiscard]] virtual ledger::StoreAge age() const = 0;

  virtual void crash(CrashKind kind, Prng& dice) = 0;

  // While the replica is down: the store is as it was at an earlier `copy`, or new and empty; the
  // guard stays. A copy that comes back just after a power cut took the guard's last note is beyond
  // what a guard can tell; an empty store comes instead.
  virtual void copy() = 0;
  virtual void restore_copy() = 0;
  virtual void wipe() = 0;
  // While the replica is down: a bit of one record flips. Nobody reads such a store: who opens it
  // finds it damaged (checksums; ledger/store.h), sets it aside and begins an empty one.
  virtual void flip(Prng& dice) = 0;
  [[nodiscard]] virtual bool is_damaged() const = 0;

  DiskFaults faults;
};

class LedgerDisk : public ledger::StateReader {
 public:
  [[nodiscard]] virtual Status append(const ledger::CertifiedBatch& batch,
                                      const ledger::Execution& execution) = 0;
  [[nodiscard]] virtual Status sync() = 0;

  [[nodiscard]] virtual ledger::Height height() const = 0;
  [[nodiscard]] virtual ledger::Height synced() const = 0;
  [[nodiscard]] virtual ledger::TimeMs time() const = 0;
  [[nodiscard]] virtual ledger::TreeHead tree_head() const = 0;
  // Of the head, with the root of its state.
  [[nodiscard]] virtual ledger::CheckpointNote checkpoint_note() = 0;
  // Of the checkpoint that was executed here last. Nothing if its note was never asked for, unless
  // it is the head.
  [[nodiscard]] virtual std::optional<ledger::CheckpointNote> own_checkpoint(
      ledger::Height height) = 0;
  // Precondition: 1 <= height <= height().
  [[nodiscard]] virtual Result<ledger::CertifiedBatch> block(ledger::Height height) const = 0;
  [[nodiscard]] virtual Result<std::optional<ledger::TxLocation>> find(
      const ledger::TxId& id) const = 0;

  virtual void crash(CrashKind kind, Prng& dice) = 0;
  // While the replica is down: it begins again at genesis.
  virtual void wipe() = 0;
  // As VoteDisk::flip.
  virtual void flip(Prng& dice) = 0;
  [[nodiscard]] virtual bool is_damaged() const = 0;
  // The state holds a key that no block wrote, with good checksums, as after a fault of memory.
  virtual void damage_state() = 0;

  DiskFaults faults;
};

// In memory.
[[nodiscard]] std::unique_ptr<VoteDisk> memory_votes(const ledger::Digest& chain_id);
[[nodiscard]] std::unique_ptr<LedgerDisk> memory_ledger(const ledger::Genesis& genesis);

}  // namespace quorate::testnet
