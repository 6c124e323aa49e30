// The state's tree in the ledger: its versions, what changed since the last one, and what goes.

#include <algorithm>

#include "crypto/check.h"
#include "ledger/snapshot_import.h"
#include "ledger/state_tree.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {
namespace {

void add(StateChanges& changes, ByteView key, const std::optional<Bytes>& value) {
  const Digest key_hash = crypto::sha256(key);
  changes.insert_or_assign(key_hash, change_of(key_hash, key, value));
}

}  // namespace

void BatchPages::write(const StatePath& path, StatePage page) {
  put(batch_, keys::page({version_, path}), page.slots);
}

void BatchPages::finish(const StateSlot& root) {
  if (version_.value > 0) put(batch_, keys::replaced(version_), replaced_);
  put(batch_, keys::version(version_), root);
}

Status put_first_version(leveldb::WriteBatch& batch, const WriteSet& state) {
  StateChanges changes;
  for (const auto& [key, value] : state) add(changes, key, value);
  BatchPages pages(batch, Height{0});
  const PageReader none = [](const PageId&) -> Result<StatePage> { return StatePage{}; };
  QUORATE_ASSIGN(const StateSlot root,
                 write_version(StateHole{}, changes, Height{0}, none, pages));
  pages.finish(root);
  return {};
}

// --- one moment

Result<StatePage> StoreMoment::page(const PageId& id) const {
  return read_stored_page(*database, id, snapshot);
}

Result<StatePage> read_stored_page(const LevelDb& database, const PageId& id,
                                   const LevelDb::Snapshot& snapshot) {
  const std::function<std::string()> what = [&id] {
    return fmt::format("the page of the state tree at path {} of version {}", to_hex(id.path),
                       id.version.value);
  };
  QUORATE_ASSIGN(const std::optional<Bytes> bytes,
                 database.get(keys::page(id), snapshot, what));
  if (!bytes) return database.corrupt(what() + " is missing");
  auto slots = crypto::decode<StateSlots>(*bytes);
  if (!slots) return database.corrupt(what() + " does not decode");
  return StatePage{std::move(*slots)};
}

Result<std::optional<Bytes>> StoreMoment::value_at(std::size_t version, ByteView key) const {
  constexpr std::string_view kWhat = "a value of the state";
  for (std::size_t i = version; i < versions->size(); ++i) {
    QUORATE_ASSIGN(const auto before, find(keys::before((*versions)[i].height, key), kWhat));
    if (!before) continue;
    auto value = crypto::decode<std::optional<Bytes>>(*before);
    if (!value) {
      return database->corrupt(fmt::format("the value of {} at version {} does not decode",
                                           to_hex(key), (*versions)[i].height.value));
    }
    return value;
  }
  return find(keys::state(key), kWhat);
}

// --- at opening

Result<std::vector<StateVersion>> Store::Impl::load_versions(const StoreMoment& at) const {
  std::vector<StateVersion> versions;
  QUORATE_TRY(database->for_each(
      keys::version({}).front(), [&](ByteView key, ByteView value) -> Status {
        auto root = crypto::decode<StateSlot>(value);
        const Height height = keys::height_in(key);
        if (!root || key.size() != keys::version({}).size() || height > at.head.height) {
          return database->corrupt("a version of the state's tree does not decode");
        }
        versions.push_back({height, std::move(*root)});
        return {};
      }));
  if (versions.empty()) return database->corrupt("the state's tree is missing");
  for (const StateVersion& version : versions) {
    if (version.height.value == 0) continue;
    QUORATE_ASSIGN(const auto own, at.own_checkpoint(version.height));
    if (!own || own->state_root != digest_of(version.root)) {
      return database->corrupt(fmt::format(
          "the state root of height {} is not that of its checkpoint", version.height.value));
    }
  }
  QUORATE_ASSIGN(const auto own, at.own_checkpoint(at.head.height));
  if (own && versions.back().height != at.head.height) {
    return database->corrupt(
        fmt::format("the state's tree of height {} is missing", at.head.height.value));
  }
  return versions;
}

Result<std::optional<SnapshotOrigin>> load_origin(const LevelDb& database) {
  QUORATE_ASSIGN(const auto bytes, database.get(keys::origin(), nullptr, "the origin"));
  if (!bytes) return std::nullopt;
  auto origin = crypto::decode<SnapshotOrigin>(*bytes);
  if (!origin) return database.corrupt("where it began does not decode");
  return std::move(*origin);
}

