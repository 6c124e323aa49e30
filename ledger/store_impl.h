#pragma once

// The inside of Store. For store*.cc, log_view.cc and snapshot_import.cc only.

#include <fmt/format.h>
#include <leveldb/write_batch.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/bcs.h"
#include "crypto/merkle.h"
#include "ledger/epoch_proof.h"
#include "ledger/leveldb_open.h"
#include "ledger/log_nodes.h"
#include "ledger/membership.h"
#include "ledger/state_pages.h"
#include "ledger/store.h"
#include "ledger/store_keys.h"

namespace quorate::ledger {

// One whole block: the head, and LevelDB as it was when the head was written.
struct StoreMoment {
  std::shared_ptr<LevelDb> database;
  StoredHead head;
  // Up to here blocks are not kept: the ledger began from a snapshot. 0: all are.
  Height base;
  // Those kept of the state's tree, the oldest first; never empty.
  std::shared_ptr<const std::vector<StateVersion>> versions;
  // Of the oldest version; null: no stable checkpoint is known there.
  std::shared_ptr<const StableCheckpoint> proved;
  // Of the log, shared by all moments of a store.
  std::shared_ptr<LogNodes> log_nodes = std::make_shared<LogNodes>();
  LevelDb::Snapshot snapshot;

  [[nodiscard]] Result<std::optional<Bytes>> find(const Bytes& key, std::string_view what) const {
    return database->get(key, snapshot, what);
  }

  // A value that must be there and decode; `part` names it, e.g. "record".
  template <class T>
  [[nodiscard]] Result<T> read(const Bytes& key, Height height, std::string_view part) const {
    const std::string what = fmt::format("the {} of height {}", part, height.value);
    QUORATE_ASSIGN(const std::optional<Bytes> bytes, find(key, what));
    if (!bytes) return database->corrupt(fmt::format("{} is missing", what));
    auto value = crypto::decode<T>(*bytes);
    if (!value) {
      return database->corrupt(fmt::format("{} does not decode ({})", what, value.error().code));
    }
    return value;
  }

  [[nodiscard]] tl::unexpected<Error> differs(std::string_view part, Height height) const {
    return database->corrupt(
        fmt::format("the {} of height {} is not the one that the log holds", part, height.value));
  }

  // Of the log as it was at this size, at most the head's.
  [[nodiscard]] Result<crypto::merkle::Frontier> frontier_at(std::uint64_t size) const;
  [[nodiscard]] Result<Digest> log_root(std::uint64_t size) const;
  [[nodiscard]] Result<Digest> node(const crypto::merkle::NodeId& id) const;
  [[nodiscard]] Result<Digest> stored_node(const crypto::merkle::NodeId& id) const;
  // Keeps what is stored of the 256 nodes that this one is among.
  void keep_nodes_around(const crypto::merkle::NodeId& id) const;
  [[nodiscard]] Status check_height(Height height) const;
  [[nodiscard]] Result<Record> record(Height height) const;
  [[nodiscard]] Result<CommitCertificate> certificate(Height height, const Record& record) const;
  [[nodiscard]] Result<std::optional<CheckpointNote>> own_checkpoint(Height height) const;
  [[nodiscard]] Status check_head() const;
  // As the database has them now.
  [[nodiscard]] Result<std::vector<EpochProof>> epoch_proofs(Epoch epoch) const;

  [[nodiscard]] Result<StatePage> page(const PageId& id) const;
  [[nodiscard]] PageReader pages() const {
    return [this](const PageId& id) { return page(id); };
  }
  // As of versions[version].
  [[nodiscard]] Result<std::optional<Bytes>> value_at(std::size_t version, ByteView key) const;
};

struct Store::Impl {
  // What a block put in the place of what, among `changed`.
  using Undo = std::vector<std::pair<Digest, std::optional<StateChange>>>;

  std::shared_ptr<LevelDb> database;
  Digest chain_id;
  std::mutex tree_mutex;  // is taken before `mutex`
  StateChanges changed;   // from the newest version to the head, whenever tree_mutex is free
  mutable std::mutex mutex;
  std::shared_ptr<const StoreMoment> moment;  // replaced as a whole
  Height highest_stable;                      // for the thread that appends; 0: none is stored

