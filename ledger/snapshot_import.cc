#include "ledger/snapshot_import.h"

#include <algorithm>

#include "ledger/state_tree.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {
namespace {

constexpr StoreWords kWords = {
    .name = "snapshot",
    .missing = "snapshot-missing",
    .exists = "snapshot-exists",
    .in_use = "snapshot-in-use",
    .other_chain = "snapshot-other-chain",
    .newer_format = "snapshot-newer-format",
    .corrupt = "snapshot-corrupt",
    .unreadable = "snapshot-unreadable",
    .write_failed = "snapshot-write-failed",
    .stopped = "snapshot-stopped",
    .rebuild = "Remove the folder; the node fetches what was in it again.",
};

[[nodiscard]] Bytes key_of(const ChunkId& id) {
  Bytes key = {'c'};
  key.insert(key.end(), id.path.begin(), id.path.end());
  key.insert(key.end(), id.digest.bytes.begin(), id.digest.bytes.end());
  return key;
}

[[nodiscard]] ChunkId root_of(const Digest& state_root) { return {path_of({}, 0), state_root}; }

[[nodiscard]] Result<std::shared_ptr<LevelDb>> open_database(const std::filesystem::path& folder,
                                                             const Digest& chain_id,
                                                             const StoreOptions& options) {
  QUORATE_ASSIGN(auto database, LevelDb::open(folder, kWords, options));
  QUORATE_TRY(read_identity(*database, chain_id));
  return database;
}

// What was found says that nothing in the folder can be used; an error of the disk says nothing.
[[nodiscard]] bool is_useless(const Error& error) {
  return error.code == kWords.missing || error.code == kWords.corrupt ||
         error.code == kWords.other_chain || error.code == kWords.newer_format ||
         error.code == kWords.older_format;
}

// Puts a chunk's keys into the state and the tree of a ledger that is being made.
class Maker {
 public:
  Maker(LevelDb& database, Height version, SnapshotOrigin& origin)
      : database_(database), version_(version), origin_(origin) {}

  [[nodiscard]] Status add(const std::vector<const SnapshotEntry*>& entries) {
    leveldb::WriteBatch batch;
    StateChanges changes;
    for (const SnapshotEntry* entry : entries) {
      batch.Put(as_slice(keys::state(entry->key)), as_slice(entry->value));
      const Digest key_hash = crypto::sha256(entry->key);
      changes[key_hash] = change_of(key_hash, entry->key, entry->value);
      origin_.bytes += entry->key.size() + entry->value.size();
    }
    origin_.keys += entries.size();
    BatchPages pages(batch, version_);
    const PageReader read = [this](const PageId& id) { return read_stored_page(database_, id); };
    QUORATE_ASSIGN(root_, write_version(root_, changes, version_, read, pages));
    return database_.write(batch, false);
  }
  [[nodiscard]] const StateSlot& root() const { return root_; }

 private:
  LevelDb& database_;
  Height version_;
  SnapshotOrigin& origin_;
  StateSlot root_;
};

[[nodiscard]] tl::unexpected<Error> incomplete(const ChunkId& id) {
  return fail(ErrorKind::kCorrupt, "snapshot-incomplete",
              fmt::format("the snapshot's chunk at path {} with digest {} is missing or damaged",
                          to_hex(id.path), id.digest.hex()),
              "Start the node again; it fetches what is missing.");
}

[[nodiscard]] std::vector<const SnapshotEntry*> entries_of(const Chunk& chunk) {
  std::vector<const SnapshotEntry*> entries;
  if (const auto* all = std::get_if<std::vector<SnapshotEntry>>(&chunk)) {
    for (const SnapshotEntry& entry : *all) entries.push_back(&entry);
    return entries;
  }
  for (const ChunkSlot& slot : std::get<ChunkSlots>(chunk)) {
    if (const auto* entry = std::get_if<SnapshotEntry>(&slot)) entries.push_back(entry);
  }
  return entries;
}

[[nodiscard]] std::vector<ChunkId> ids_below(const ChunkId& id, const Chunk& chunk) {
  std::vector<ChunkId> ids;
  const auto* slots = std::get_if<ChunkSlots>(&chunk);
  for (std::size_t i = 0; slots != nullptr && i < kPageSlots; ++i) {
    if (const auto* digest = std::get_if<Digest>(&(*slots)[i])) {
      ids.push_back({path_below(id.path, i), *digest});
    }
  }
  return ids;
}

// What the ledger is besides its state, in the one synced batch that makes it a ledger.
void put_head(leveldb::WriteBatch& batch, const SnapshotHead& head, const StateSlot& root,
              const SnapshotOrigin& origin, TimeMs time) {
  const CheckpointNote& note = head.checkpoint.note;
  const auto ids = subtrees_of(note.head.size);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    batch.Put(as_slice(keys::node(ids[i])), as_slice(head.frontier.nodes[i].bytes));
  }
  put_identity(batch, {kLedgerFormat, note.chain_id, {}});
  put(batch, keys::head(), StoredHead{note.sequence, time, note.head.root, head.frontier});
  put(batch, keys::version(note.sequence), root);
  put(batch, keys::own_checkpoint(note.sequence), note);
  put(batch, keys::stable(note.sequence), head.checkpoint);
  put(batch, keys::origin(), origin);
}

}  // namespace

