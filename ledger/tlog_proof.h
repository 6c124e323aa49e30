#pragma once

// Proofs about the log in the files of C2SP: that a record is in it (tlog-proof), and that it only
// grew (the body of tlog-witness' add-checkpoint). Both end with a checkpoint as
// ledger/published_checkpoint.h writes it, so they are verified with the genesis document alone.
//
//   c2sp.org/tlog-proof@v1            old <size of the smaller log>
//   extra <base64>                    <one hash a line, base64>
//   index <of the record>
//   <one hash a line, base64>         <checkpoint>
//
//   <checkpoint>
//
// `extra` is what the leaf is made of, and for a transaction what leads from it to the record:
// BCS(Record | Receipt), the receipt without a checkpoint (ledger/receipt.h).
//
// Pure functions, thread-safe.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/genesis.h"
#include "ledger/receipt.h"
#include "ledger/signed_note.h"
#include "ledger/stable_checkpoint.h"

namespace quorate::ledger {

inline constexpr std::string_view kTlogProofLine = "c2sp.org/tlog-proof@v1\n";
inline constexpr std::string_view kConsistencyPrefix = "old ";
inline constexpr std::size_t kTlogProofBytesMax = 4 << 20;

struct TlogProof {
  std::optional<Bytes> extra;
  std::uint64_t index = 0;
  std::vector<Digest> path;
  std::string checkpoint;  // the signed note, verbatim
};
[[nodiscard]] std::string tlog_proof_text(const TlogProof& proof);
// Judges the form alone. Error: "tlog-proof-malformed" (kInvalid).
[[nodiscard]] Result<TlogProof> parse_tlog_proof(std::string_view text);

struct ConsistencyProof {
  std::uint64_t old_size = 0;
  std::vector<Digest> path;
  std::string checkpoint;
};
[[nodiscard]] std::string consistency_proof_text(const ConsistencyProof& proof);
// Error: "tlog-proof-malformed".
[[nodiscard]] Result<ConsistencyProof> parse_consistency_proof(std::string_view text);

// Under the first stable checkpoint that covers the block; `genesis` is the set of epoch 0. Errors:
// "block-not-found", "block-not-kept", "nothing-stable" (kUnavailable: none does yet),
// "ledger-corrupt".
[[nodiscard]] Result<TlogProof> prove_record(const Store& store, Height height,
                                             const ReplicaSet& genesis);
// Errors: as above, "receipt-not-found".
[[nodiscard]] Result<TlogProof> prove_logged(const Store& store, const TxId& id,
                                             const ReplicaSet& genesis);
// From `old_size` to the stable checkpoint of exactly `size`, or the newest one if nullopt. Errors:
// as above, "checkpoint-not-stable" (kNotFound: none of that size, naming the next one),
// "merkle-out-of-range" (`old_size` is above the checkpoint's).
[[nodiscard]] Result<ConsistencyProof> prove_growth(const Store& store, std::uint64_t old_size,
                                                    std::optional<std::uint64_t> size,
                                                    const ReplicaSet& genesis);

struct TlogVerdict {
  StableCheckpoint checkpoint;
  Record record;
  // Of a transaction's proof; the checkpoint proves the result as well.
  std::optional<ReceiptVerdict> transaction;
};
// Errors: "tlog-proof-malformed"; "tlog-proof-wrong" (kCorrupt: it does not lead from the record to
// the checkpoint); those of verify_published and of verify_receipt.
[[nodiscard]] Result<TlogVerdict> verify_tlog_proof(std::string_view text, const Genesis& genesis);

// That the proof's checkpoint extends this one, also a signed note. Errors: as above.
struct GrowthVerdict {
  StableCheckpoint before;
  StableCheckpoint after;
};
[[nodiscard]] Result<GrowthVerdict> verify_growth(std::string_view text,
                                                  std::string_view old_checkpoint,
                                                  const Genesis& genesis);

}  // namespace quorate::ledger
