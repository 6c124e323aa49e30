#include "ledger/leveldb_folder.h"

#include <fmt/format.h>
#include <leveldb/env.h>
#include <leveldb/status.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "ledger/durable_file.h"
#include "ledger/leveldb_log.h"

namespace quorate::ledger {
namespace {

constexpr std::string_view kManifestPrefix = "MANIFEST-";
constexpr int kOriginalsMax = 99;

using Fault = tl::unexpected<FolderFault>;

Fault damaged(std::string file, std::string what) {
  return Fault({std::move(file), std::move(what), false});
}

Fault unreadable(std::string file, const leveldb::Status& status) {
  return Fault({std::move(file), status.ToString(), true});
}

std::optional<std::uint64_t> parse_number(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// The number of "000007.log", if `name` is such.
std::optional<std::uint64_t> log_number_of(std::string_view name) {
  if (!name.ends_with(".log")) return std::nullopt;
  return parse_number(name.substr(0, name.size() - 4));
}

bool is_data_file(std::string_view name) {
  return name == "CURRENT" || name.starts_with(kManifestPrefix) || name.ends_with(".log") ||
         name.ends_with(".ldb") || name.ends_with(".sst");
}

// A MANIFEST record: tagged fields in LevelDB's varints. Only the log number matters here.
class EditReader {
 public:
  explicit EditReader(std::string_view bytes) : bytes_(bytes) {}

  // False if the record does not parse to its end.
  [[nodiscard]] bool read(std::optional<std::uint64_t>& log_number) {
    while (!bytes_.empty()) {
      const auto tag = take_number();
      if (!tag || !take_field(*tag, log_number)) return false;
    }
    return true;
  }

 private:
  bool take_field(std::uint64_t tag, std::optional<std::uint64_t>& log_number) {
    switch (tag) {
      case 1:  // comparator
        return take_text();
      case 2:  // log number: older logs are not needed any more
        log_number = take_number();
        return log_number.has_value();
      case 3:  // next file number
      case 4:  // last sequence
      case 9:  // previous log number
        return take_number().has_value();
      case 5:  // compact pointer
        return take_number() && take_text();
      case 6:  // deleted file
        return take_number() && take_number();
      case 7:  // new file
        return take_number() && take_number() && take_number() && take_text() && take_text();
      default:
        return false;
    }
  }

  std::optional<std::uint64_t> take_number() {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      number |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return number;
    }
    return std::nullopt;
  }

  bool take_text() {
    const auto length = take_number();
    if (!length || *length > bytes_.size()) return false;
    bytes_.remove_prefix(static_cast<std::size_t>(*length));
    return true;
  }

  std::string_view bytes_;
};

tl::expected<std::string, FolderFault> manifest_of(leveldb::Env& env, const std::string& folder) {
  const std::string current = folder + "/CURRENT";
  std::string content;
  const auto status = leveldb::ReadFileToString(&env, current, &content);
  if (!status.ok()) return unreadable(current, status);
  const std::string_view text = content;
  if (!text.starts_with(kManifestPrefix) || !text.ends_with('\n') ||
      !parse_number(
          text.substr(kManifestPrefix.size(), text.size() - kManifestPrefix.size() - 1))) {
    return damaged(current, "it does not name a MANIFEST");
  }
  content.pop_back();
  if (!env.FileExists(folder + "/" + content)) {
    return damaged(current, fmt::format("it names {}, which is missing", content));
  }
  return content;
}

DroppedTail tail_of(std::string file, const LogScan& scan) {
  return {std::move(file), scan.whole_end, scan.size - scan.whole_end,
          scan.ending == LogEnding::kZeroTail, ""};
}

tl::expected<LogScan, FolderFault> scan_file(
    leveldb::Env& env, const std::string& path,
    const std::function<void(std::string_view)>& on_record) {
  LogScan scan;
  const auto status = scan_log(env, path, on_record, scan);
  if (!status.ok()) return unreadable(path, status);
  if (scan.ending == LogEnding::kDamaged) {
    return damaged(path, fmt::format("byte {} of {} begins a record with {}", scan.damage_at,
                                     scan.size, scan.damage));
  }
  return scan;
}

tl::expected<void, FolderFault> link_or_copy(leveldb::Env& env, const std::string& from,
                                             const std::string& to, std::uint64_t bytes_max) {
  constexpr std::size_t kChunkBytes = 1 << 16;
  if (&env == leveldb::Env::Default() && bytes_max == UINT64_MAX) {
    std::error_code error;
    std::filesystem::remove(to, error);
    std::filesystem::create_hard_link(from, to, error);
    if (!error) return {};
  }
  leveldb::SequentialFile* opened = nullptr;
  auto status = env.NewSequentialFile(from, &opened);
  if (!status.ok()) return unreadable(from, status);
  const std::unique_ptr<leveldb::SequentialFile> source(opened);
  leveldb::WritableFile* created = nullptr;
  status = env.NewWritableFile(to, &created);
  if (!status.ok()) return unreadable(to, status);
  const std::unique_ptr<leveldb::WritableFile> target(created);

  std::string scratch(kChunkBytes, '\0');
  for (std::uint64_t left = bytes_max; left > 0;) {
    leveldb::Slice part;
    status = source->Read(static_cast<std::size_t>(std::min<std::uint64_t>(left, kChunkBytes)),
                          &part, scratch.data());
    if (!status.ok()) return unreadable(from, status);
    if (part.empty()) break;
    left -= part.size();
    status = target->Append(part);
    if (!status.ok()) return unreadable(to, status);
  }
  status = target->Sync();
  if (status.ok()) status = target->Close();
  if (!status.ok()) return unreadable(to, status);
  return {};
}

tl::expected<void, FolderFault> sync_names(leveldb::Env& env, const std::string& folder) {
  if (&env != leveldb::Env::Default()) return {};
  const int error = sync_directory(folder);
  if (error != 0) return Fault({folder, errno_text(error), true});
  return {};
}

// Copies or links the whole folder beside it. CURRENT goes last: a kept folder without it was not
// finished, and its name is free.
tl::expected<std::string, FolderFault> keep_original(leveldb::Env& env, const std::string& folder) {
  std::string kept;
  for (int n = 1; n <= kOriginalsMax && kept.empty(); ++n) {
    const std::string name = fmt::format("{}.before-cut-{}", folder, n);
    if (!env.FileExists(name + "/CURRENT")) kept = name;
  }
  if (kept.empty()) {
    return Fault({folder, fmt::format("{} kept originals stand beside it", kOriginalsMax), true});
  }
  std::vector<std::string> names;
  auto status = env.GetChildren(folder, &names);
  if (!status.ok()) return unreadable(folder, status);
  (void)env.CreateDir(kept);  // it may be there from an attempt that did not finish
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!is_data_file(name) || name == "CURRENT") continue;
    if (auto done = link_or_copy(env, folder + "/" + name, kept + "/" + name, UINT64_MAX); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (auto done = sync_names(env, kept); !done) return tl::unexpected(done.error());
  const std::string unfinished = kept + "/CURRENT.unfinished";
  if (auto done = link_or_copy(env, folder + "/CURRENT", unfinished, UINT64_MAX); !done) {
    return tl::unexpected(done.error());
  }
  status = env.RenameFile(unfinished, kept + "/CURRENT");
  if (!status.ok()) return unreadable(kept, status);
  if (auto done = sync_names(env, kept); !done) return tl::unexpected(done.error());
  const std::string parent = std::filesystem::path(folder).parent_path().string();
  if (auto done = sync_names(env, parent); !done) return tl::unexpected(done.error());
  return kept;
}

}  // namespace

tl::expected<std::vector<DroppedTail>, FolderFault> examine_folder(leveldb::Env& env,
                                                                   const std::string& folder) {
  const auto manifest = manifest_of(env, folder);
  if (!manifest) return tl::unexpected(manifest.error());
  const std::string manifest_path = folder + "/" + *manifest;
  std::optional<std::uint64_t> oldest_log;
  bool parses = true;
  const auto edits = scan_file(env, manifest_path, [&](std::string_view edit) {
    parses = parses && EditReader(edit).read(oldest_log);
  });
  if (!edits) return tl::unexpected(edits.error());
  if (!parses || !oldest_log) return damaged(manifest_path, "a record in it does not parse");

  std::vector<DroppedTail> tails;
  if (edits->size > edits->whole_end) tails.push_back(tail_of(*manifest, *edits));

  std::vector<std::string> names;
  const auto status = env.GetChildren(folder, &names);
  if (!status.ok()) return unreadable(folder, status);
  std::map<std::uint64_t, std::string, std::greater<>> logs;  // the newest first
  for (const std::string& name : names) {
    const auto number = log_number_of(name);
    if (number && *number >= *oldest_log) logs.emplace(*number, name);
  }
  // 0 stands in the MANIFEST of a database that was created and never opened.
  if (*oldest_log != 0 && !logs.contains(*oldest_log)) {
    return damaged(fmt::format("{}/{:06}.log", folder, *oldest_log),
                   fmt::format("it is missing, and {} counts on it", *manifest));
  }
  bool newer_has_records = false;
  for (const auto& [number, name] : logs) {
    const auto scan = scan_file(env, folder + "/" + name, {});
    if (!scan) return tl::unexpected(scan.error());
    // A log is synced before the first record goes to the next one.
    if (newer_has_records && scan->ending != LogEnding::kWhole) {
      return damaged(folder + "/" + name, fmt::format("it ends inside a record at byte {}, and a "
                                                      "newer log goes on",
                                                      scan->whole_end));
    }
    newer_has_records = newer_has_records || scan->whole_end > 0;
    if (scan->size > scan->whole_end) tails.push_back(tail_of(name, *scan));
  }
  return tails;
}

tl::expected<void, FolderFault> cut_tails(leveldb::Env& env, const std::string& folder,
                                          std::vector<DroppedTail>& tails) {
  const auto must_cut = [](const DroppedTail& tail) { return tail.cut; };
  if (std::none_of(tails.begin(), tails.end(), must_cut)) return {};
  const auto kept = keep_original(env, folder);
  if (!kept) return tl::unexpected(kept.error());
  for (DroppedTail& tail : tails) {
    if (!tail.cut) continue;
    const std::string path = folder + "/" + tail.file;
    const std::string shortened = path + ".cut";
    if (auto done = link_or_copy(env, path, shortened, tail.bytes_kept); !done) return done;
    const auto status = env.RenameFile(shortened, path);
    if (!status.ok()) return unreadable(path, status);
    tail.original_folder = *kept;
  }
  return sync_names(env, folder);
}

}  // namespace quorate::ledger
