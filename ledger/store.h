#pragma once

// The ledger store: the log, its certificates, transactions, results and state in one LevelDB.
//
// One block is one atomic WriteBatch, so a crash at any byte leaves the store at a block boundary.
// LevelDB is opened with paranoid_checks and read with verify_checksums, always; create_if_missing only
// in `create`; RepairDB never. Appends are not synced (the vote store rebuilds what a power cut takes);
// `sync` makes everything before it durable.
//
// Threads: one thread appends; any thread reads at the same time and sees whole blocks only.
// A failed append or sync leaves the object refusing every further write ("ledger-stopped").

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "ledger/certificate.h"
#include "ledger/execution.h"
#include "ledger/record.h"

namespace leveldb {
class DB;
class Env;
}  // namespace leveldb

namespace quorate::ledger {

// A batch with its bodies and the proof that a quorum ordered it: what peers send to one that lags, and
// what a replica hands to execution.
struct CertifiedBatch {
  Batch batch;
  CommitCertificate certificate;
  std::vector<TransactionPtr> transactions;  // the batch's ids, in order
};

struct StoredBlock {
  Record record;
  CommitCertificate certificate;
  std::vector<SignedTransaction> transactions;
  std::vector<TxResult> results;
};

struct TxLocation {
  Height height;
  std::uint32_t index = 0;
};

struct StoreOptions {
  leveldb::Env* env = nullptr;  // not owned; nullptr = the operating system
  std::size_t cache_bytes = 32 << 20;
};

class Store final : public StateReader {
 public:
  // Makes the folder and writes the genesis state. Error: "ledger-exists" (kConflict).
  [[nodiscard]] static Result<std::unique_ptr<Store>> create(const std::filesystem::path& folder,
                                                             const Genesis& genesis,
                                                             const StoreOptions& options = {});
  // Errors: "ledger-missing" (kNotFound), "ledger-in-use" (kConflict), "ledger-other-chain"
  // (kConflict), "ledger-newer-format" (kUnsupported), "ledger-corrupt" (kCorrupt, naming the file or
  // record). Zeros after the last whole record of the newest .log, a legal state after a power cut, are
  // cut on a copy; the original is kept beside it (ledger/leveldb_open.h).
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::filesystem::path& folder,
                                                           const Digest& chain_id,
                                                           const StoreOptions& options = {});
  ~Store() override;

  // Appends the block that follows the head. Precondition: its sequence is height() + 1 (checked).
  // The caller has verified the certificate.
  [[nodiscard]] Status append(const CertifiedBatch& batch, const Execution& execution);
  [[nodiscard]] Status sync();

  [[nodiscard]] Height height() const;
  [[nodiscard]] TimeMs time() const;  // effective time of the last block, or genesis time
  [[nodiscard]] TreeHead tree_head() const;
  [[nodiscard]] const Digest& chain_id() const;

  // kNotFound "block-not-found" above the height.
  [[nodiscard]] Result<StoredBlock> block(Height height) const;
  [[nodiscard]] Result<Record> record(Height height) const;
  [[nodiscard]] Result<CommitCertificate> certificate(Height height) const;
  // nullopt: no such transaction was ordered (a skipped one is not indexed).
  [[nodiscard]] Result<std::optional<TxLocation>> find(const TxId& id) const;
  // Which transaction used this nonce of this sender; nullopt: none, or long ago (never forgotten in
  // this version).
  [[nodiscard]] Result<std::optional<TxId>> nonce_owner(const PublicKey& sender,
                                                        std::uint64_t nonce) const;

  // Of leaf `height - 1` in the tree of `size` leaves. Errors: "block-not-found".
  [[nodiscard]] Result<std::vector<Digest>> inclusion_path(Height height, std::uint64_t size) const;

  // StateReader: the state after the last whole block.
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quorate::ledger
