#pragma once

// Re-execution: the state rebuilt from genesis, block by block, in a working folder of the
// auditor's own, and what follows from it held against what the ledger says.
//
// Values and pages of the tree stand in a LevelDB; in memory is what changed lately, until there is
// enough of it. What is stored is the state at a checkpoint, and in the same write how far the
// audit came; so an audit that was broken off goes on from there (AuditProgress says what it may
// then take as done), from a few seconds back if the process was killed.
//
// Not thread-safe.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

#include "crypto/salted_hash.h"
#include "ledger/audit_chain.h"
#include "ledger/state_pages.h"

namespace quorate::ledger {

// How far an audit came. What it vouches for is named by digests, so it can be held against the
// folder when the audit goes on: the log up to `height`, and every stored byte of the blocks up to
// there, which includes the signatures that the log does not cover.
struct AuditProgress {
  std::uint32_t format = 1;
  Digest chain_id;
  Height height;
  crypto::merkle::Frontier frontier;
  Digest bytes;  // of the stored blocks (ledger/auditor.h)
};

class AuditReplay final : public StateReader {
 public:
  // A new one in a folder that is missing or empty; one that was broken off is opened and goes on,
  // if it is of this chain. Errors: "audit-folder-in-use", "audit-folder-exists" (kConflict: the
  // folder holds something else), "audit-folder-unreadable", "audit-folder-other-chain".
  // Unless it `may_resume`, values and pages are stored whenever there are too many of either.
  [[nodiscard]] static Result<std::unique_ptr<AuditReplay>> open(
      const std::filesystem::path& folder, const Genesis& genesis, const StoreOptions& options,
      bool may_resume);
  ~AuditReplay() override;

  // As of the last checkpoint that was kept; height 0: from genesis.
  [[nodiscard]] const AuditProgress& progress() const { return progress_; }

  // Executes the block that follows. nullopt: results, writes and, at a checkpoint, the state root
  // are those of the ledger. Errors: those of the working folder.
  [[nodiscard]] Result<std::optional<AuditFinding>> execute(
      const JudgedBlock& block, std::span<const TransactionPtr> transactions);
  // The state is that of the progress. Right after a checkpoint; stored if there is enough of it.
  [[nodiscard]] Status keep(const AuditProgress& progress);
  // Stores what was kept last. After it, an audit in this folder goes on from there.
  [[nodiscard]] Status store();
  // Holds the ledger's state against the one here, key by key.
  [[nodiscard]] Result<std::optional<AuditFinding>> compare_state(const LevelDb& audited);

  // StateReader: after the last block.
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override;

 private:
  AuditReplay(const Genesis& genesis, std::shared_ptr<LevelDb> database, bool may_resume);
  [[nodiscard]] Status begin();
  [[nodiscard]] Status resume();
  [[nodiscard]] Result<std::optional<AuditFinding>> judge_state_root(const JudgedBlock& block);
  void put_values(leveldb::WriteBatch& batch);
  void put_pages(leveldb::WriteBatch& batch);
  // Makes `recent_`, which is all since the newest version of the tree, the next one.
  [[nodiscard]] Status write_recent(Height version);
  [[nodiscard]] Status for_each_value(
      const std::function<Status(ByteView key, ByteView value)>& visit) const;

  using Values =
      std::unordered_map<Bytes, std::optional<Bytes>, crypto::SaltedHash, BytesEqual>;
  class Pages;
  struct HeldPage {
    Height version;
    bool is_stored = false;
    Digest made_digest;
    Bytes slots;  // encoded: a page that was decoded takes 1 KiB, most of it empty
  };
  [[nodiscard]] static std::size_t bytes_of(const HeldPage& page);

  const Genesis& genesis_;
  std::shared_ptr<LevelDb> database_;
  const bool may_resume_;
  AuditProgress progress_;
  StateSlot root_;   // of the newest version of the tree
  Values recent_;    // since the progress, which is a checkpoint
  Values unstored_;  // up to the progress, since what is stored
  std::size_t unstored_bytes_ = 0;
  // Of the newest version: what is not stored, and the upper ones.
  std::unordered_map<StatePath, HeldPage, crypto::SaltedHash, BytesEqual> pages_;
  std::size_t page_bytes_ = 0;
  std::vector<PageId> replaced_;  // that are stored
};

}  // namespace quorate::ledger
