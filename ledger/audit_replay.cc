#include "ledger/audit_replay.h"

#include <fmt/format.h>
#include <leveldb/write_batch.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {
namespace {

constexpr StoreWords kWords = {
    .name = "working folder of an audit",
    .missing = "audit-folder-missing",
    .exists = "audit-folder-exists",
    .in_use = "audit-folder-in-use",
    .other_chain = "audit-folder-other-chain",
    .newer_format = "audit-folder-newer-format",
    .corrupt = "audit-folder-corrupt",
    .unreadable = "audit-folder-unreadable",
    .write_failed = "audit-folder-write-failed",
    .stopped = "audit-folder-stopped",
    .rebuild = "Remove it; the audit then begins anew.",
    .format = 1,
};

constexpr std::size_t kWriteBufferBytes = 8 << 20;
constexpr std::size_t kCacheBytes = 8 << 20;
// What waits in memory, so that what soon changes again is not written at all: about so many bytes
// of values, and of pages.
constexpr std::size_t kValueBytesMax = 8 << 20;
constexpr std::size_t kPageBytesMax = 24 << 20;
constexpr std::size_t kEntryBytes = 128;  // of a map
// When pages were stored and are many, those of at most this many nibbles stay in memory, 4,369 at
// most: every checkpoint of a busy ledger changes nearly all of them.
constexpr std::size_t kKeptNibblesMax = 3;

Bytes progress_key() { return {'a'}; }
Bytes root_key() { return {'v'}; }

std::string in_words(const TxResult& result) {
  std::string text(outcome_code(result.outcome));
  if (result.failed_operation) text += fmt::format(" by operation {}", *result.failed_operation);
  return text;
}

std::optional<AuditFinding> judge_results(const JudgedBlock& block, const Execution& execution) {
  for (std::size_t i = 0; i < block.results.size(); ++i) {
    if (block.results[i] == execution.results[i]) continue;
    return AuditFinding{block.height, static_cast<std::uint32_t>(i), "result",
                        in_words(execution.results[i]) + ", by execution from genesis",
                        in_words(block.results[i])};
  }
  return std::nullopt;
}

std::optional<AuditFinding> judge_writes(const JudgedBlock& block, const WriteSet& writes) {
  const auto wrong = [&](ByteView key, std::string expected, std::string found) {
    return AuditFinding{block.height, std::nullopt, "write set, key " + audit_text(key),
                        std::move(expected), std::move(found)};
  };
  const auto text = [](const std::optional<Bytes>& value) {
    return value ? audit_text(*value) : std::string("its removal");
  };
  auto expected = writes.begin();
  for (const StoredWrite& found : block.writes) {
    if (expected == writes.end() || found.key < expected->first) {
      return wrong(found.key, "no write", text(found.value));
    }
    if (expected->first < found.key) return wrong(expected->first, text(expected->second), "none");
    if (expected->second != found.value) {
      return wrong(found.key, text(expected->second), text(found.value));
    }
    ++expected;
  }
  if (expected == writes.end()) return std::nullopt;
  return wrong(expected->first, text(expected->second), "none");
}

}  // namespace

std::size_t AuditReplay::bytes_of(const HeldPage& page) {
  return 2 * kEntryBytes + page.slots.size();
}

// Takes the pages of a new version.
class AuditReplay::Pages final : public PageWriter {
 public:
  Pages(AuditReplay& replay, Height version) : replay_(replay), version_(version) {}
  void write(const StatePath& path, StatePage page) override {
    HeldPage& held = replay_.pages_[path];
    held = {version_, false, page.made_digest, crypto::encode(page.slots)};
    replay_.page_bytes_ += bytes_of(held);
  }
  void replace(const PageId& page) override {
    const auto held = replay_.pages_.find(page.path);
    const bool is_held = held != replay_.pages_.end() && held->second.version == page.version;
    if (!is_held || held->second.is_stored) replay_.replaced_.push_back(page);
    if (!is_held) return;
    replay_.page_bytes_ -= bytes_of(held->second);
    replay_.pages_.erase(held);
  }

 private:
  AuditReplay& replay_;
  Height version_;
};

AuditReplay::AuditReplay(const Genesis& genesis, std::shared_ptr<LevelDb> database,
                         bool may_resume)
    : genesis_(genesis), database_(std::move(database)), may_resume_(may_resume) {}

AuditReplay::~AuditReplay() = default;

