#pragma once

// The vote store: what a replica signed, with the bodies that its votes vouch for.
//
// A LevelDB of its own, every write synced, so that a vote never waits for execution or compaction.
// It holds opaque records by key; pbft/durable.h says what they are. Each write carries a number,
// one higher than the last; the guard (ledger/guard.h) remembers the number of the last write whose
// messages may have left, so an old copy of this store is recognised.
//
// One thread at a time. After a failed write every further write fails ("vote-store-stopped"): a
// replica that cannot remember a vote must not cast it, and a failed fsync is never retried.
//
// Keys in LevelDB:
//
//   'f'          BCS(StoreIdentity): format, chain id, store id (ledger/leveldb_open.h)
//   'l'          u64: number of the last write
//   'v' <key>    a record
//   ff           the seal

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ledger/leveldb_folder.h"
#include "ledger/store_options.h"
#include "ledger/types.h"

namespace quorate::ledger {

struct VoteRecord {
  Bytes key;
  Bytes value;
};

class VoteStore {
 public:
  // `store_id` is random and new: it tells this store from any other that ever stood beside the
  // guard. Errors: "vote-store-exists" (kConflict), "vote-store-in-use" (kConflict),
  // "vote-store-unreadable" and "vote-store-write-failed" (kEnvironment).
  [[nodiscard]] static Result<std::unique_ptr<VoteStore>> create(
      const std::filesystem::path& folder, const Digest& chain_id, const Digest& store_id,
      const StoreOptions& options = {});
  // Errors: "vote-store-missing" (kNotFound), "vote-store-in-use" (kConflict),
  // "vote-store-other-chain" (kConflict), "vote-store-newer-format" (kUnsupported),
  // "vote-store-corrupt" (kCorrupt), "vote-store-unreadable" (kEnvironment).
  [[nodiscard]] static Result<std::unique_ptr<VoteStore>> open(const std::filesystem::path& folder,
                                                               const Digest& chain_id,
                                                               const StoreOptions& options = {});
  ~VoteStore();

  // All records in one atomic, synced write. Returns the number of this write.
  // Errors: "vote-store-write-failed" (kEnvironment), then "vote-store-stopped".
  [[nodiscard]] Result<std::uint64_t> write(const std::vector<VoteRecord>& records);

  // Removes keys, durable with the next write's sync; not numbered. Errors as for `write`.
  [[nodiscard]] Status erase(const std::vector<Bytes>& keys);
  // The same for every record with first <= key < end; writes nothing if there is none. A crash may
  // leave some of them. What was removed before slows a search from below it, so `first` is best
  // where the last call ended. Errors: also as for `for_each`.
  [[nodiscard]] Status erase_range(ByteView first, ByteView end);

  [[nodiscard]] const Digest& store_id() const;
  [[nodiscard]] std::uint64_t last_write() const;  // 0 = none yet
  // What opening found behind the last whole records: writes that a crash left unfinished.
  [[nodiscard]] const std::vector<DroppedTail>& dropped_tails() const;

  // Every record whose key is `first` or after it and begins with the same byte, in key order,
  // until `visit` returns an error. Stops at the first error ("vote-store-corrupt",
  // "vote-store-unreadable"); what was visited before it is good, but not all.
  [[nodiscard]] Status for_each_from(
      ByteView first, const std::function<Status(ByteView key, ByteView value)>& visit) const;
  // The same for every record.
  [[nodiscard]] Status for_each(
      const std::function<void(ByteView key, ByteView value)>& visit) const;
  // nullopt: no such record. Errors as for `for_each`.
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const;

 private:
  struct Impl;
  explicit VoteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quorate::ledger