  [[nodiscard]] std::shared_ptr<const StoreMoment> now() const {
    const std::lock_guard lock(mutex);
    return moment;
  }

  // Of what is written by now.
  void publish(StoreMoment changed_moment) {
    changed_moment.snapshot = database->snapshot();
    auto next = std::make_shared<const StoreMoment>(std::move(changed_moment));
    const std::lock_guard lock(mutex);
    moment.swap(next);
  }

  // Versions, changed keys and highest_stable from what is stored, held against the own notes.
  [[nodiscard]] Status load(StoredHead head);
  [[nodiscard]] Result<std::vector<StateVersion>> load_versions(const StoreMoment& at) const;
  // Writes `batch` with the head's note and version, if it is a checkpoint, and publishes; or does
  // neither, and the changed keys are as before.
  [[nodiscard]] Status append(leveldb::WriteBatch& batch, StoredHead head,
                              const Execution& execution);
  // Adds the writes to `changed`, and to the batch what stood there at the newest version.
  [[nodiscard]] Status note_changes(leveldb::WriteBatch& batch, const WriteSet& writes, Undo& undo);
  void undo_changes(const Undo& undo);
  // Adds a version of the state as it is now to the batch and to the moment.
  [[nodiscard]] Status add_version(leveldb::WriteBatch& batch, StoreMoment& next) const;
  // Drops the versions that a newer stable one has made needless, from the moment and in the batch.
  // `fresh`: a stable checkpoint that the batch itself stores.
  [[nodiscard]] Status drop_versions(leveldb::WriteBatch& batch, StoreMoment& next,
                                     const StableCheckpoint* fresh) const;
  // Keeps how the next epoch begins, if the newest stable version of the state ends one. By the
  // thread that appends.
  [[nodiscard]] Status keep_epoch_proof();
  [[nodiscard]] CheckpointNote note_of(const StoredHead& head, const Digest& state_root,
                                       const EpochStanding& standing) const;
  // Precondition: tree_mutex is held.
  [[nodiscard]] Result<CheckpointNote> head_note() const;
  // Precondition: the height is not above the head.
  [[nodiscard]] Status check_against_own(const CheckpointNote& certified);
  [[nodiscard]] Result<std::optional<StableCheckpoint>> stable_between(ByteView first, ByteView end,
                                                                       bool last) const;
  [[nodiscard]] Result<std::optional<StableCheckpoint>> stable(Height height) const;
};

extern const StoreWords kLedgerWords;

// nullopt: it began at genesis.
[[nodiscard]] Result<std::optional<SnapshotOrigin>> load_origin(const LevelDb& database);
// A stored page, as it is. Errors: "ledger-corrupt".
[[nodiscard]] Result<StatePage> read_stored_page(const LevelDb& database, const PageId& id,
                                                 const LevelDb::Snapshot& snapshot = nullptr);

// Puts a version's pages into a batch.
class BatchPages final : public PageWriter {
 public:
  BatchPages(leveldb::WriteBatch& batch, Height version) : batch_(batch), version_(version) {}

  void write(const StatePath& path, StatePage page) override;
  void replace(const PageId& page) override { replaced_.push_back(page); }
  // The root, and what it replaced.
  void finish(const StateSlot& root);

 private:
  leveldb::WriteBatch& batch_;
  Height version_;
  std::vector<PageId> replaced_;
};

// The complete subtrees that a log of this size consists of, the largest first.
[[nodiscard]] std::vector<crypto::merkle::NodeId> subtrees_of(std::uint64_t size);

// The state before the first block, as version 0.
[[nodiscard]] Status put_first_version(leveldb::WriteBatch& batch, const WriteSet& state);

template <class T>
void put(leveldb::WriteBatch& batch, const Bytes& key, const T& value) {
  batch.Put(as_slice(key), as_slice(crypto::encode(value)));
}

}  // namespace quorate::ledger
