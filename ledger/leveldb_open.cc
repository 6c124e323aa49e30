#include "ledger/leveldb_open.h"

#include <fmt/format.h>
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/table.h>
#include <leveldb/write_batch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/durable_file.h"
#include "ledger/leveldb_env.h"

namespace quorate::ledger {
namespace {

constexpr std::array<std::uint8_t, 1> kIdentityKey = {'f'};
constexpr std::array<std::uint8_t, 1> kSealKey = {kSealPrefix};
constexpr std::array<std::uint8_t, 8> kSeal = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// Tables are 2 MiB; each open one holds a file descriptor, of the usual 1,024.
constexpr int kOpenFilesMax = 200;
// One false answer in a hundred. Most lookups of a transaction are for one that is not there.
constexpr int kFilterBitsPerKey = 10;

// LevelDB's own LOG file says nothing that its statuses do not, and grows.
class SilentLogger final : public leveldb::Logger {
 public:
  void Logv(const char* /*format*/, std::va_list /*arguments*/) override {}
};

bool is_on_disk(const leveldb::Env& env) { return &env == leveldb::Env::Default(); }

// One spelling a folder: inside a process, LevelDB's lock knows a folder by its name only.
std::string spelled(const std::filesystem::path& folder, const leveldb::Env& env) {
  if (!is_on_disk(env)) return folder.string();
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(folder, error);
  return error ? folder.string() : canonical.string();
}

leveldb::ReadOptions read_options(const LevelDb::Snapshot& snapshot) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.snapshot = snapshot.get();
  return options;
}

std::vector<std::string> files_in(leveldb::Env& env, const std::string& folder) {
  std::vector<std::string> names;
  // A folder that cannot be listed is one without files: the caller's next step says why.
  if (!env.GetChildren(folder, &names).ok()) return {};
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  return names;
}

// Those that the database consists of now. The folder may have others, which a compaction is
// writing, or a crash left behind. (LevelDB, db/version_set.cc: a line " 7:4096['a' .. 'b']" each.)
std::vector<std::string> tables_of(leveldb::DB& database) {
  std::string listed;
  database.GetProperty("leveldb.sstables", &listed);
  std::vector<std::string> names;
  std::istringstream lines(listed);
  for (std::string line; std::getline(lines, line);) {
    std::uint64_t number = 0;
    const char* begin = line.data() + (line.starts_with(' ') ? 1 : 0);
    const auto [end, error] = std::from_chars(begin, line.data() + line.size(), number);
    if (error == std::errc{} && *end == ':') names.push_back(fmt::format("{:06}.ldb", number));
  }
  return names;
}

leveldb::Status check_table(leveldb::Env& env, const std::string& file,
                            const std::function<bool()>& goes_on) {
  constexpr std::uint64_t kKeysATime = 1024;
  std::uint64_t bytes = 0;
  leveldb::RandomAccessFile* opened = nullptr;
  leveldb::Status status = env.GetFileSize(file, &bytes);
  if (status.ok()) status = env.NewRandomAccessFile(file, &opened);
  if (!status.ok()) return status;
  const std::unique_ptr<leveldb::RandomAccessFile> content(opened);
  leveldb::Options options;
  options.paranoid_checks = true;
  options.env = &env;
  leveldb::Table* parsed = nullptr;
  status = leveldb::Table::Open(options, content.get(), bytes, &parsed);
  if (!status.ok()) return status;
  const std::unique_ptr<leveldb::Table> table(parsed);
  leveldb::ReadOptions reading;
  reading.verify_checksums = true;
  reading.fill_cache = false;
  const std::unique_ptr<leveldb::Iterator> at(table->NewIterator(reading));
  std::uint64_t keys = 0;
  for (at->SeekToFirst(); at->Valid() && at->status().ok(); at->Next()) {
    if (++keys % kKeysATime == 0 && goes_on && !goes_on()) break;
  }
  return at->status();
}

}  // namespace

