#pragma once

// Statements about the state that verify offline, with nothing but the genesis document: what a key
// held, and what can no longer become of a transaction.
//
// Each is proved against the state root of one stable checkpoint, so it says what was so at that
// height and agreed time, not what is so now; the verdict names both. The time leaf of the same
// state is always proved with it: it decides what has expired.
//
//   read   a key's value as of then, or that it was absent (expired counts as absent)
//   fate   of a transaction that was not seen to happen (DESIGN §5, "three provable fates"):
//            never             agreed time has reached its valid-until and its nonce is not used:
//                              it never happened and never can
//            not from now on   its nonce is used, or behind the sender's window: it cannot happen
//                              after this checkpoint; whether it did before, a receipt tells (its
//                              own, or that of the transaction which took the nonce)
//
// On disk a statement is JSON: facts for people, and `proof` (ledger/proof_file.h).

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "ledger/epoch_proof.h"
#include "ledger/execution.h"
#include "ledger/proof_file.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/state_proof.h"
#include "ledger/store.h"

namespace quorate::ledger {

// 2 is of a checkpoint of a later epoch than that of genesis.
inline constexpr std::uint32_t kStatementFormat = 2;

struct ReadSubject {
  Bytes key;  // of a user
};
struct FateSubject {
  SignedTransaction transaction;
};

struct ProvedLeaf {
  std::optional<Bytes> leaf;  // nullopt: absent
  StateProof proof;
};

struct StateStatement {
  std::uint32_t format = 1;
  std::variant<ReadSubject, FateSubject> subject;
  StableCheckpoint checkpoint;
  ProvedLeaf leaf;  // of the key; of a fate, the sender's nonces
  ProvedLeaf time;
  std::vector<EpochProof> epochs;  // of format 2: up to the checkpoint's
};

enum class Fate : std::uint8_t { kNever, kNotFromNowOn };
// "never", "not-from-now-on".
[[nodiscard]] std::string_view fate_text(Fate fate);

struct StatementVerdict {
  Height height;  // of the checkpoint
  TimeMs time;    // agreed, at that height
  std::size_t signers = 0;
  std::size_t replicas = 0;
  // Of a read; nullopt: absent as of then.
  std::optional<Entry> entry;
  bool has_expired = false;  // the leaf is there, and its `until` had come
  // Of a fate.
  std::optional<TxId> id;
  Fate fate = Fate::kNever;
  NonceVerdict nonce = NonceVerdict::kFree;
};

// Errors: those of the view. Of `prove_fate` also "fate-open" (kUnavailable): at that checkpoint it
// could still happen.
[[nodiscard]] Result<StateStatement> prove_read(const StableView& view, ByteView key);
[[nodiscard]] Result<StateStatement> prove_fate(const StableView& view,
                                                const SignedTransaction& transaction);
// BCS of the fields in order; of format 1 without the last one.
[[nodiscard]] Bytes encode_statement(const StateStatement& statement);

// Errors: "statement-newer-format" (kUnsupported), "statement-reserved-key",
// "statement-wrong-chain", "statement-bad-transaction-signature" (kCorrupt), "statement-fate-open"
// (kCorrupt: the leaves do not say so), "state-malformed", those of CheckpointVerifier::check, of
// verify_epochs and of verify_key.
[[nodiscard]] Result<StatementVerdict> verify_statement(const StateStatement& statement,
                                                        const Genesis& genesis);

[[nodiscard]] std::string statement_to_json(const StateStatement& statement);
// Does not verify the proof. Errors: "statement-malformed" (kInvalid), "statement-newer-format"
// (kUnsupported), "statement-facts-differ" (kCorrupt).
[[nodiscard]] Result<StateStatement> parse_statement(std::string_view json);
// The same strictness for BCS alone. Errors: "statement-malformed", "statement-newer-format".
[[nodiscard]] Result<StateStatement> decode_statement(ByteView bytes);

}  // namespace quorate::ledger
