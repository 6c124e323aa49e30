#pragma once

// The one door to LevelDB. Both stores open, read and write through it, so these hold everywhere:
//
//   - paranoid_checks at opening and compaction, verify_checksums on every read;
//   - a database comes into being in `create` only: a missing CURRENT is "...-missing", never an
//     empty store;
//   - what a power cut leaves behind the last whole record is dropped and reported; any other
//     damage is an error that names the file (ledger/leveldb_folder.h);
//   - a repair that guesses is never called: it reads without checksums and writes what it read;
//   - the first failed write is the last one: nothing is written after it;
//   - a log is synced before LevelDB goes on to the next one. LevelDB itself closes it unsynced, so
//     that a power cut could take records from the middle and a synced write would promise more
//     than it holds;
//   - every batch ends with the seal, a key whose value has no zero bit, so that no finished file
//     ends in zeros and a damaged record is never taken for one that a power cut left unfinished;
//   - files are read with pread, not mapped: a bad sector is an error then, not a SIGBUS.

#include <leveldb/slice.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/bytes.h"
#include "crypto/sha256.h"
#include "ledger/leveldb_folder.h"
#include "ledger/store_options.h"

namespace leveldb {
class Cache;
class DB;
class Env;
class FilterPolicy;
class Iterator;
class Logger;
class Snapshot;
class Status;
class WriteBatch;
}  // namespace leveldb

namespace quorate::ledger {

class StoreEnv;

// How a store speaks of itself in errors. String literals.
struct StoreWords {
  std::string_view name;          // "ledger"
  std::string_view missing;       // kNotFound
  std::string_view exists;        // kConflict
  std::string_view in_use;        // kConflict
  std::string_view other_chain;   // kConflict
  std::string_view newer_format;  // kUnsupported
  std::string_view corrupt;       // kCorrupt
  std::string_view unreadable;    // kEnvironment: the operating system refused to open or read
  std::string_view write_failed;  // kEnvironment, once
  std::string_view stopped;       // kEnvironment, from then on
  std::string_view rebuild;       // what to do about damage, after the folder was set aside
  std::uint32_t format = 1;       // of what this version writes; it reads no other
  std::string_view older_format = "store-older-format";  // kUnsupported
};

[[nodiscard]] inline leveldb::Slice as_slice(ByteView bytes) {
  if (bytes.empty()) return {};  // of no bytes, but not of a null pointer
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline ByteView as_view(const leveldb::Slice& slice) {
  return {reinterpret_cast<const std::uint8_t*>(slice.data()), slice.size()};
}

// No key of a store begins with this byte.
inline constexpr std::uint8_t kSealPrefix = 0xff;

struct KeyValue {
  Bytes key;
  Bytes value;
};

// One open database. One thread writes; any thread reads.
class LevelDb : public std::enable_shared_from_this<LevelDb> {
 public:
  // Makes the folder, whose parent exists. Errors: words.exists unless the folder is missing or
  // empty, words.in_use, words.unreadable.
  [[nodiscard]] static Result<std::shared_ptr<LevelDb>> create(const std::filesystem::path& folder,
                                                               const StoreWords& words,
                                                               const StoreOptions& options);
  // Errors: words.missing, words.in_use, words.corrupt, words.unreadable.
  [[nodiscard]] static Result<std::shared_ptr<LevelDb>> open(const std::filesystem::path& folder,
                                                             const StoreWords& words,
                                                             const StoreOptions& options);
  ~LevelDb();
  LevelDb(const LevelDb&) = delete;
  LevelDb& operator=(const LevelDb&) = delete;

  using Snapshot = std::shared_ptr<const leveldb::Snapshot>;
  // What was written so far, held until the last copy of the pointer goes; keeps this object alive.
  [[nodiscard]] Snapshot snapshot();

  // As of the snapshot, or the newest if that is null. Errors: words.corrupt, words.unreadable;
  // `what` names in them what was read, e.g. "the record of height 7".
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key, const Snapshot& snapshot,
                                                 std::string_view what) const;
  // As above; `what` is asked only if something is wrong.
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key, const Snapshot& snapshot,
                                                 const std::function<std::string()>& what) const;

