#pragma once

// The store of a proof-of-work chain: numbered records, and a journal of what was believed.
//
// Records are opaque; node/pow_chain.h says what they are. They keep the order in which they were
// appended, and those that count no more are erased. The journal is an RFC 6962 log of lines, which
// only grows. One append is one atomic write, so that a crash at any byte leaves both as they were
// between two appends: the journal never tells of what the records do not have. What was appended
// unsynced may be lost in a power cut, the newest first, and whole appends only.
//
// The journal is this store's own and nobody else's: its origin names the store's id, which no
// other store has, and no quorum ever signs it.
//
// Keys in LevelDB:
//
//   'f'                    BCS(StoreIdentity): format, chain, store id  (ledger/leveldb_open.h)
//   'h'                    BCS(StoredChainHead): number of the next record, frontier of the journal
//   'e' number:u64         a record; numbers are big-endian
//   'j' index:u64          a line of the journal
//   'm' level:u8 index:u64 32 bytes: root of a complete subtree of the journal
//   ff                     the seal
//
// One thread at a time. After a failed write every further one fails ("chain-store-stopped").

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crypto/merkle.h"
#include "ledger/leveldb_folder.h"
#include "ledger/store_options.h"
#include "ledger/types.h"

namespace quorate::ledger {

inline constexpr std::uint32_t kChainStoreFormat = 1;

struct ChainAppend {
  std::vector<Bytes> records;            // numbered from next_record() on
  std::vector<std::uint64_t> erased;     // earlier ones that count no more
  std::vector<std::string> journal;      // lines
};

class ChainStore {
 public:
  // `chain` names what the records belong to; a store of another is refused. Errors:
  // "chain-store-exists", "chain-store-in-use" (kConflict), "chain-store-unreadable",
  // "chain-store-write-failed" (kEnvironment).
  [[nodiscard]] static Result<std::unique_ptr<ChainStore>> create(
      const std::filesystem::path& folder, const Digest& chain, const Digest& store_id,
      const ChainAppend& first, const StoreOptions& options = {});
  // Errors: "chain-store-missing" (kNotFound), "chain-store-in-use", "chain-store-other-chain"
  // (kConflict), "chain-store-newer-format" (kUnsupported), "chain-store-corrupt" (kCorrupt),
  // "chain-store-unreadable" (kEnvironment).
  [[nodiscard]] static Result<std::unique_ptr<ChainStore>> open(
      const std::filesystem::path& folder, const Digest& chain, const StoreOptions& options = {});
  ~ChainStore();

  // Precondition: the erased numbers are below next_record() (checked). Errors:
  // "chain-store-write-failed", then "chain-store-stopped".
  [[nodiscard]] Status append(const ChainAppend& append, bool synced);

  [[nodiscard]] std::uint64_t next_record() const;
  // In order, until `visit` returns an error. Errors: "chain-store-corrupt",
  // "chain-store-unreadable", those of `visit`.
  [[nodiscard]] Status for_each_record(
      const std::function<Status(std::uint64_t number, ByteView record)>& visit) const;

  [[nodiscard]] const Digest& store_id() const;
  // "quorate.chain-journal/<store id>": what a head of the journal is a head of.
  [[nodiscard]] std::string journal_origin() const;
  [[nodiscard]] std::uint64_t journal_size() const;
  [[nodiscard]] Digest journal_root() const;
  // At most `count_max` lines from `first` on; those that there are. Errors as for_each_record.
  [[nodiscard]] Result<std::vector<std::string>> journal_lines(std::uint64_t first,
                                                               std::uint64_t count_max) const;
  // RFC 9162 §2.1.4.1: that the journal of `size2` lines extends that of `size1`. Errors:
  // "merkle-out-of-range" (kNotFound) unless size1 <= size2 <= journal_size(), and as above.
  [[nodiscard]] Result<crypto::merkle::Path> journal_consistency(std::uint64_t size1,
                                                                 std::uint64_t size2) const;

  // What opening found behind the last whole records: writes that a crash left unfinished.
  [[nodiscard]] const std::vector<DroppedTail>& dropped_tails() const;

 private:
  struct Impl;
  explicit ChainStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quorate::ledger
