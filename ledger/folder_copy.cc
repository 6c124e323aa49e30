#include "ledger/folder_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "ledger/durable_file.h"

namespace quorate::ledger {
namespace {

constexpr int kAttemptsMax = 200;
constexpr std::chrono::milliseconds kPause{25};
constexpr std::size_t kChunkBytes = 1 << 20;
constexpr std::size_t kNameBytesMax = 256;

tl::unexpected<Error> copy_failed(const std::filesystem::path& file, std::string_view what,
                                  int error) {
  return fail(ErrorKind::kEnvironment, "copy-failed",
              fmt::format("{} could not be {}: {}", file.string(), what, errno_text(error)),
              "Make room or mend the disk, and begin again; nothing was finished.");
}

class OpenFile {
 public:
  static Result<OpenFile> open(const std::filesystem::path& file, int flags) {
    const int descriptor = ::open(file.c_str(), flags | O_CLOEXEC, 0644);
    if (descriptor < 0) return copy_failed(file, "opened", errno);
    return OpenFile(file, descriptor);
  }
  OpenFile(OpenFile&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] Result<std::uint64_t> size() const {
    struct stat facts {};
    if (::fstat(descriptor_, &facts) != 0) return copy_failed(path_, "looked at", errno);
    return static_cast<std::uint64_t>(facts.st_size);
  }

 private:
  OpenFile(std::filesystem::path path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  std::filesystem::path path_;
  int descriptor_;
};

Result<std::string> read_current(const std::filesystem::path& folder) {
  const auto file = OpenFile::open(folder / "CURRENT", O_RDONLY);
  if (!file) {
    return fail(ErrorKind::kNotFound, "ledger-missing",
                fmt::format("{} holds no file CURRENT, without which there is no ledger",
                            folder.string()),
                "Name the ledger's folder, or the home of the node that has it.");
  }
  std::string text(kNameBytesMax, '\0');
  std::size_t count = 0;
  const std::span out(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  const int error = read_all_at(file->descriptor(), out, 0, count);
  if (error != 0) return copy_failed(file->path(), "read", error);
  text.resize(count);
  return text;
}

// Files that are consistent with each other, open.
struct OpenSet {
  std::string manifest;
  std::uint64_t manifest_bytes = 0;
  std::vector<OpenFile> files;  // tables, then logs by number, CURRENT and the MANIFEST
};

bool is_kept(const std::string& name) {
  return name.ends_with(".ldb") || name.ends_with(".sst") || name.ends_with(".log");
}

// nullopt: something changed meanwhile.
Result<std::optional<OpenSet>> open_set(const std::filesystem::path& folder) {
  OpenSet set;
  QUORATE_ASSIGN(const std::string current, read_current(folder));
  set.manifest = current.substr(0, current.find('\n'));
  auto manifest = OpenFile::open(folder / set.manifest, O_RDONLY);
  if (!manifest) return std::nullopt;
  QUORATE_ASSIGN(set.manifest_bytes, manifest->size());
  std::vector<std::string> names;
  std::error_code trouble;
  for (const auto& entry : std::filesystem::directory_iterator(folder, trouble)) {
    const std::string name = entry.path().filename().string();
    if (is_kept(name)) names.push_back(name);
  }
  if (trouble) return copy_failed(folder, "listed", trouble.value());
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a.ends_with(".log"), a) < std::pair(b.ends_with(".log"), b);
  });
  for (const std::string& name : names) {
    auto file = OpenFile::open(folder / name, O_RDONLY);
    if (!file && !std::filesystem::exists(folder / name, trouble)) return std::nullopt;
    if (!file) return tl::unexpected(file.error());
    set.files.push_back(std::move(*file));
  }
  QUORATE_ASSIGN(auto current_file, OpenFile::open(folder / "CURRENT", O_RDONLY));
  QUORATE_ASSIGN(const std::string current_now, read_current(folder));
  QUORATE_ASSIGN(const std::uint64_t bytes_now, manifest->size());
  if (current_now != current || bytes_now != set.manifest_bytes) return std::nullopt;
  set.files.push_back(std::move(current_file));
  set.files.push_back(std::move(*manifest));
  return set;
}

// A large ledger has more files than a process may have open unless it asks.
void raise_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

Result<OpenSet> open_consistent_set(const std::filesystem::path& folder) {
  raise_files_limit();
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kPause);
    QUORATE_ASSIGN(auto set, open_set(folder));
    if (set) return std::move(*set);
  }
  return fail(ErrorKind::kUnavailable, "ledger-changes-too-fast",
              fmt::format("{} changed each of the {} times that it was looked at", folder.string(),
                          kAttemptsMax),
              "Try again when the node has less to do, or stop it for the time of the copy.");
}

