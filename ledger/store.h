#pragma once

// The ledger store: the log, its certificates, transactions, results and state in one LevelDB.
//
// One block is one atomic WriteBatch, so a crash at any byte leaves the store at a block boundary.
// LevelDB is opened with paranoid_checks and read with verify_checksums, always; create_if_missing
// only in `create`; RepairDB never. Appends are not synced (the vote store rebuilds what a power
// cut takes); `sync` makes everything before it durable.
//
// What is read is checked against the log: a record against its leaf hash, transactions, results
// and certificate against the record. What does not fit is "ledger-corrupt", naming height and
// part, and is never served.
//
// The state's tree is kept in pages (ledger/state_pages.h): a version at genesis and at each own
// checkpoint, made in one pass over what changed since the last one. The newest version that is
// stable and those after it stand side by side; what only earlier ones need goes when a newer one
// is stable. In memory are the changed keys since the last own checkpoint, about 250 bytes each;
// opening makes their list again from the write sets of the blocks after it.
//
// Threads: one thread appends; any thread reads at the same time and sees whole blocks only; reads
// that must agree with each other go through one `view`. A failed append or sync is
// "ledger-write-failed" (kEnvironment) and leaves the object refusing every further write
// ("ledger-stopped"); nothing of that block is seen by readers.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ledger/certificate.h"
#include "ledger/execution.h"
#include "ledger/leveldb_folder.h"
#include "ledger/record.h"
#include "ledger/stable_view.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/store_options.h"

namespace quorate::ledger {

// A batch with its bodies and the proof that a quorum ordered it: what peers send to one that lags,
// and what a replica hands to execution.
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

class LogView;
struct AuditWindow;  // ledger/audit_window.h
struct EpochProof;   // ledger/epoch_proof.h
struct StoreMoment;
struct SnapshotOrigin;  // ledger/snapshot_import.h

// The ledger as of one block. Cheap to make and to copy. Keep it for a request, not for good:
// LevelDB cannot forget what a view still sees, and the folder stays in use until the last view
// goes.
class StoreView final : public StateReader {
 public:
  [[nodiscard]] Height height() const;
  [[nodiscard]] TimeMs time() const;
  [[nodiscard]] TreeHead tree_head() const;
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override;

 private:
  friend class Store;
  explicit StoreView(std::shared_ptr<const StoreMoment> moment) : moment_(std::move(moment)) {}
  std::shared_ptr<const StoreMoment> moment_;
};

class Store final : public StateReader {
 public:
  // Makes the folder and writes the genesis state, in one synced batch. Errors: "ledger-exists"
  // (kConflict), "ledger-unreadable", "ledger-write-failed" (kEnvironment).
  [[nodiscard]] static Result<std::unique_ptr<Store>> create(const std::filesystem::path& folder,
                                                             const Genesis& genesis,
                                                             const StoreOptions& options = {});
  // Errors: "ledger-missing" (kNotFound), "ledger-in-use" (kConflict), "ledger-other-chain"
  // (kConflict), "ledger-newer-format" and "ledger-older-format" (kUnsupported), "ledger-corrupt"
  // (kCorrupt, naming the file or record), "ledger-unreadable" (kEnvironment). What a power cut
  // left behind the last whole record is dropped and reported by `dropped_tails`; where LevelDB
  // would refuse it, the folder is kept beside and the file cut (ledger/leveldb_folder.h).
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::filesystem::path& folder,
                                                           const Digest& chain_id,
                                                           const StoreOptions& options = {});
  ~Store() override;

  // Appends the block that follows the head. Preconditions (checked): its sequence is height() + 1,
  // its certificate is of the epoch that execution found, and bodies and results are one each of
  // its ids, in order. The caller has verified the certificate. A checkpoint block stores its note
  // as well. Error: "ledger-diverged" (kCorrupt), with nothing written, if a stable checkpoint is
  // stored at this height and names other roots.
  [[nodiscard]] Status append(const CertifiedBatch& batch, const Execution& execution);
  [[nodiscard]] Status sync();

  [[nodiscard]] Height height() const;
  // Blocks up to here are not kept ("block-not-kept", kNotFound): the ledger began from a snapshot
  // of this height (ledger/snapshot_import.h). 0: all are kept.
  [[nodiscard]] Height base() const;
  // What that snapshot rested on; nullopt: there was none. Errors: "ledger-corrupt".
  [[nodiscard]] Result<std::optional<SnapshotOrigin>> origin() const;
  [[nodiscard]] TimeMs time() const;  // effective time of the last block, or genesis time
  [[nodiscard]] TreeHead tree_head() const;
  [[nodiscard]] const Digest& chain_id() const;
  [[nodiscard]] StoreView view() const;
  [[nodiscard]] LogView log() const;  // ledger/log_view.h
  // What opening found behind the last whole records: writes that a crash left unfinished.
  [[nodiscard]] const std::vector<DroppedTail>& dropped_tails() const;