Result<std::optional<SnapshotOrigin>> Store::origin() const {
  return load_origin(*impl_->database);
}

Status Store::Impl::load(StoredHead head) {
  StoreMoment loaded;
  loaded.database = database;
  loaded.head = std::move(head);
  QUORATE_ASSIGN(const auto origin, load_origin(*database));
  if (origin) loaded.base = origin->checkpoint.note.sequence;
  QUORATE_TRY(loaded.check_head());
  QUORATE_ASSIGN(std::vector<StateVersion> versions, load_versions(loaded));
  const Height newest = versions.back().height;
  loaded.versions = std::make_shared<const std::vector<StateVersion>>(std::move(versions));
  for (Height at = next(newest); at <= loaded.head.height; at = next(at)) {
    QUORATE_ASSIGN(const auto writes, loaded.read<std::vector<StoredWrite>>(
                                          keys::writes(at), at, "list of writes"));
    for (const StoredWrite& write : writes) add(changed, write.key, write.value);
  }
  QUORATE_ASSIGN(const auto last,
                 database->last_between(keys::stable(Height{0}), keys::after_stable()));
  if (last) highest_stable = keys::height_in(last->key);
  publish(loaded);
  leveldb::WriteBatch dropped;  // what a crash left
  QUORATE_TRY(drop_versions(dropped, loaded, nullptr));
  if (loaded.versions->front().height != now()->versions->front().height) {
    QUORATE_TRY(database->write(dropped, false));
  }
  publish(std::move(loaded));
  return keep_epoch_proof();
}

// --- while it grows

Status Store::Impl::note_changes(leveldb::WriteBatch& batch, const WriteSet& writes, Undo& undo) {
  const auto at = now();
  const Height version = at->versions->back().height;
  for (const auto& [key, value] : writes) {
    const Digest key_hash = crypto::sha256(key);
    StateChange change = change_of(key_hash, key, value);
    const auto [place, is_new] = changed.try_emplace(key_hash, change);
    if (is_new) {
      undo.emplace_back(key_hash, std::nullopt);
      QUORATE_ASSIGN(const auto before, at->find(keys::state(key), "a value of the state"));
      put(batch, keys::before(version, key), before);
    } else {
      undo.emplace_back(key_hash, std::exchange(place->second, std::move(change)));
    }
  }
  return {};
}

void Store::Impl::undo_changes(const Undo& undo) {
  // A write set names a key once, so the order does not matter.
  for (const auto& [key_hash, before] : undo) {
    if (before) {
      changed.insert_or_assign(key_hash, *before);
    } else {
      changed.erase(key_hash);
    }
  }
}

Status Store::Impl::add_version(leveldb::WriteBatch& batch, StoreMoment& next) const {
  BatchPages pages(batch, next.head.height);
  QUORATE_ASSIGN(StateSlot root, write_version(next.versions->back().root, changed,
                                               next.head.height, next.pages(), pages));
  pages.finish(root);
  auto versions = std::make_shared<std::vector<StateVersion>>(*next.versions);
  versions->push_back({next.head.height, std::move(root)});
  next.versions = std::move(versions);
  return {};
}

Status Store::Impl::drop_versions(leveldb::WriteBatch& batch, StoreMoment& next,
                                  const StableCheckpoint* fresh) const {
  const std::vector<StateVersion>& versions = *next.versions;
  std::size_t base = 0;
  while (base + 1 < versions.size() && versions[base + 1].height <= highest_stable) ++base;
  for (std::size_t i = 0; i < base; ++i) {
    const Height version = versions[i].height;
    batch.Delete(as_slice(keys::version(version)));
    const Bytes first = keys::before(version, {});
    QUORATE_TRY(database->for_each_from(first, first.size(), [&](ByteView key, ByteView) {
      batch.Delete(as_slice(key));
      return Status{};
    }));
    const Height after = versions[i + 1].height;
    QUORATE_ASSIGN(const auto replaced, next.read<std::vector<PageId>>(
                                            keys::replaced(after), after, "list of pages"));
    for (const PageId& page : replaced) batch.Delete(as_slice(keys::page(page)));
    batch.Delete(as_slice(keys::replaced(after)));
  }
  if (base > 0) {
    next.versions = std::make_shared<const std::vector<StateVersion>>(
        versions.begin() + static_cast<std::ptrdiff_t>(base), versions.end());
  }
  const Height height = next.versions->front().height;
  if (next.proved && next.proved->note.sequence == height) return {};
  next.proved = nullptr;
  if (fresh != nullptr && fresh->note.sequence == height) {
    next.proved = std::make_shared<const StableCheckpoint>(*fresh);
  } else if (height.value > 0 && height <= highest_stable) {
    QUORATE_ASSIGN(auto found, stable(height));
    if (found) next.proved = std::make_shared<const StableCheckpoint>(std::move(*found));
  }
  return {};
}

