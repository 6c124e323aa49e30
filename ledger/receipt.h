#pragma once

// Receipts: proof about one transaction for someone who trusts nobody and has the genesis document.
//
// From `replicated` on a receipt proves the order: a quorum committed a batch that contains this
// transaction at this place. From `stable` on (a signed checkpoint covers the record) it also
// proves the result. `verify_receipt` says which of the two it proved; it never says more.
//
// On disk a receipt is JSON: facts for people, and `proof`, the base64 of BCS(Receipt). The facts
// are derived from the proof, and a file whose facts differ from its proof is refused.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/certificate.h"
#include "ledger/epoch_proof.h"
#include "ledger/execution.h"
#include "ledger/record.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/store.h"

namespace quorate::ledger {

// 1 proves the order; 2 holds a stable checkpoint as well and proves the result too. 3 is either of
// the two, of a later epoch than that of genesis, with the proofs of how the epochs began.
inline constexpr std::uint32_t kReceiptFormat = 3;

// That a record is in the log that a quorum cosigned.
struct StableEvidence {
  StableCheckpoint checkpoint;
  std::vector<Digest> record_path;  // record -> checkpoint.note.head
};

struct Receipt {
  std::uint32_t format = 1;
  SignedTransaction transaction;
  std::uint32_t index = 0;               // place in the batch
  std::vector<Digest> transaction_path;  // id -> record.batch.transaction_root
  Record record;
  CommitCertificate certificate;         // over digest_of_batch(record.batch)
  TxResult result;
  std::vector<Digest> result_path;       // result -> record.results_root
  std::optional<StableEvidence> checkpoint;  // format 2 has it, format 1 has not, 3 may
  std::vector<EpochProof> epochs;            // of format 3: up to the record's epoch
};

// The format that these parts make.
[[nodiscard]] std::uint32_t format_of(const Receipt& receipt);
// BCS of the fields in order; of format 1 without the last two, of format 2 without the last one.
[[nodiscard]] Bytes encode_receipt(const Receipt& receipt);
// Errors: "receipt-malformed" (kInvalid), "receipt-newer-format" (kUnsupported).
[[nodiscard]] Result<Receipt> decode_receipt(ByteView bytes);

// What a verification established.
struct ReceiptVerdict {
  TxId id;
  Height height;
  std::uint32_t index = 0;
  TimeMs agreed_time;        // as proposed in the batch; covered by the certificate
  std::size_t signers = 0;   // distinct replicas that committed
  std::size_t replicas = 0;  // of this many
  bool order_proved = false;
  bool result_proved = false;  // never by format 1, which holds no checkpoint
  TxResult result;             // claimed; proved only if result_proved
  Height checkpoint;           // that proves the result; 0: none
  std::size_t cosigners = 0;   // of the checkpoint
  Epoch epoch;                 // whose replicas signed
};

// Of format 2 as soon as a stable checkpoint covers the block. Errors: "receipt-not-found"
// (kNotFound: not ordered here, or skipped); "epoch-not-proved", "ledger-corrupt" and those of
// the store.
[[nodiscard]] Result<Receipt> make_receipt(const Store& store, const TxId& id);
// Without a checkpoint, of the transaction at `index`; `epochs` are the proofs up to the record's.
// Precondition: the block has it (checked). Error: "receipt-not-found" if it was skipped.
[[nodiscard]] Result<Receipt> make_receipt(const StoredBlock& block, std::uint32_t index,
                                           std::vector<EpochProof> epochs = {});

// Judges every field: what the certificate covers is proved, and what neither it nor a checkpoint
// does (the record's effective time and results root, the result) must at least agree with itself
// and with the rules.
// Errors (kCorrupt unless said): "receipt-newer-format" (kUnsupported), "receipt-wrong-chain",
// those of check_form (kRejected), "receipt-bad-transaction-signature",
// "receipt-transaction-not-in-batch", "receipt-certificate-other-batch", those of
// CertificateVerifier::check, "receipt-result-not-in-record", "receipt-result-impossible",
// "receipt-record-not-in-checkpoint", those of CheckpointVerifier::check, those of verify_epochs.
[[nodiscard]] Result<ReceiptVerdict> verify_receipt(const Receipt& receipt, const Genesis& genesis);

[[nodiscard]] std::string receipt_to_json(const Receipt& receipt);
// Does not verify the proof. Errors: "receipt-malformed" (kInvalid), "receipt-newer-format"
// (kUnsupported), "receipt-facts-differ" (kCorrupt).
[[nodiscard]] Result<Receipt> parse_receipt(std::string_view json);

}  // namespace quorate::ledger