LevelDb::LevelDb(const std::filesystem::path& folder, const StoreWords& words,
                 const StoreOptions& options)
    : words_(words),
      base_env_(options.env != nullptr ? *options.env : *leveldb::Env::Default()),
      folder_(spelled(folder, base_env_)),
      write_buffer_bytes_(options.write_buffer_bytes),
      is_compressed_(options.is_compressed),
      env_(std::make_unique<StoreEnv>(base_env_)),
      logger_(std::make_unique<SilentLogger>()),
      cache_(leveldb::NewLRUCache(options.cache_bytes)),
      filter_(leveldb::NewBloomFilterPolicy(kFilterBitsPerKey)) {}

LevelDb::~LevelDb() = default;

Result<std::shared_ptr<LevelDb>> LevelDb::create(const std::filesystem::path& folder,
                                                 const StoreWords& words,
                                                 const StoreOptions& options) {
  std::shared_ptr<LevelDb> opened(new LevelDb(folder, words, options));
  QUORATE_TRY(opened->make_folder());
  QUORATE_TRY(opened->open_database(true));
  return opened;
}

Result<std::shared_ptr<LevelDb>> LevelDb::open(const std::filesystem::path& folder,
                                               const StoreWords& words,
                                               const StoreOptions& options) {
  std::shared_ptr<LevelDb> opened(new LevelDb(folder, words, options));
  QUORATE_TRY(opened->check_files());
  QUORATE_TRY(opened->open_database(false));
  return opened;
}

Status LevelDb::make_folder() const {
  if (const auto files = files_in(base_env_, folder_); !files.empty()) {
    return fail(ErrorKind::kConflict, words_.exists,
                fmt::format("a new {} was to be made in {}, which holds {} files already",
                            words_.name, folder_, files.size()),
                "Choose another folder, or use what is there.");
  }
  if (!is_on_disk(base_env_)) {
    (void)base_env_.CreateDir(folder_);  // an error shows when the first file is made
    return {};
  }
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return unreadable(fmt::format("the folder cannot be made: {}", error.message()));
  const int failure = sync_directory(std::filesystem::path(folder_).parent_path());
  if (failure != 0) {
    return unreadable(fmt::format("its parent cannot be synced: {}", errno_text(failure)));
  }
  return {};
}

Status LevelDb::check_files() {
  if (!base_env_.FileExists(folder_ + "/CURRENT")) {
    const auto files = files_in(base_env_, folder_);
    return fail(ErrorKind::kNotFound, words_.missing,
                files.empty() ? fmt::format("no {} was found in {}", words_.name, folder_)
                              : fmt::format("{} holds {} files, but not the file CURRENT, without "
                                            "which they are no {}",
                                            folder_, files.size(), words_.name),
                fmt::format("Check the path. If the {} is lost: {}", words_.name, words_.rebuild));
  }
  // LevelDB takes the same lock again at opening; whoever comes between is the one that has it.
  leveldb::FileLock* lock = nullptr;
  const auto locked = base_env_.LockFile(folder_ + "/LOCK", &lock);
  if (!locked.ok()) return error_of(locked, "it cannot be locked");
  auto found = examine_folder(base_env_, folder_);
  auto cut = found ? cut_tails(base_env_, folder_, *found)
                   : tl::expected<void, FolderFault>(tl::unexpected(found.error()));
  (void)base_env_.UnlockFile(lock);
  if (!cut) return error_of(cut.error());
  dropped_tails_ = std::move(*found);
  return {};
}

Status LevelDb::open_database(bool is_new) {
  leveldb::Options options;
  options.create_if_missing = is_new;
  options.error_if_exists = is_new;
  options.paranoid_checks = true;
  options.env = env_.get();
  options.info_log = logger_.get();
  options.max_open_files = kOpenFilesMax;
  options.write_buffer_size = write_buffer_bytes_;
  if (!is_compressed_) options.compression = leveldb::kNoCompression;
  options.block_cache = cache_.get();
  options.filter_policy = filter_.get();
  leveldb::DB* database = nullptr;
  const auto status = leveldb::DB::Open(options, folder_, &database);
  if (!status.ok()) return error_of(status, "it cannot be opened");
  database_.reset(database);
  return {};
}

LevelDb::Snapshot LevelDb::snapshot() {
  return {database_->GetSnapshot(), [self = shared_from_this()](const leveldb::Snapshot* held) {
            self->database_->ReleaseSnapshot(held);
          }};
}