// --- the state at a stable checkpoint

std::optional<StableView> Store::stable_view() const {
  auto moment = impl_->now();
  if (!moment->proved) return std::nullopt;
  return StableView(std::move(moment));
}

const StableCheckpoint& StableView::checkpoint() const { return *moment_->proved; }
Height StableView::head() const { return moment_->head.height; }
const StateSlot& StableView::root() const { return moment_->versions->front().root; }
PageReader StableView::pages() const { return moment_->pages(); }

Result<crypto::merkle::Frontier> StableView::frontier() const {
  return moment_->frontier_at(checkpoint().note.head.size);
}

Result<std::optional<Bytes>> StableView::get(ByteView key) const {
  return moment_->value_at(0, key);
}

Result<StateProof> StableView::prove(ByteView key) const {
  QUORATE_ASSIGN(auto proof, prove_key(root(), key, pages(),
                                       [this](ByteView other) { return get(other); }));
  QUORATE_ASSIGN(const std::optional<Bytes> value, get(key));
  if (!verify_key(proof, key, value, checkpoint().note.state_root)) {
    return moment_->database->corrupt(
        fmt::format("the value of the state under {} is not that of the tree of height {}",
                    to_hex(key), checkpoint().note.sequence.value));
  }
  return proof;
}

// --- the whole state against its tree

Status Store::check_state(const std::function<bool()>& goes_on) const {
  const auto moment = impl_->now();
  const std::size_t newest = moment->versions->size() - 1;
  const StateVersion& version = (*moment->versions)[newest];
  std::int64_t keys = 0;
  bool is_stopped = false;
  const auto check = [&](const StateKey& found) -> Result<bool> {
    ++keys;
    is_stopped = keys % 1024 == 0 && goes_on && !goes_on();
    if (is_stopped) return false;
    QUORATE_ASSIGN(const auto value, moment->value_at(newest, found.key));
    const Digest key_hash = crypto::sha256(found.key);
    if (value && state_leaf(key_hash, crypto::sha256(*value)) == found.leaf) return true;
    return moment->database->corrupt(
        fmt::format("the value of the state under {} is not that of the tree of height {}",
                    to_hex(found.key), version.height.value));
  };
  QUORATE_TRY(for_each_key(version.root, {}, moment->pages(), check));
  if (is_stopped) return {};
  // As many are there, but for those that came and went since.
  std::int64_t stored = 0;
  QUORATE_TRY(moment->database->for_each_at(
      keys::state({}), 1, moment->snapshot, [&](ByteView, ByteView) -> Status {
        ++stored;
        return {};
      }));
  const Bytes since = keys::before(version.height, {});
  QUORATE_TRY(moment->database->for_each_at(
      since, since.size(), moment->snapshot, [&](ByteView key, ByteView before) -> Status {
        const bool was_there = !before.empty() && before.front() != 0;
        QUORATE_ASSIGN(const auto now, moment->find(keys::state(key.subspan(since.size())),
                                                    "a value of the state"));
        stored += (was_there ? 1 : 0) - (now ? 1 : 0);
        return {};
      }));
  if (stored == keys) return {};
  return moment->database->corrupt(fmt::format(
      "the state has {} keys that its tree of height {} has not", stored - keys,
      version.height.value));
}

Status Store::check_bytes(const std::function<bool()>& goes_on) const {
  return impl_->database->check_tables(goes_on);
}

std::optional<Error> Store::damage() const { return impl_->database->damage(); }

}  // namespace quorate::ledger
