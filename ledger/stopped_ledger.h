#pragma once

// The ledger of a stopped node, or a copy of it, opened to be read: nothing in the folder changes
// (ledger/read_only_env.h).
//
// Both ways in refuse what is in use by a node, of a newer or older format, or of another chain
// than the one that was expected. `open_stopped_store` judges what it reads, as a node does, and
// refuses a ledger whose head is damaged; `open_stopped_database` leaves judging to the caller.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ledger/leveldb_open.h"
#include "ledger/read_only_env.h"
#include "ledger/store.h"

namespace quorate::ledger {

// `folder` itself, if it holds a LevelDB; else the folder `ledger` in it, if that does: what a
// node's home looks like. Error: "ledger-missing" (kNotFound).
[[nodiscard]] Result<std::filesystem::path> find_ledger_folder(
    const std::filesystem::path& folder, leveldb::Env* env = nullptr);

// Destroyed in the order that LevelDB needs. Keep no view, snapshot or database longer than this.
struct StoppedDatabase {
  std::unique_ptr<ReadOnlyEnv> env;
  std::shared_ptr<LevelDb> database;
  StoreIdentity identity;
};
struct StoppedStore {
  std::unique_ptr<ReadOnlyEnv> env;
  std::unique_ptr<Store> store;
};

// `folder`: as find_ledger_folder takes it. `chain_id`: which one is expected; nullopt: any.
// `options.env` is what is read; nullptr: the operating system. Errors: those of Store::open.
[[nodiscard]] Result<StoppedDatabase> open_stopped_database(const std::filesystem::path& folder,
                                                            const std::optional<Digest>& chain_id,
                                                            const StoreOptions& options = {});
[[nodiscard]] Result<StoppedStore> open_stopped_store(const std::filesystem::path& folder,
                                                      const std::optional<Digest>& chain_id,
                                                      const StoreOptions& options = {});

// How to read any other LevelDB folder of a stopped node so. `options` is good while this lives.
struct StoppedFolder {
  std::unique_ptr<ReadOnlyEnv> env;
  std::string folder;
  StoreOptions options;
};
[[nodiscard]] StoppedFolder read_stopped_folder(const std::filesystem::path& folder);

}  // namespace quorate::ledger