  // All keys that begin with `prefix`, in order, until `visit` returns an error.
  [[nodiscard]] Status for_each(
      std::uint8_t prefix, const std::function<Status(ByteView key, ByteView value)>& visit) const;
  // From `first` on, as long as keys begin with its first `prefix_bytes`.
  [[nodiscard]] Status for_each_from(
      ByteView first, std::size_t prefix_bytes,
      const std::function<Status(ByteView key, ByteView value)>& visit) const;
  // As of the snapshot.
  [[nodiscard]] Status for_each_at(
      ByteView first, std::size_t prefix_bytes, const Snapshot& snapshot,
      const std::function<Status(ByteView key, ByteView value)>& visit) const;

  // The first and the last with first <= key < end; nullopt: none.
  [[nodiscard]] Result<std::optional<KeyValue>> first_between(ByteView first, ByteView end) const;
  [[nodiscard]] Result<std::optional<KeyValue>> last_between(ByteView first, ByteView end) const;
  // The first `count_max` such keys.
  [[nodiscard]] Result<std::vector<Bytes>> keys_between(ByteView first, ByteView end,
                                                        std::size_t count_max) const;

  // Adds the seal and writes. Errors: words.write_failed, then words.stopped for ever.
  [[nodiscard]] Status write(leveldb::WriteBatch& batch, bool synced);

  // What opening found behind the last whole records.
  [[nodiscard]] const std::vector<DroppedTail>& dropped_tails() const { return dropped_tails_; }
  [[nodiscard]] const StoreWords& words() const { return words_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // words.corrupt with the way forward. `what` is a clause, e.g. "the head does not decode".
  [[nodiscard]] tl::unexpected<Error> corrupt(std::string_view what) const;
  // Reads every table from its file, past all caches, and holds each block against its checksum.
  // Not those that are being written, and one that goes meanwhile is no longer of the database.
  // `goes_on` is asked now and then. Error:
  // words.corrupt, naming the file; words.unreadable.
  [[nodiscard]] Status check_tables(const std::function<bool()>& goes_on) const;
  // The first words.corrupt that anybody met here, by a read or by `corrupt`. Any thread.
  [[nodiscard]] std::optional<Error> damage() const;

 private:
  LevelDb(const std::filesystem::path& folder, const StoreWords& words,
          const StoreOptions& options);
  [[nodiscard]] Status make_folder() const;
  [[nodiscard]] Status check_files();
  [[nodiscard]] Status open_database(bool is_new);
  [[nodiscard]] Result<std::optional<KeyValue>> found_at(const leveldb::Iterator& at,
                                                         ByteView first, ByteView end) const;
  [[nodiscard]] tl::unexpected<Error> unreadable(std::string_view what) const;
  [[nodiscard]] tl::unexpected<Error> error_of(const leveldb::Status& status,
                                               std::string_view what) const;
  [[nodiscard]] tl::unexpected<Error> error_of(const FolderFault& fault) const;

  const StoreWords& words_;
  leveldb::Env& base_env_;
  std::string folder_;
  std::size_t write_buffer_bytes_;
  bool is_compressed_;
  std::vector<DroppedTail> dropped_tails_;
  std::atomic<bool> stopped_ = false;
  mutable std::mutex damage_mutex_;
  mutable std::optional<Error> damage_;
  // In this order, because the database uses the others to its end.
  std::unique_ptr<StoreEnv> env_;
  std::unique_ptr<leveldb::Logger> logger_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> database_;
};

// What a store is, under one key of its own. A newer version may change what follows the format.
struct StoreIdentity {
  std::uint32_t format = 1;
  crypto::Digest chain_id;
  crypto::Digest store_id;  // zero where the store has none
};
void put_identity(leveldb::WriteBatch& batch, const StoreIdentity& identity);
// Errors: words.corrupt, words.newer_format, words.older_format, words.other_chain.
[[nodiscard]] Result<StoreIdentity> read_identity(const LevelDb& database,
                                                  const crypto::Digest& chain_id);

}  // namespace quorate::ledger