Result<std::unique_ptr<AuditReplay>> AuditReplay::open(const std::filesystem::path& folder,
                                                       const Genesis& genesis,
                                                       const StoreOptions& options,
                                                       bool may_resume) {
  // Written much and read soon, then thrown away.
  StoreOptions own = options;
  own.write_buffer_bytes = kWriteBufferBytes;
  own.cache_bytes = kCacheBytes;
  own.is_compressed = false;
  auto database = LevelDb::open(folder, kWords, own);
  const bool is_new = !database && database.error().code == kWords.missing;
  if (is_new) database = LevelDb::create(folder, kWords, own);
  if (!database) return tl::unexpected(std::move(database.error()));
  std::unique_ptr<AuditReplay> replay(new AuditReplay(genesis, std::move(*database), may_resume));
  QUORATE_TRY(is_new ? replay->begin() : replay->resume());
  return replay;
}

Status AuditReplay::begin() {
  progress_.chain_id = chain_id_of(genesis_);
  for (const auto& [key, value] : genesis_state(genesis_)) {
    recent_[key] = value;
  }
  QUORATE_TRY(write_recent(Height{0}));
  leveldb::WriteBatch identity;
  put_identity(identity, {kWords.format, progress_.chain_id, {}});
  QUORATE_TRY(database_->write(identity, false));
  QUORATE_TRY(keep(progress_));
  return store();
}

Status AuditReplay::resume() {
  QUORATE_TRY(read_identity(*database_, chain_id_of(genesis_)));
  QUORATE_ASSIGN(const auto progress, database_->get(progress_key(), nullptr, "the progress"));
  QUORATE_ASSIGN(const auto root, database_->get(root_key(), nullptr, "the state's root"));
  if (!progress || !root) return database_->corrupt("it says no progress");
  auto read = crypto::decode<AuditProgress>(*progress);
  auto slot = crypto::decode<StateSlot>(*root);
  if (!read || !slot || !read->frontier.is_well_formed()) {
    return database_->corrupt("its progress does not decode");
  }
  progress_ = std::move(*read);
  root_ = std::move(*slot);
  return {};
}

Result<std::optional<Bytes>> AuditReplay::get(ByteView key) const {
  for (const Values* values : {&recent_, &unstored_}) {
    const auto found = values->find(key);
    if (found != values->end()) return found->second;
  }
  return database_->get(keys::state(key), nullptr, "a value of the state");
}

Result<std::optional<AuditFinding>> AuditReplay::execute(
    const JudgedBlock& block, std::span<const TransactionPtr> transactions) {
  QUORATE_ASSIGN(Execution execution,
                 ledger::execute(block.record.batch, transactions, genesis_, *this));
  if (auto finding = judge_results(block, execution)) return finding;
  if (auto finding = judge_writes(block, execution.writes)) return finding;
  while (!execution.writes.empty()) {
    auto write = execution.writes.extract(execution.writes.begin());
    recent_.insert_or_assign(std::move(write.key()), std::move(write.mapped()));
  }
  if (!block.own_note) return std::nullopt;
  return judge_state_root(block);
}

Result<std::optional<AuditFinding>> AuditReplay::judge_state_root(const JudgedBlock& block) {
  QUORATE_TRY(write_recent(block.height));
  const Digest root = digest_of(root_);
  if (root == block.own_note->state_root) return std::nullopt;
  return AuditFinding{block.height, std::nullopt, "checkpoint note, state root",
                      root.hex() + ", by execution from genesis",
                      block.own_note->state_root.hex()};
}

Status AuditReplay::write_recent(Height version) {
  std::vector<HashedChange> changes;
  changes.reserve(recent_.size());
  for (const auto& [key, value] : recent_) {
    const Digest key_hash = crypto::sha256(key);
    changes.emplace_back(key_hash, change_of(key_hash, key, value));
  }
  std::vector<const HashedChange*> sorted;
  sorted.reserve(changes.size());
  for (const HashedChange& change : changes) sorted.push_back(&change);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  const PageReader read = [this](const PageId& id) -> Result<StatePage> {
    const auto held = pages_.find(id.path);
    if (held == pages_.end() || held->second.version != id.version) {
      return read_stored_page(*database_, id);
    }
    auto slots = crypto::decode<StateSlots>(held->second.slots);
    QUORATE_CHECK(slots.has_value(), "what was encoded here decodes");
    return StatePage{std::move(*slots), held->second.made_digest};
  };
  Pages writer(*this, version);
  QUORATE_ASSIGN(root_, write_version(root_, sorted, version, read, writer));
  return {};
}