Result<std::optional<Bytes>> LevelDb::get(ByteView key, const Snapshot& snapshot,
                                          std::string_view what) const {
  return get(key, snapshot, [what] { return std::string(what); });
}

Result<std::optional<Bytes>> LevelDb::get(ByteView key, const Snapshot& snapshot,
                                          const std::function<std::string()>& what) const {
  std::string value;
  const auto status = database_->Get(read_options(snapshot), as_slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return error_of(status, fmt::format("{} cannot be read", what()));
  return to_bytes(value);
}

Status LevelDb::for_each(std::uint8_t prefix,
                         const std::function<Status(ByteView, ByteView)>& visit) const {
  return for_each_from({&prefix, 1}, 1, visit);
}

Status LevelDb::for_each_from(ByteView first, std::size_t prefix_bytes,
                              const std::function<Status(ByteView, ByteView)>& visit) const {
  return for_each_at(first, prefix_bytes, nullptr, visit);
}

Status LevelDb::for_each_at(ByteView first, std::size_t prefix_bytes, const Snapshot& snapshot,
                            const std::function<Status(ByteView, ByteView)>& visit) const {
  QUORATE_CHECK(first.size() >= prefix_bytes, "the first key has the prefix");
  const leveldb::Slice prefix = as_slice(first.first(prefix_bytes));
  const std::unique_ptr<leveldb::Iterator> at(
      database_->NewIterator(read_options(snapshot)));
  for (at->Seek(as_slice(first)); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    // The iterator steps over a damaged block; what follows it is not the next record.
    if (!at->status().ok()) break;
    QUORATE_TRY(visit(as_view(at->key()), as_view(at->value())));
  }
  if (!at->status().ok()) return error_of(at->status(), "a record cannot be read");
  return {};
}

Result<std::optional<KeyValue>> LevelDb::first_between(ByteView first, ByteView end) const {
  const std::unique_ptr<leveldb::Iterator> at(database_->NewIterator(read_options(nullptr)));
  at->Seek(as_slice(first));
  return found_at(*at, first, end);
}

Result<std::optional<KeyValue>> LevelDb::last_between(ByteView first, ByteView end) const {
  const std::unique_ptr<leveldb::Iterator> at(database_->NewIterator(read_options(nullptr)));
  at->Seek(as_slice(end));
  if (at->Valid()) {
    at->Prev();
  } else if (at->status().ok()) {
    at->SeekToLast();
  }
  return found_at(*at, first, end);
}

Result<std::vector<Bytes>> LevelDb::keys_between(ByteView first, ByteView end,
                                                 std::size_t count_max) const {
  std::vector<Bytes> keys;
  const std::unique_ptr<leveldb::Iterator> at(database_->NewIterator(read_options(nullptr)));
  for (at->Seek(as_slice(first)); keys.size() < count_max; at->Next()) {
    QUORATE_ASSIGN(auto found, found_at(*at, first, end));
    if (!found) break;
    keys.push_back(std::move(found->key));
  }
  return keys;
}

Result<std::optional<KeyValue>> LevelDb::found_at(const leveldb::Iterator& at, ByteView first,
                                                  ByteView end) const {
  if (!at.status().ok()) return error_of(at.status(), "a record cannot be read");
  if (!at.Valid() || at.key().compare(as_slice(first)) < 0 ||
      at.key().compare(as_slice(end)) >= 0) {
    return std::nullopt;
  }
  const ByteView key = as_view(at.key());
  const ByteView value = as_view(at.value());
  return KeyValue{{key.begin(), key.end()}, {value.begin(), value.end()}};
}

Status LevelDb::write(leveldb::WriteBatch& batch, bool synced) {
  if (stopped_) {
    return fail(
        ErrorKind::kEnvironment, words_.stopped,
        fmt::format("the {} in {} takes no more writes since one failed", words_.name, folder_),
        "Stop the node, look at the first error, and start it again.");
  }
  batch.Put(as_slice(kSealKey), as_slice(kSeal));
  leveldb::WriteOptions options;
  options.sync = synced;
  const auto status = database_->Write(options, &batch);
  if (status.ok() && !env_->has_failed()) return {};
  stopped_ = true;
  // A compaction met a damaged table.
  if (status.IsCorruption()) return corrupt(status.ToString());
  return fail(ErrorKind::kEnvironment, words_.write_failed,
              fmt::format("a write to the {} in {} failed: {}", words_.name, folder_,
                          status.ok() ? "a log could not be synced" : status.ToString()),
              "Free space on the disk or replace it, then start the node again.");
}

tl::unexpected<Error> LevelDb::corrupt(std::string_view what) const {
  auto found = fail(ErrorKind::kCorrupt, words_.corrupt,
                    fmt::format("the {} in {} is damaged: {}", words_.name, folder_, what),
                    std::string(words_.rebuild));
  const std::lock_guard lock(damage_mutex_);
  if (!damage_) damage_ = found.value();
  return found;
}

Status LevelDb::check_tables(const std::function<bool()>& goes_on) const {
  for (const std::string& name : tables_of(*database_)) {
    const auto status = check_table(base_env_, folder_ + "/" + name, goes_on);
    if (!status.ok() && base_env_.FileExists(folder_ + "/" + name)) return error_of(status, name);
    if (goes_on && !goes_on()) return {};
  }
  return {};
}

std::optional<Error> LevelDb::damage() const {
  const std::lock_guard lock(damage_mutex_);
  return damage_;
}

tl::unexpected<Error> LevelDb::unreadable(std::string_view what) const {
  return fail(
      ErrorKind::kEnvironment, words_.unreadable,
      fmt::format("the {} in {}: {}", words_.name, folder_, what),
      fmt::format("Check permissions and the disk. If the disk lost it: {}", words_.rebuild));
}

tl::unexpected<Error> LevelDb::error_of(const leveldb::Status& status,
                                        std::string_view what) const {
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock " + folder_) != std::string::npos) {
    return fail(ErrorKind::kConflict, words_.in_use,
                fmt::format("the {} in {} is in use by another process or by this one", words_.name,
                            folder_),
                "Stop the node that uses it, or give this one a folder of its own.");
  }
  const std::string sentence = fmt::format("{}: {}", what, text);
  return status.IsIOError() || status.IsNotFound() ? unreadable(sentence) : corrupt(sentence);
}

