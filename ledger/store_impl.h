#pragma once

// The inside of Store. For store*.cc only.

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/bcs.h"
#include "crypto/merkle.h"
#include "ledger/leveldb_open.h"
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

  [[nodiscard]] Result<Digest> node(const crypto::merkle::NodeId& id) const;
  [[nodiscard]] Status check_height(Height height) const;
  [[nodiscard]] Result<Record> record(Height height) const;
  [[nodiscard]] Result<CommitCertificate> certificate(Height height, const Record& record) const;
  [[nodiscard]] Status check_head() const;
};

struct Store::Impl {
  std::shared_ptr<LevelDb> database;
  Digest chain_id;
  mutable std::mutex mutex;
  std::shared_ptr<const StoreMoment> moment;  // replaced as a whole

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
};

}  // namespace quorate::ledger