// Copies `bytes` at most, or to the end of the file, and syncs.
class Copying {
 public:
  Copying(OnCopy on_copy, std::uint64_t bytes_all)
      : on_copy_(std::move(on_copy)), step_{0, bytes_all} {}

  Result<CopiedFile> copy(const OpenFile& from, const std::filesystem::path& to,
                          std::uint64_t bytes) {
    QUORATE_ASSIGN(const OpenFile target, OpenFile::open(to, O_WRONLY | O_CREAT | O_EXCL));
    CopiedFile copied{to.filename().string(), 0, {}};
    crypto::Sha256 hash;
    while (copied.bytes < bytes) {
      buffer_.resize(std::min<std::uint64_t>(kChunkBytes, bytes - copied.bytes));
      std::size_t count = 0;
      int error = read_all_at(from.descriptor(), buffer_, copied.bytes, count);
      if (error != 0) return copy_failed(from.path(), "read", error);
      if (count == 0) break;
      const ByteView read(buffer_.data(), count);
      error = write_all_at(target.descriptor(), read, copied.bytes);
      if (error != 0) return copy_failed(to, "written", error);
      hash.update(read);
      copied.bytes += count;
      step_.bytes += count;
      if (on_copy_) on_copy_(step_);
    }
    if (::fsync(target.descriptor()) != 0) return copy_failed(to, "synced", errno);
    copied.sha256 = hash.finish();
    return copied;
  }

 private:
  OnCopy on_copy_;
  CopyStep step_;
  Bytes buffer_;
};

Status make_folder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0755) == 0) return {};
  if (errno != EEXIST) return copy_failed(folder, "made", errno);
  return fail(ErrorKind::kConflict, "copy-target-exists",
              fmt::format("{} is there already", folder.string()),
              "Name a folder that is not, or remove it.");
}

Status sync_folder(const std::filesystem::path& folder) {
  if (const int error = sync_directory(folder); error != 0) {
    return copy_failed(folder, "synced", error);
  }
  return {};
}

}  // namespace

Result<std::vector<CopiedFile>> copy_live_folder(const std::filesystem::path& from,
                                                 const std::filesystem::path& to,
                                                 const OnCopy& on_copy) {
  QUORATE_ASSIGN(const OpenSet set, open_consistent_set(from));
  QUORATE_TRY(make_folder(to));
  std::uint64_t bytes_all = 0;
  for (const OpenFile& file : set.files) {
    QUORATE_ASSIGN(const std::uint64_t bytes, file.size());
    bytes_all += bytes;
  }
  Copying copying(on_copy, bytes_all);
  std::vector<CopiedFile> copied;
  for (const OpenFile& file : set.files) {
    const std::string name = file.path().filename().string();
    // What the MANIFEST has got since may name files that are not in the set.
    const std::uint64_t bytes = name == set.manifest ? set.manifest_bytes : UINT64_MAX;
    QUORATE_ASSIGN(CopiedFile done, copying.copy(file, to / name, bytes));
    copied.push_back(std::move(done));
  }
  QUORATE_TRY(sync_folder(to));
  std::sort(copied.begin(), copied.end(),
            [](const CopiedFile& a, const CopiedFile& b) { return a.name < b.name; });
  return copied;
}

Status copy_files(const std::filesystem::path& from, const std::filesystem::path& to,
                  const std::vector<CopiedFile>& files, const OnCopy& on_copy) {
  QUORATE_TRY(make_folder(to));
  std::uint64_t bytes_all = 0;
  for (const CopiedFile& each : files) bytes_all += each.bytes;
  Copying copying(on_copy, bytes_all);
  for (const CopiedFile& each : files) {
    QUORATE_ASSIGN(const OpenFile file, OpenFile::open(from / each.name, O_RDONLY));
    QUORATE_ASSIGN(const CopiedFile done, copying.copy(file, to / each.name, UINT64_MAX));
    if (done.bytes == each.bytes && done.sha256 == each.sha256) continue;
    return fail(ErrorKind::kCorrupt, "copy-differs",
                fmt::format("{}: expected {} bytes with SHA-256 {}, found {} with {}",
                            (from / each.name).string(), each.bytes, each.sha256.hex(),
                            done.bytes, done.sha256.hex()),
                "The backup is damaged: use another one, or let the node fetch from its peers.");
  }
  return sync_folder(to);
}

bool is_locked(const std::filesystem::path& lock_file) {
  const auto file = OpenFile::open(lock_file, O_RDWR);
  if (!file) return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(file->descriptor(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace quorate::ledger