  // What a replica cosigns if the head is a checkpoint. Head and state are of one moment. Waits for
  // an append that is under way; at a head that is no checkpoint it reads and hashes what lies
  // above the keys that changed since the last one. Errors: "ledger-corrupt", "state-page-other".
  [[nodiscard]] Result<CheckpointNote> checkpoint_note() const;
  // The state as of the newest stable checkpoint that this ledger has executed, with proofs;
  // nullopt: none is stable yet, or blocks are being caught up with below one.
  [[nodiscard]] std::optional<StableView> stable_view() const;
  // Reads every value of the state and holds it against the newest version of the tree: what a
  // flipped bit with a good checksum, or a hand in the files, would have changed. Minutes for many
  // keys; any thread; `goes_on` is asked now and then. Error: "ledger-corrupt", naming the first
  // key, in the order of the hashes.
  [[nodiscard]] Status check_state(const std::function<bool()>& goes_on = {}) const;
  // Reads every table from its file with its checksums: what rotted where nobody looks. As
  // `check_state` otherwise, which finds what has a good checksum. Error: "ledger-corrupt".
  [[nodiscard]] Status check_bytes(const std::function<bool()>& goes_on = {}) const;
  // The first damage that any read here met, until the store is closed; nullopt: none. Any thread.
  [[nodiscard]] std::optional<Error> damage() const;
  // The note of a block that was a checkpoint; nullopt: it was none. Errors: "block-not-found",
  // "ledger-corrupt".
  [[nodiscard]] Result<std::optional<CheckpointNote>> own_checkpoint(Height height) const;

  // Keeps a stable checkpoint for good, durable with the next sync; also one above the head, which
  // the block of its height must then agree with. Of one sequence the first stays. By the thread
  // that appends. Precondition: it verified (CheckpointVerifier). Errors: "ledger-diverged"
  // (kCorrupt), naming both sides' roots, if it contradicts this ledger's block or note of that
  // height, or another stable checkpoint there; "ledger-corrupt"; those of a failed write.
  [[nodiscard]] Status put_stable(const StableCheckpoint& stable);
  // The first one that covers the height; nullopt: none. Errors: "ledger-corrupt".
  [[nodiscard]] Result<std::optional<StableCheckpoint>> stable_at_or_above(Height height) const;
  [[nodiscard]] Result<std::optional<StableCheckpoint>> latest_stable() const;

  // How the epochs up to this one began, from 1 on, each as it stands in every receipt of a later
  // epoch (ledger/epoch_proof.h); kept for good as soon as the checkpoint at the boundary is stable
  // and executed. Errors: "epoch-not-proved" (kUnavailable), "ledger-corrupt".
  [[nodiscard]] Result<std::vector<EpochProof>> epoch_proofs(Epoch epoch) const;

  // Keeps for good what a view began with: a NEW-VIEW and what it names, in the bytes of pbft/,
  // under the digest by which certificates name it. Whoever must say who broke agreement needs it
  // (pbft/blame.h). Durable with the next sync; of one digest the first stays. By the thread that
  // appends. Errors: "ledger-corrupt"; those of a failed write.
  [[nodiscard]] Status put_transcript(const Digest& new_view, ByteView transcript);
  // As it was put, which proves nothing; nullopt: it is not kept. Errors: "ledger-corrupt".
  [[nodiscard]] Result<std::optional<Bytes>> transcript(const Digest& new_view) const;

  // kNotFound "block-not-found" above the height.
  [[nodiscard]] Result<StoredBlock> block(Height height) const;
  [[nodiscard]] Result<Record> record(Height height) const;
  // Blocks in the bytes in which they are stored, unjudged, for whoever audits them elsewhere; as
  // many as a window holds.
  [[nodiscard]] Result<AuditWindow> stored_window(Height first, Height last) const;
  [[nodiscard]] Result<CommitCertificate> certificate(Height height) const;
  // What the block changed in the state.
  [[nodiscard]] Result<WriteSet> writes(Height height) const;
  // nullopt: no such transaction was ordered (a skipped one is not indexed).
  [[nodiscard]] Result<std::optional<TxLocation>> find(const TxId& id) const;
  // Which transaction used this nonce of this sender; nullopt: none, or one at or below base().
  [[nodiscard]] Result<std::optional<TxId>> nonce_owner(const PublicKey& sender,
                                                        std::uint64_t nonce) const;

  // Whether it may have been ordered at or below base(): its nonce is used up or behind the window,
  // and no block that is kept says by whom. Always false where all blocks are kept.
  [[nodiscard]] Result<bool> may_precede(const Transaction& body) const;

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
