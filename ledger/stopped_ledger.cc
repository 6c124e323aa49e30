#include "ledger/stopped_ledger.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {
namespace {

leveldb::Env& env_of(leveldb::Env* env) {
  return env != nullptr ? *env : *leveldb::Env::Default();
}

// One spelling, because inside a process LevelDB knows a folder by its name.
Result<std::string> found_folder(const std::filesystem::path& folder, leveldb::Env* env) {
  QUORATE_ASSIGN(const std::filesystem::path found, find_ledger_folder(folder, env));
  if (env != nullptr) return found.string();
  std::error_code error;
  const auto canonical = std::filesystem::canonical(found, error);
  return error ? found.string() : canonical.string();
}

// Where a ledger stands, and options by which it is read and not changed.
struct Reading {
  std::string folder;
  std::unique_ptr<ReadOnlyEnv> env;
  StoreOptions options;
};

Result<Reading> start_reading(const std::filesystem::path& folder, const StoreOptions& options) {
  Reading reading;
  QUORATE_ASSIGN(reading.folder, found_folder(folder, options.env));
  reading.env = std::make_unique<ReadOnlyEnv>(reading.folder, env_of(options.env));
  reading.options = options;
  reading.options.env = reading.env.get();
  return reading;
}

// The chain that the ledger says it is of; its format is judged by read_identity.
Result<Digest> chain_of(const LevelDb& database) {
  constexpr std::uint8_t kIdentityKey = 'f';
  QUORATE_ASSIGN(const auto bytes, database.get({&kIdentityKey, 1}, nullptr, "the identity"));
  if (!bytes) return Digest{};
  const auto identity = crypto::decode<StoreIdentity>(*bytes);
  return identity ? identity->chain_id : Digest{};
}

}  // namespace

Result<std::filesystem::path> find_ledger_folder(const std::filesystem::path& folder,
                                                 leveldb::Env* env) {
  for (const std::filesystem::path& each : {folder, folder / "ledger"}) {
    if (env_of(env).FileExists((each / "CURRENT").string())) return each;
  }
  return fail(ErrorKind::kNotFound, "ledger-missing",
              fmt::format("neither {} nor {} holds a file CURRENT, without which there is no "
                          "ledger",
                          folder.string(), (folder / "ledger").string()),
              "Name the ledger's folder, or the home of the node that has it.");
}

Result<StoppedDatabase> open_stopped_database(const std::filesystem::path& folder,
                                              const std::optional<Digest>& chain_id,
                                              const StoreOptions& options) {
  QUORATE_ASSIGN(Reading reading, start_reading(folder, options));
  StoppedDatabase opened;
  opened.env = std::move(reading.env);
  QUORATE_ASSIGN(opened.database, LevelDb::open(reading.folder, kLedgerWords, reading.options));
  Digest expected;
  if (chain_id) {
    expected = *chain_id;
  } else {
    QUORATE_ASSIGN(expected, chain_of(*opened.database));
  }
  QUORATE_ASSIGN(opened.identity, read_identity(*opened.database, expected));
  return opened;
}

Result<StoppedStore> open_stopped_store(const std::filesystem::path& folder,
                                        const std::optional<Digest>& chain_id,
                                        const StoreOptions& options) {
  Digest expected;
  if (chain_id) {
    expected = *chain_id;
  } else {
    QUORATE_ASSIGN(const StoppedDatabase looked_at,
                   open_stopped_database(folder, std::nullopt, options));
    expected = looked_at.identity.chain_id;
  }
  QUORATE_ASSIGN(Reading reading, start_reading(folder, options));
  StoppedStore opened;
  opened.env = std::move(reading.env);
  QUORATE_ASSIGN(opened.store, Store::open(reading.folder, expected, reading.options));
  return opened;
}

StoppedFolder read_stopped_folder(const std::filesystem::path& folder) {
  std::error_code error;
  const auto canonical = std::filesystem::canonical(folder, error);
  StoppedFolder reading;
  reading.folder = error ? folder.string() : canonical.string();
  reading.env = std::make_unique<ReadOnlyEnv>(reading.folder, env_of(nullptr));
  reading.options.env = reading.env.get();
  return reading;
}

}  // namespace quorate::ledger
