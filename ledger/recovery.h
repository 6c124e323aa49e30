#pragma once

// Recovery: what a quorum of operators orders by hand when more than f replicas lost their votes.
//
// Then no quorum of replicas may vote in the epoch any more, and nothing that they say can change
// that: they do not know what they said. So their operators end the epoch. They agree on the
// highest block H that any ledger of theirs still holds, and sign, with the vote keys, what an
// honest quorum would have: commits for the batch H + 1, which executes a membership change, for
// the null batches up to the boundary H + 1 + L that it decides on, and the checkpoint there. The
// set of the next epoch votes from the boundary's checkpoint on, at view 0, where nobody voted
// before. What guards reserved lies at or below the boundary, since no window reaches further than
// L above a stable checkpoint; unless one was stable above H and no ledger is left that has it:
// whoever reserved more then signs nothing before a checkpoint of the next epoch is as high.
//
// The blocks are blocks like others: certificates, receipts, epoch proofs and audits judge them
// with no rule of their own. Their votes are of kRecoveryView, which no replica reaches, and carry
// the plan's digest in the place of the NEW-VIEW's, so votes for two plans never add up, and who
// signs two has equivocated in everybody's eyes.
//
// What this gives up is said before anybody signs: batches that were committed above H, where only
// lost ledgers had them, also if vote stores that are left hold what was prepared there. Nothing at
// or below H changes.
//
// Not thread-safe: one store, one thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/proof_file.h"
#include "ledger/store.h"

namespace quorate::ledger {

inline constexpr std::uint32_t kRecoveryFormat = 1;
inline constexpr View kRecoveryView{1ULL << 32};
// More than any window that genesis can ask for.
inline constexpr std::uint64_t kRecoveryBatchesMax = 1 << 20;

struct RecoveryPlan {
  std::uint32_t format = kRecoveryFormat;
  Digest chain_id;
  Epoch epoch;    // that ends
  TreeHead base;  // of the ledger at H; its size is H
  TimeMs time;    // that the batch H + 1 proposes
  SignedTransaction change;
  CheckpointNote note;  // at the boundary
  std::uint64_t note_time_seconds = 0;
};
[[nodiscard]] Digest digest_of_plan(const RecoveryPlan& plan);
// H + 1 up to the boundary.
[[nodiscard]] std::vector<Batch> batches_of(const RecoveryPlan& plan);

// Executes the batches on `scratch`, a copy of a ledger, and says what they lead to. Errors:
// "recovery-change-refused" (kRejected: execution does not apply the change; says why),
// "recovery-epoch-ended" (kConflict: a change waits for its boundary already), those of the store.
[[nodiscard]] Result<RecoveryPlan> plan_recovery(Store& scratch, const Genesis& genesis,
                                                 const TransactionPtr& change, TimeMs time);

// Whether the plan follows from this ledger, by executing it on `scratch`, a copy. Errors:
// "recovery-other-chain", "recovery-ledger-behind", "recovery-block-above" (this ledger has blocks
// that the plan would give up), "recovery-other-block" (another block at H), all kConflict;
// "recovery-plan-false" (kCorrupt: executed here, it leads elsewhere); those of plan_recovery.
[[nodiscard]] Status check_plan(Store& scratch, const Genesis& genesis, const RecoveryPlan& plan,
                                const TransactionPtr& change);
// The first four of these alone, of a ledger that is not changed.
[[nodiscard]] Status check_base(const Store& store, const RecoveryPlan& plan);

struct RecoverySignature {
  std::uint32_t format = kRecoveryFormat;
  Digest chain_id;
  Digest plan;
  PublicKey key;
  std::vector<Signature> commits;  // one a batch
  Signature cosignature;
};
// Precondition (checked): the signer's key is of the set.
[[nodiscard]] RecoverySignature sign_recovery(const RecoveryPlan& plan, const ReplicaSet& set,
                                              const crypto::Signer& signer);

struct RecoveryProof {
  std::vector<CommitCertificate> certificates;  // one a batch
  StableCheckpoint boundary;
  std::vector<ReplicaId> unsigned_replicas;  // of the set
  std::size_t missing = 0;                   // so many of them have to sign
};
// Puts signatures together, each key once. Errors (kInvalid): "recovery-other-plan",
// "recovery-signer-unknown"; "recovery-signature-bad" (kCorrupt).
[[nodiscard]] Result<RecoveryProof> gather(const RecoveryPlan& plan,
                                           std::span<const RecoverySignature> signatures,
                                           const ReplicaSet& set);

// Appends the blocks and the checkpoint, synced. Precondition: check_plan held for a copy of it,
// and nothing is missing from the proof. Errors: those of the store.
[[nodiscard]] Status install_recovery(Store& store, const Genesis& genesis,
                                      const RecoveryPlan& plan, const TransactionPtr& change,
                                      const RecoveryProof& proof);

// Files: JSON with facts for people, and `proof` (ledger/proof_file.h). Errors:
// "recovery-malformed" (kInvalid), "recovery-newer-format" (kUnsupported), "recovery-facts-differ"
// (kCorrupt), and likewise "recovery-signature-malformed" and so on.
[[nodiscard]] std::string plan_to_json(const RecoveryPlan& plan);
[[nodiscard]] Result<RecoveryPlan> parse_plan(std::string_view json);
[[nodiscard]] std::string recovery_signature_to_json(const RecoverySignature& signature);
[[nodiscard]] Result<RecoverySignature> parse_recovery_signature(std::string_view json);

}  // namespace quorate::ledger
