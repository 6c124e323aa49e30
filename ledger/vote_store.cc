#include "ledger/vote_store.h"

#include <leveldb/write_batch.h>

#include <array>
#include <limits>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/leveldb_open.h"

namespace quorate::ledger {
namespace {

constexpr StoreWords kWords = {
    .name = "vote store",
    .missing = "vote-store-missing",
    .exists = "vote-store-exists",
    .in_use = "vote-store-in-use",
    .other_chain = "vote-store-other-chain",
    .newer_format = "vote-store-newer-format",
    .corrupt = "vote-store-corrupt",
    .unreadable = "vote-store-unreadable",
    .write_failed = "vote-store-write-failed",
    .stopped = "vote-store-stopped",
    .rebuild =
        "Set aside the folder and let the node make a new one; its guard keeps it from voting "
        "until a stable checkpoint covers what it may have signed.",
};

constexpr std::array<std::uint8_t, 1> kLastWriteKey = {'l'};
constexpr std::uint8_t kRecordPrefix = 'v';

Bytes record_key(ByteView key) {
  Bytes prefixed = {kRecordPrefix};
  prefixed.insert(prefixed.end(), key.begin(), key.end());
  return prefixed;
}

void put_last_write(leveldb::WriteBatch& batch, std::uint64_t number) {
  batch.Put(as_slice(kLastWriteKey), as_slice(crypto::encode(number)));
}

}  // namespace

struct VoteStore::Impl {
  std::shared_ptr<LevelDb> database;
  Digest store_id;
  std::uint64_t last_write = 0;
};

VoteStore::VoteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VoteStore::~VoteStore() = default;

Result<std::unique_ptr<VoteStore>> VoteStore::create(const std::filesystem::path& folder,
                                                     const Digest& chain_id, const Digest& store_id,
                                                     const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::create(folder, kWords, options));
  leveldb::WriteBatch batch;
  put_identity(batch, {kVoteStoreFormat, chain_id, store_id});
  put_last_write(batch, 0);
  QUORATE_TRY(database->write(batch, true));
  return std::unique_ptr<VoteStore>(
      new VoteStore(std::make_unique<Impl>(Impl{std::move(database), store_id, 0})));
}

Result<std::unique_ptr<VoteStore>> VoteStore::open(const std::filesystem::path& folder,
                                                   const Digest& chain_id,
                                                   const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::open(folder, kWords, options));
  QUORATE_ASSIGN(const StoreIdentity identity, read_identity(*database, chain_id));
  QUORATE_ASSIGN(const std::optional<Bytes> last,
                 database->get(kLastWriteKey, nullptr, "the number of the last write"));
  const auto number = last ? crypto::decode<std::uint64_t>(*last) : Result<std::uint64_t>(0);
  if (!last || !number) return database->corrupt("the number of its last write is missing");
  return std::unique_ptr<VoteStore>(
      new VoteStore(std::make_unique<Impl>(Impl{std::move(database), identity.store_id, *number})));
}

Result<std::uint64_t> VoteStore::write(const std::vector<VoteRecord>& records) {
  QUORATE_CHECK(impl_->last_write < std::numeric_limits<std::uint64_t>::max(), "2^64 vote writes");
  const std::uint64_t number = impl_->last_write + 1;
  leveldb::WriteBatch batch;
  for (const VoteRecord& record : records) {
    batch.Put(as_slice(record_key(record.key)), as_slice(record.value));
  }
  put_last_write(batch, number);
  QUORATE_TRY(impl_->database->write(batch, true));
  impl_->last_write = number;
  return number;
}

Status VoteStore::erase(const std::vector<Bytes>& keys) {
  leveldb::WriteBatch batch;
  for (const Bytes& key : keys) batch.Delete(as_slice(record_key(key)));
  return impl_->database->write(batch, false);
}

Status VoteStore::erase_range(ByteView first, ByteView end) {
  constexpr std::size_t kKeysMax = 4096;  // in memory at a time
  for (Bytes from = record_key(first);;) {
    QUORATE_ASSIGN(const std::vector<Bytes> keys,
                   impl_->database->keys_between(from, record_key(end), kKeysMax));
    if (keys.empty()) return {};
    leveldb::WriteBatch batch;
    for (const Bytes& key : keys) batch.Delete(as_slice(key));
    QUORATE_TRY(impl_->database->write(batch, false));
    from = keys.back();
  }
}

const Digest& VoteStore::store_id() const { return impl_->store_id; }

std::uint64_t VoteStore::last_write() const { return impl_->last_write; }

const std::vector<DroppedTail>& VoteStore::dropped_tails() const {
  return impl_->database->dropped_tails();
}

Status VoteStore::for_each_from(
    ByteView first, const std::function<Status(ByteView key, ByteView value)>& visit) const {
  QUORATE_CHECK(!first.empty(), "records have keys");
  // The store's own prefix and the first byte of the key.
  return impl_->database->for_each_from(record_key(first), 2, [&](ByteView key, ByteView value) {
    return visit(key.subspan(1), value);
  });
}

Result<std::optional<Bytes>> VoteStore::get(ByteView key) const {
  return impl_->database->get(record_key(key), nullptr, "a vote record");
}

Status VoteStore::for_each(const std::function<void(ByteView key, ByteView value)>& visit) const {
  return impl_->database->for_each(kRecordPrefix, [&](ByteView key, ByteView value) -> Status {
    visit(key.subspan(1), value);
    return {};
  });
}

}  // namespace quorate::ledger
