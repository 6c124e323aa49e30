#include "node/ledger_backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <system_error>
#include <utility>

#include "ledger/durable_file.h"
#include "ledger/stopped_ledger.h"
#include "node/files.h"
#include "node/json_members.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kFactsBytesMax = 64 << 20;
constexpr int kSetAsideMax = 99;

tl::unexpected<Error> os_said_no(const fs::path& path, std::string_view what, int error) {
  return fail(ErrorKind::kEnvironment, "copy-failed",
              fmt::format("{} could not be {}: {}", path.string(), what,
                          ledger::errno_text(error)),
              "Mend that and begin again; nothing was finished.");
}

Status remove_unfinished(const fs::path& folder) {
  std::error_code trouble;
  fs::remove_all(folder, trouble);
  if (trouble) return os_said_no(folder, "removed", trouble.value());
  return {};
}

Status rename_durably(const fs::path& from, const fs::path& to) {
  std::error_code trouble;
  fs::rename(from, to, trouble);
  if (trouble) return os_said_no(from, fmt::format("renamed to {}", to.string()), trouble.value());
  const fs::path parent = to.parent_path().empty() ? fs::path(".") : to.parent_path();
  if (const int error = ledger::sync_directory(parent); error != 0) {
    return os_said_no(parent, "synced", error);
  }
  return {};
}

std::string finding_text(const ledger::AuditFinding& finding) {
  return fmt::format("{}{}: expected {}, found {}",
                     finding.height ? fmt::format("height {}, ", finding.height->value) : "",
                     finding.field, finding.expected, finding.found);
}

// Reads every byte of a copy: hashes, indices, state, stable checkpoints.
Result<BackupFacts> audit_copy(const fs::path& folder, const ledger::Genesis& genesis,
                               const BackupProgress& progress) {
  QUORATE_ASSIGN(const auto opened,
                 ledger::open_stopped_database(folder, ledger::chain_id_of(genesis)));
  ledger::AuditOptions options;
  options.is_structural = true;
  options.on_step = progress.on_audit;
  options.goes_on = progress.goes_on;
  QUORATE_ASSIGN(const ledger::AuditReport report,
                 ledger::audit_ledger(*opened.database, genesis, options));
  if (report.finding) {
    return fail(ErrorKind::kCorrupt, "backup-damaged",
                fmt::format("the copy does not hold: {}", finding_text(*report.finding)),
                "`quorate ledger verify` of the original says whether it is the one that is "
                "damaged. A node gets a good ledger from its peers.");
  }
  return BackupFacts{report.chain_id,    report.head,     report.base,
                     report.last_stable, report.log.root, {}};
}

