#include "ledger/audit_replay.h"

#include <fmt/format.h>
#include <leveldb/write_batch.h>

#include "crypto/bcs.h"
#include "ledger/audit_sum.h"
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

Bytes progress_key() { return {'a'}; }
Bytes root_key() { return {'v'}; }

class NewPages final : public PageWriter {
 public:
  NewPages(std::map<StatePath, StatePage>& pages, std::vector<PageId>& replaced)
      : pages_(pages), replaced_(replaced) {}
  void write(const StatePath& path, const StatePage& page) override { pages_[path] = page; }
  void replace(const PageId& page) override { replaced_.push_back(page); }

 private:
  std::map<StatePath, StatePage>& pages_;
  std::vector<PageId>& replaced_;
};

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

AuditReplay::AuditReplay(const Genesis& genesis, std::shared_ptr<LevelDb> database)
    : genesis_(genesis), database_(std::move(database)) {}

AuditReplay::~AuditReplay() = default;

Result<std::unique_ptr<AuditReplay>> AuditReplay::open(const std::filesystem::path& folder,
                                                       const Genesis& genesis,
                                                       const StoreOptions& options) {
  auto database = LevelDb::open(folder, kWords, options);
  const bool is_new = !database && database.error().code == kWords.missing;
  if (is_new) database = LevelDb::create(folder, kWords, options);
  if (!database) return tl::unexpected(std::move(database.error()));
  std::unique_ptr<AuditReplay> replay(new AuditReplay(genesis, std::move(*database)));
  QUORATE_TRY(is_new ? replay->begin() : replay->resume());
  return replay;
}

Status AuditReplay::begin() {
  progress_.chain_id = chain_id_of(genesis_);
  for (const auto& [key, value] : genesis_state(genesis_)) {
    recent_[key] = value;
    const Digest key_hash = crypto::sha256(key);
    changed_.insert_or_assign(key_hash, change_of(key_hash, key, value));
  }
  NewPages writer(new_pages_, replaced_);
  QUORATE_ASSIGN(root_, write_version(StateHole{}, changed_, version_, pages(), writer));
  changed_.clear();
  leveldb::WriteBatch identity;
  put_identity(identity, {kWords.format, progress_.chain_id, {}});
  QUORATE_TRY(database_->write(identity, false));
  return flush();
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
  version_ = progress_.height;
  return {};
}

Result<std::optional<Bytes>> AuditReplay::get(ByteView key) const {
  const auto recent = recent_.find(Bytes(key.begin(), key.end()));
  if (recent != recent_.end()) return recent->second;
  return database_->get(keys::state(key), nullptr, "a value of the state");
}

PageReader AuditReplay::pages() const {
  return [this](const PageId& id) -> Result<StatePage> {
    if (id.version == version_) {
      const auto fresh = new_pages_.find(id.path);
      if (fresh != new_pages_.end()) return fresh->second;
    }
    return read_stored_page(*database_, id);
  };
}

Result<std::optional<AuditFinding>> AuditReplay::execute(
    const JudgedBlock& block, std::span<const TransactionPtr> transactions) {
  QUORATE_ASSIGN(const Execution execution,
                 ledger::execute(block.record.batch, transactions, genesis_, *this));
  if (auto finding = judge_results(block, execution)) return finding;
  if (auto finding = judge_writes(block, execution.writes)) return finding;
  for (const auto& [key, value] : execution.writes) {
    recent_[key] = value;
    const Digest key_hash = crypto::sha256(key);
    changed_.insert_or_assign(key_hash, change_of(key_hash, key, value));
  }
  if (!block.own_note) return std::nullopt;
  return judge_state_root(block);
}

Result<std::optional<AuditFinding>> AuditReplay::judge_state_root(const JudgedBlock& block) {
  NewPages writer(new_pages_, replaced_);
  QUORATE_ASSIGN(root_, write_version(root_, changed_, block.height, pages(), writer));
  version_ = block.height;
  changed_.clear();
  const Digest root = digest_of(root_);
  if (root == block.own_note->state_root) return std::nullopt;
  return AuditFinding{block.height, std::nullopt, "checkpoint note, state root",
                      root.hex() + ", by execution from genesis",
                      block.own_note->state_root.hex()};
}

Status AuditReplay::keep(const AuditProgress& progress) {
  progress_ = progress;
  return flush();
}

Status AuditReplay::flush() {
  leveldb::WriteBatch batch;
  for (const auto& [key, value] : recent_) {
    if (value) {
      batch.Put(as_slice(keys::state(key)), as_slice(*value));
    } else {
      batch.Delete(as_slice(keys::state(key)));
    }
  }
  for (const auto& [path, page] : new_pages_) {
    put(batch, keys::page({version_, path}), page.slots);
  }
  for (const PageId& page : replaced_) batch.Delete(as_slice(keys::page(page)));
  put(batch, progress_key(), progress_);
  put(batch, root_key(), root_);
  QUORATE_TRY(database_->write(batch, false));
  recent_.clear();
  new_pages_.clear();
  replaced_.clear();
  return {};
}

Status AuditReplay::for_each_value(
    const std::function<Status(ByteView key, ByteView value)>& visit) const {
  QUORATE_TRY(database_->for_each(keys::state({}).front(), [&](ByteView key, ByteView value) {
    const ByteView state_key = key.subspan(1);
    const bool is_recent = recent_.contains(Bytes(state_key.begin(), state_key.end()));
    return is_recent ? Status{} : visit(state_key, value);
  }));
  for (const auto& [key, value] : recent_) {
    if (value) QUORATE_TRY(visit(key, *value));
  }
  return {};
}

Result<bool> AuditReplay::has_state_of(const LevelDb& audited) const {
  const AuditSalt salt;
  AuditSum here;
  QUORATE_TRY(for_each_value([&](ByteView key, ByteView value) -> Status {
    here.add(salt, key, value);
    return {};
  }));
  AuditSum there;
  const Status read = audited.for_each(
      keys::state({}).front(), [&](ByteView key, ByteView value) -> Status {
        there.add(salt, key.subspan(1), value);
        return {};
      });
  return read.has_value() && here == there;
}

// What is compared is not stored: the working folder stays as of its progress.
Result<std::optional<AuditFinding>> AuditReplay::compare_state(const LevelDb& audited) {
  QUORATE_ASSIGN(const bool is_same, has_state_of(audited));
  if (is_same) return std::nullopt;
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
  const Status searched = for_each_value([&](ByteView key, ByteView value) -> Status {
    QUORATE_ASSIGN(const auto found, audited.get(keys::state(key), nullptr, "a value"));
    if (!found) return wrong(key, Bytes(value.begin(), value.end()), std::nullopt);
    return {};
  });
  if (!finding) QUORATE_TRY(searched);
  return finding;
}

}  // namespace quorate::ledger
