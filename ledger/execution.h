#pragma once

// The state machine: a pure function of (state, batch).
//
// Results depend on nothing else: no clock, no locale, no map order. All of a transaction's
// operations happen or none does. Rejections are typed and final; the numbers are part of the
// ledger's format.
//
// State keys. The state is one map from byte strings to byte strings; keys that begin with 0x00 are
// reserved and cannot be named by operations:
//
//   00 'a' <public key>   BCS(Account); no leaf while the balance is 0
//   00 'n' <public key>   BCS(NonceWindow)
//   00 't'                BCS(TimeMs), the effective time of the last batch
//   00 'e'                BCS(Epoch)
//   00 'c'                BCS(CheckpointMark), of the last checkpoint; at genesis 0 and its time
//   00 'g' ...            who is guilty of what (ledger/recorded_evidence.h)
//   00 'm' ..., 00 'u' ...  who may vote when (ledger/membership.h)
//   anything else         BCS(Entry), a user's key

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "crypto/bcs.h"
#include "ledger/batch.h"
#include "ledger/genesis.h"
#include "ledger/nonce_window.h"
#include "ledger/transaction.h"

namespace quorate::ledger {

struct Account {
  std::uint64_t balance = 0;
};

struct Entry {
  Bytes value;
  std::optional<TimeMs> until;  // absent from then on
};

// The last checkpoint that execution saw.
struct CheckpointMark {
  Sequence sequence;
  TimeMs time;  // effective

  friend bool operator==(const CheckpointMark&, const CheckpointMark&) = default;
};

[[nodiscard]] Bytes account_key(const PublicKey& key);
[[nodiscard]] Bytes nonce_key(const PublicKey& key);
[[nodiscard]] Bytes time_key();
[[nodiscard]] Bytes epoch_key();
[[nodiscard]] Bytes checkpoint_key();

// Append only: the number stands in the results root.
enum class Outcome : std::uint8_t {
  kApplied,
  // Skipped, judged from the state alone: no effect, no receipt, the nonce's other owner stands.
  kSkippedNonceUsed,
  kSkippedNonceTooOld,
  kSkippedNonceTooFar,
  // Final without using the nonce.
  kRejectedExpired,
  // Final, and the nonce is used.
  kRejectedValidUntilTooFar,
  kRejectedCompareFailed,
  kRejectedNotANumber,
  kRejectedNumberOverflow,
  kRejectedInsufficientFunds,
  kRejectedBalanceOverflow,
  kRejectedUntilInThePast,  // a put whose `until` is not after the batch's effective time
  kRejectedEvidenceInvalid,  // it proves nothing
  kRejectedEvidenceKnown,    // that offence is recorded
  kRejectedEvidenceFull,     // kOffencesMax of that replica are
  // Of membership changes.
  kRejectedOtherEpoch,       // it was signed for another one
  kRejectedChangePending,    // the epoch has a change already
  kRejectedReplicaUnknown,   // no replica of the epoch has that vote key
  kRejectedReplicaName,      // another replica has it
  kRejectedReplicaKey,       // a replica has or had it
  kRejectedSetSize,          // fewer replicas than genesis promises, or more than kReplicasMax
  kRejectedNoConsent,        // the new vote key did not sign
  kRejectedNotSigned,        // no quorum of the epoch did
};

[[nodiscard]] bool is_skipped(Outcome outcome);
[[nodiscard]] bool uses_nonce(Outcome outcome);
// Stable code for clients, e.g. "applied", "tx-nonce-used", "tx-expired", "tx-compare-failed".
[[nodiscard]] std::string_view outcome_code(Outcome outcome);
// One sentence for people.
[[nodiscard]] std::string_view outcome_sentence(Outcome outcome);

struct TxResult {
  TxId id;
  Outcome outcome = Outcome::kApplied;
  std::optional<std::uint32_t> failed_operation;  // index of the operation that was refused

  friend bool operator==(const TxResult&, const TxResult&) = default;
};

// RFC 6962 tree over BCS(TxResult), in batch order.
[[nodiscard]] Digest results_root(const std::vector<TxResult>& results);

// Where the state machine reads. An error (damage on disk) ends the execution with it.
class StateReader {
 public:
  virtual ~StateReader() = default;
  [[nodiscard]] virtual Result<std::optional<Bytes>> get(ByteView key) const = 0;
};

// Key -> new value, nullopt = removed. Ordered, so that it encodes the same everywhere. Of an
// execution: exactly the keys whose leaf differs from the state before, so two executions that
// agree on the states agree on the writes.
using WriteSet = std::map<Bytes, std::optional<Bytes>, BytesLess>;
// Moves the writes of `newer`, which win, to `older`.
void put_above(WriteSet& newer, WriteSet& older);

struct Execution {
  TimeMs effective_time;
  std::vector<TxResult> results;  // one an id of the batch, in order
  Digest results_root;
  WriteSet writes;
  // Its sequence is a multiple of K, or it is flagged and C ms of effective time passed since the
  // last checkpoint (Parameters), or it is a boundary. Its own mark is among the writes.
  bool is_checkpoint = false;
  Epoch epoch;  // of this batch
  // Of an epoch change that this batch or an earlier one executed and that is not behind it; the
  // batch at the boundary is the last of its epoch (ledger/membership.h).
  std::optional<Sequence> boundary;
};

// Precondition: `transactions` are the batch's ids in order (checked).
// Errors: only those of `state`, and "state-malformed" (kCorrupt) where a leaf does not decode.
[[nodiscard]] Result<Execution> execute(const BatchHeader& header,
                                        std::span<const TransactionPtr> transactions,
                                        const Genesis& genesis, const StateReader& state);

// The state before the first batch.
[[nodiscard]] WriteSet genesis_state(const Genesis& genesis);

// Reads a user's key as of the state's own time: absent if expired or reserved. All readers: errors
// of `state`, and "state-malformed" (kCorrupt) naming the leaf.
[[nodiscard]] Result<std::optional<Entry>> read_entry(const StateReader& state, ByteView key);
[[nodiscard]] Result<Account> read_account(const StateReader& state, const PublicKey& key);
[[nodiscard]] Result<NonceWindow> read_nonces(const StateReader& state, const PublicKey& key);
[[nodiscard]] Result<TimeMs> read_time(const StateReader& state);
[[nodiscard]] Result<CheckpointMark> read_checkpoint_mark(const StateReader& state);

// Whether a transaction could run in the next batch: what admission asks and what makes it *ready*.
// `now` is the node's own clock; one within `slack` of its expiry is refused, and so is one that
// would lie too far ahead of a batch whose time is a slack behind that clock.
// Errors (kRejected): "tx-nonce-used", "tx-nonce-too-old", "tx-nonce-too-far", "tx-expired",
// "tx-valid-until-too-far"; those of `state`.
[[nodiscard]] Status check_admission(const CheckedTransaction& transaction, const Genesis& genesis,
                                     const StateReader& state, TimeMs now);

}  // namespace quorate::ledger

template <>
inline constexpr quorate::ledger::Outcome
    quorate::crypto::bcs::enum_max<quorate::ledger::Outcome> =
        quorate::ledger::Outcome::kRejectedNotSigned;