std::string facts_text(const BackupFacts& facts) {
  json::array files;
  for (const ledger::CopiedFile& file : facts.files) {
    files.push_back(json::object{
        {"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256.hex()}});
  }
  return json::serialize(json::object{{"format", kBackupFormat},
                                      {"chain_id", facts.chain_id.hex()},
                                      {"height", facts.height.value},
                                      {"base", facts.base.value},
                                      {"stable_height", facts.stable.value},
                                      {"root", facts.root.hex()},
                                      {"files", std::move(files)}}) +
         "\n";
}

tl::unexpected<Error> malformed(const fs::path& file, std::string_view expected) {
  return fail(ErrorKind::kInvalid, "backup-malformed",
              fmt::format("{}: expected {}", file.string(), expected),
              "Name a folder that `quorate ledger backup` has made.");
}

Result<ledger::CopiedFile> file_facts(const fs::path& file, const json::value& value) {
  const auto name = text_member(value, "name");
  const auto bytes = number_member(value, "bytes");
  const auto sha256 = text_member(value, "sha256");
  if (!name || !bytes || !sha256) return malformed(file, "a name, bytes and sha256 of each file");
  // It becomes a path.
  if (name->empty() || name->find('/') != std::string::npos || name->front() == '.') {
    return malformed(file, "names of files without folders");
  }
  QUORATE_ASSIGN(const auto digest, crypto::parse_digest(*sha256));
  return ledger::CopiedFile{*name, *bytes, digest};
}

// Where the ledger that stands there goes: ledger.before-restore-1 and so on.
Result<fs::path> set_aside(const fs::path& ledger) {
  for (int number = 1; number <= kSetAsideMax; ++number) {
    const fs::path aside = fmt::format("{}.before-restore-{}", ledger.string(), number);
    if (fs::exists(aside)) continue;
    QUORATE_TRY(rename_durably(ledger, aside));
    return aside;
  }
  return fail(ErrorKind::kConflict, "ledger-exists",
              fmt::format("{} was set aside {} times already", ledger.string(), kSetAsideMax),
              "Remove some of these folders.");
}

Status check_home(const Home& home, bool replace) {
  for (const fs::path& store : {home.votes(), home.ledger()}) {
    if (!ledger::is_locked(store / "LOCK")) continue;
    return fail(ErrorKind::kConflict, "node-running",
                fmt::format("a running node has {} open", store.string()),
                "Stop it first, for example with `quorate testnet stop`.");
  }
  if (!fs::exists(home.ledger()) || replace) return {};
  return fail(ErrorKind::kConflict, "ledger-exists",
              fmt::format("{} is there already", home.ledger().string()),
              "Give --replace, which sets it aside, or restore into another home.");
}

}  // namespace

std::uint64_t BackupFacts::bytes() const {
  std::uint64_t all = 0;
  for (const ledger::CopiedFile& file : files) all += file.bytes;
  return all;
}

Result<BackupFacts> make_backup(const fs::path& from, const fs::path& to,
                                const ledger::Genesis& genesis, const BackupProgress& progress) {
  const fs::path target = to.has_filename() ? to : to.parent_path();
  if (fs::exists(target)) {
    return fail(ErrorKind::kConflict, "backup-exists",
                fmt::format("{} is there already", target.string()),
                "Name a folder that is not: each backup is one of its own.");
  }
  QUORATE_ASSIGN(const fs::path folder, ledger::find_ledger_folder(from));
  const fs::path unfinished = target.string() + ".unfinished";
  QUORATE_TRY(remove_unfinished(unfinished));
  std::error_code trouble;
  if (!fs::create_directory(unfinished, trouble)) {
    return os_said_no(unfinished, "made", trouble.value());
  }
  QUORATE_ASSIGN(auto files,
                 ledger::copy_live_folder(folder, unfinished / "ledger", progress.on_copy));
  auto facts = audit_copy(unfinished / "ledger", genesis, progress);
  if (!facts) {
    QUORATE_TRY(remove_unfinished(unfinished));
    return facts;
  }
  facts->files = std::move(files);
  QUORATE_TRY(create_file(unfinished / "genesis.json", ledger::genesis_to_json(genesis)));
  QUORATE_TRY(create_file(unfinished / "backup.json", facts_text(*facts)));
  if (const int error = ledger::sync_directory(unfinished); error != 0) {
    return os_said_no(unfinished, "synced", error);
  }
  QUORATE_TRY(rename_durably(unfinished, target));
  return facts;
}

Result<BackupFacts> read_backup(const fs::path& backup) {
  const fs::path file = backup / "backup.json";
  const auto text = read_file(file, kFactsBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kNotFound, "backup-missing",
                fmt::format("{} is not there", file.string()),
                "Name a folder that `quorate ledger backup` has made.");
  }
  if (!text) return tl::unexpected(text.error());
  json::error_code trouble;
  const json::value value = json::parse(*text, trouble);
  if (trouble || !value.is_object()) return malformed(file, "a JSON object");
  const auto format = number_member(value, "format");
  if (format && *format > kBackupFormat) {
    return fail(ErrorKind::kUnsupported, "backup-newer-format",
                fmt::format("{} has format {}, expected {}", file.string(), *format,
                            kBackupFormat),
                "Use the version that made it, or a later one.");
  }
  const auto chain = text_member(value, "chain_id");
  const auto height = number_member(value, "height");
  const auto base = number_member(value, "base");
  const auto stable = number_member(value, "stable_height");
  const auto root = text_member(value, "root");
  const json::value* files = find_member(value, "files");
  if (!format || !chain || !height || !base || !stable || !root || files == nullptr ||
      !files->is_array()) {
    return malformed(file, "format, chain_id, height, base, stable_height, root and files");
  }
  BackupFacts facts;
  QUORATE_ASSIGN(facts.chain_id, crypto::parse_digest(*chain));
  QUORATE_ASSIGN(facts.root, crypto::parse_digest(*root));
  facts.height = ledger::Height{*height};
  facts.base = ledger::Height{*base};
  facts.stable = ledger::Height{*stable};
  for (const json::value& each : files->get_array()) {
    QUORATE_ASSIGN(ledger::CopiedFile one, file_facts(file, each));
    facts.files.push_back(std::move(one));
  }
  return facts;
}

Result<Restored> restore_backup(const fs::path& backup, const Home& home,
                                const ledger::Genesis& genesis, bool replace,
                                const BackupProgress& progress) {
  Restored restored;
  QUORATE_ASSIGN(restored.facts, read_backup(backup));
  const ledger::Digest chain_id = ledger::chain_id_of(genesis);
  if (restored.facts.chain_id != chain_id) {
    return fail(ErrorKind::kConflict, "backup-other-chain",
                fmt::format("found a backup of chain {}, expected chain {}, which is this home's",
                            restored.facts.chain_id.hex(), chain_id.hex()),
                "Restore a backup of this home's network.");
  }
  QUORATE_TRY(check_home(home, replace));
  const fs::path unfinished = home.root / "ledger.restore";
  QUORATE_TRY(remove_unfinished(unfinished));
  QUORATE_TRY(ledger::copy_files(backup / "ledger", unfinished, restored.facts.files,
                                 progress.on_copy));
  QUORATE_ASSIGN(const BackupFacts found, audit_copy(unfinished, genesis, progress));
  if (found.height != restored.facts.height || found.root != restored.facts.root) {
    return fail(ErrorKind::kCorrupt, "backup-damaged",
                fmt::format("backup.json says height {} and root {}, found {} and {}",
                            restored.facts.height.value, restored.facts.root.hex(),
                            found.height.value, found.root.hex()),
                "Use another backup, or let the node fetch from its peers.");
  }
  if (fs::exists(home.ledger())) {
    QUORATE_ASSIGN(restored.set_aside, set_aside(home.ledger()));
  }
  QUORATE_TRY(rename_durably(unfinished, home.ledger()));
  return restored;
}

}  // namespace quorate::node