tl::unexpected<Error> LevelDb::error_of(const FolderFault& fault) const {
  const std::string sentence = fmt::format("{}: {}", fault.file, fault.what);
  return fault.unreadable ? unreadable(sentence) : corrupt(sentence);
}

void put_identity(leveldb::WriteBatch& batch, const StoreIdentity& identity) {
  batch.Put(as_slice(kIdentityKey), as_slice(crypto::encode(identity)));
}

Result<StoreIdentity> read_identity(const LevelDb& database, const crypto::Digest& chain_id) {
  const StoreWords& words = database.words();
  QUORATE_ASSIGN(const std::optional<Bytes> found,
                 database.get(kIdentityKey, nullptr, "the identity"));
  if (!found) return database.corrupt("its identity is missing: its creation did not finish");
  constexpr std::size_t kFormatBytes = sizeof(StoreIdentity::format);
  const auto format = found->size() < kFormatBytes
                          ? Result<std::uint32_t>(0)
                          : crypto::decode<std::uint32_t>(ByteView(*found).first(kFormatBytes));
  if (format && *format > words.format) {
    return fail(ErrorKind::kUnsupported, words.newer_format,
                fmt::format("the {} in {} has format {}; this version reads up to {}", words.name,
                            database.folder(), *format, words.format),
                "Use the version of quorate that wrote it, or a newer one.");
  }
  if (format && *format > 0 && *format < words.format) {
    return fail(ErrorKind::kUnsupported, words.older_format,
                fmt::format("the {} in {} has format {}; this version reads {}", words.name,
                            database.folder(), *format, words.format),
                std::string(words.rebuild));
  }
  const auto identity = crypto::decode<StoreIdentity>(*found);
  if (!identity || identity->format != words.format) {
    return database.corrupt("its identity does not decode");
  }
  if (identity->chain_id != chain_id) {
    return fail(
        ErrorKind::kConflict, words.other_chain,
        fmt::format("the {} in {} belongs to chain {}, and chain {} was expected", words.name,
                    database.folder(), identity->chain_id.hex(), chain_id.hex()),
        "Use the genesis document that it was made with, or another folder.");
  }
  return *identity;
}

}  // namespace quorate::ledger