Status AuditReplay::keep(const AuditProgress& progress) {
  progress_ = progress;
  for (const auto& [key, value] : recent_) {
    unstored_bytes_ += kEntryBytes + key.size() + (value ? value->size() : 0);
  }
  while (!recent_.empty()) {
    auto placed = unstored_.insert(recent_.extract(recent_.begin()));
    if (!placed.inserted) placed.position->second = std::move(placed.node.mapped());
  }
  const bool has_many_values = unstored_bytes_ >= kValueBytesMax;
  const bool has_many_pages = page_bytes_ >= kPageBytesMax;
  if (!has_many_values && !has_many_pages) return {};
  if (may_resume_) return store();
  leveldb::WriteBatch batch;
  if (has_many_values) put_values(batch);
  if (has_many_pages) put_pages(batch);
  return database_->write(batch, false);
}

Status AuditReplay::store() {
  leveldb::WriteBatch batch;
  put_values(batch);
  put_pages(batch);
  put(batch, progress_key(), progress_);
  put(batch, root_key(), root_);
  return database_->write(batch, false);
}

void AuditReplay::put_values(leveldb::WriteBatch& batch) {
  for (const auto& [key, value] : unstored_) {
    if (value) {
      batch.Put(as_slice(keys::state(key)), as_slice(*value));
    } else {
      batch.Delete(as_slice(keys::state(key)));
    }
  }
  unstored_.clear();
  unstored_bytes_ = 0;
}

void AuditReplay::put_pages(leveldb::WriteBatch& batch) {
  for (auto& [path, held] : pages_) {
    if (held.is_stored) continue;
    batch.Put(as_slice(keys::page({held.version, path})), as_slice(held.slots));
    held.is_stored = true;
  }
  for (const PageId& page : replaced_) batch.Delete(as_slice(keys::page(page)));
  replaced_.clear();
  if (page_bytes_ < kPageBytesMax / 2) return;
  std::erase_if(pages_, [&](const auto& each) {
    const bool goes = each.first.front() > kKeptNibblesMax;
    if (goes) page_bytes_ -= bytes_of(each.second);
    return goes;
  });
}

Status AuditReplay::for_each_value(
    const std::function<Status(ByteView key, ByteView value)>& visit) const {
  QUORATE_TRY(database_->for_each(keys::state({}).front(), [&](ByteView key, ByteView value) {
    const ByteView state_key = key.subspan(1);
    const bool is_older = recent_.contains(state_key) || unstored_.contains(state_key);
    return is_older ? Status{} : visit(state_key, value);
  }));
  for (const auto& [key, value] : unstored_) {
    if (value && !recent_.contains(key)) QUORATE_TRY(visit(key, *value));
  }
  for (const auto& [key, value] : recent_) {
    if (value) QUORATE_TRY(visit(key, *value));
  }
  return {};
}

// What is compared is not stored: the working folder stays as of its progress.
Result<std::optional<AuditFinding>> AuditReplay::compare_state(const LevelDb& audited) {
  std::optional<AuditFinding> finding;
  const auto wrong = [&](ByteView key, const std::optional<Bytes>& expected,
                         const std::optional<Bytes>& found) {
    finding = AuditFinding{std::nullopt, std::nullopt, "state, key " + audit_text(key),
                           audit_text(expected), audit_text(found)};
    return end_of_walk();
  };
  std::uint64_t keys_found = 0;
  const Status read = audited.for_each(
      keys::state({}).front(), [&](ByteView key, ByteView value) -> Status {
        ++keys_found;
        QUORATE_ASSIGN(const auto expected, get(key.subspan(1)));
        const Bytes found(value.begin(), value.end());
        if (!expected || *expected != found) return wrong(key.subspan(1), expected, found);
        return {};
      });
  if (finding) return finding;
  if (!read) {
    QUORATE_ASSIGN(AuditFinding unreadable, as_finding(read.error(), "state"));
    return unreadable;
  }
  std::uint64_t keys_expected = 0;
  QUORATE_TRY(for_each_value([&](ByteView, ByteView) -> Status {
    ++keys_expected;
    return {};
  }));
  if (keys_expected == keys_found) return std::nullopt;
  // The least of those that are missing: values come in no order.
  std::optional<KeyValue> missing;
  QUORATE_TRY(for_each_value([&](ByteView key, ByteView value) -> Status {
    if (missing && !BytesLess{}(key, missing->key)) return {};
    QUORATE_ASSIGN(const auto found, audited.get(keys::state(key), nullptr, "a value"));
    if (!found) missing = {Bytes(key.begin(), key.end()), Bytes(value.begin(), value.end())};
    return {};
  }));
  if (missing) static_cast<void>(wrong(missing->key, missing->value, std::nullopt));
  return finding;
}

}  // namespace quorate::ledger
