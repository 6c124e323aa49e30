#pragma once

// The inside of Store. For store*.cc only.

#include <fmt/format.h>
#include <leveldb/write_batch.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/bcs.h"
#include "crypto/merkle.h"
#include "ledger/leveldb_open.h"
#include "ledger/state_tree.h"
#include "ledger/store.h"
#include "ledger/store_keys.h"

namespace quorate::ledger {

// One whole block: the head, and LevelDB as it was when the head was written.
struct StoreMoment {
  std::shared_ptr<LevelDb> database;
  StoredHead head;
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
  [[nodiscard]] Result<Digest> log_root(std::uint64_t size) const;
  [[nodiscard]] Result<Digest> node(const crypto::merkle::NodeId& id) const;
  [[nodiscard]] Status check_height(Height height) const;
  [[nodiscard]] Result<Record> record(Height height) const;
  [[nodiscard]] Result<CommitCertificate> certificate(Height height, const Record& record) const;
  [[nodiscard]] Result<std::optional<CheckpointNote>> own_checkpoint(Height height) const;
  [[nodiscard]] Status check_head() const;
};

struct Store::Impl {
  std::shared_ptr<LevelDb> database;
  Digest chain_id;
  std::mutex tree_mutex;  // is taken before `mutex`
  StateTree tree;         // of `moment`'s state whenever tree_mutex is free
  mutable std::mutex mutex;
  std::shared_ptr<const StoreMoment> moment;  // replaced as a whole
  Height highest_stable;                      // for the thread that appends; 0: none is stored

  [[nodiscard]] std::shared_ptr<const StoreMoment> now() const {
    const std::lock_guard lock(mutex);
    return moment;
  }

  void publish(StoredHead head) {
    auto next = std::make_shared<const StoreMoment>(
        StoreMoment{database, std::move(head), database->snapshot()});
    const std::lock_guard lock(mutex);
    moment.swap(next);
  }

  // Tree and highest_stable from what is stored, the tree held against the head's own note.
  [[nodiscard]] Status load();
  // Writes `batch` with the head's note, if it is a checkpoint, and publishes; or does neither, and
  // the tree is as before.
  [[nodiscard]] Status append(leveldb::WriteBatch& batch, StoredHead head,
                              const Execution& execution);
  // Precondition: tree_mutex is held, and the tree is that of the state at `head`.
  [[nodiscard]] CheckpointNote note_of(const StoredHead& head);
  // Precondition: the height is not above the head.
  [[nodiscard]] Status check_against_own(const CheckpointNote& certified);
  [[nodiscard]] Result<std::optional<StableCheckpoint>> stable_between(ByteView first, ByteView end,
                                                                       bool last) const;
  [[nodiscard]] Result<std::optional<StableCheckpoint>> stable(Height height) const;
};

template <class T>
void put(leveldb::WriteBatch& batch, const Bytes& key, const T& value) {
  batch.Put(as_slice(key), as_slice(crypto::encode(value)));
}

}  // namespace quorate::ledger