// --- staging

SnapshotStaging::SnapshotStaging(std::shared_ptr<LevelDb> database)
    : database_(std::move(database)) {}
SnapshotStaging::~SnapshotStaging() = default;

Result<std::unique_ptr<SnapshotStaging>> SnapshotStaging::open(const std::filesystem::path& folder,
                                                               const Digest& chain_id,
                                                               const StoreOptions& options) {
  auto database = open_database(folder, chain_id, options);
  if (!database && !is_useless(database.error())) return tl::unexpected(database.error());
  if (!database) {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    database = LevelDb::create(folder, kWords, options);
    if (!database) return tl::unexpected(database.error());
    leveldb::WriteBatch batch;
    put_identity(batch, {kWords.format, chain_id, {}});
    QUORATE_TRY((*database)->write(batch, true));
  }
  return std::unique_ptr<SnapshotStaging>(new SnapshotStaging(std::move(*database)));
}

Status SnapshotStaging::put(const ChunkId& id, const Chunk& chunk) {
  leveldb::WriteBatch batch;
  ledger::put(batch, key_of(id), chunk);
  return database_->write(batch, false);
}

Result<std::optional<Chunk>> SnapshotStaging::find(const ChunkId& id) const {
  QUORATE_ASSIGN(const auto bytes, database_->get(key_of(id), nullptr, "a chunk"));
  if (!bytes) return std::nullopt;
  auto chunk = crypto::decode<Chunk>(*bytes);
  if (!chunk || !verify_chunk(*chunk, id.path, id.digest)) return std::nullopt;
  return std::move(*chunk);
}

// --- what is to be fetched

SnapshotWork::SnapshotWork(const Digest& state_root, SnapshotStaging& staging)
    : staging_(staging), open_{root_of(state_root)} {}

Result<std::optional<ChunkId>> SnapshotWork::next() {
  while (!open_.empty()) {
    ChunkId id = std::move(open_.back());
    open_.pop_back();
    QUORATE_ASSIGN(const auto chunk, staging_.find(id));
    if (!chunk) {
      ++asked_;
      return id;
    }
    ++found_;
    go_on_below(id, *chunk);
  }
  return std::nullopt;
}

Status SnapshotWork::take(const ChunkId& id, const Chunk& chunk) {
  --asked_;
  Status verified = verify_chunk(chunk, id.path, id.digest);
  if (!verified) {
    open_.push_back(id);
    return verified;
  }
  QUORATE_TRY(staging_.put(id, chunk));
  go_on_below(id, chunk);
  return {};
}

void SnapshotWork::go_on_below(const ChunkId& id, const Chunk& chunk) {
  ++chunks_;
  for (ChunkId& below : ids_below(id, chunk)) open_.push_back(std::move(below));
}

// --- the ledger

Status make_ledger(const std::filesystem::path& folder, const Genesis& genesis,
                   const SnapshotHead& head, const std::vector<EpochProof>& epochs,
                   const SnapshotStaging& staging, SnapshotOrigin& origin,
                   const StoreOptions& options) {
  const CheckpointNote& note = head.checkpoint.note;
  QUORATE_TRY(check_snapshot_head(head, genesis, epochs));
  QUORATE_ASSIGN(const auto database, LevelDb::create(folder, kLedgerWords, options));
  Maker maker(*database, note.sequence, origin);
  std::vector<ChunkId> open = {root_of(note.state_root)};
  while (!open.empty()) {
    const ChunkId id = std::move(open.back());
    open.pop_back();
    QUORATE_ASSIGN(const auto chunk, staging.find(id));
    if (!chunk) return incomplete(id);
    QUORATE_TRY(maker.add(entries_of(*chunk)));
    std::vector<ChunkId> below = ids_below(id, *chunk);
    std::move(below.rbegin(), below.rend(), std::back_inserter(open));
  }
  if (digest_of(maker.root()) != note.state_root) return incomplete(root_of(note.state_root));
  QUORATE_ASSIGN(const auto time_leaf,
                 database->get(keys::state(time_key()), nullptr, "the time leaf"));
  const auto time = crypto::decode<TimeMs>(time_leaf.value_or(Bytes{}));
  if (!time) return incomplete(root_of(note.state_root));
  origin.checkpoint = head.checkpoint;
  leveldb::WriteBatch batch;
  for (const EpochProof& proof : epochs) put(batch, keys::epoch_proof(proof.start.epoch), proof);
  put_head(batch, head, maker.root(), origin, *time);
  return database->write(batch, true);
}

}  // namespace quorate::ledger
