#pragma once

// Transactions: what a person signs.
//
// A transaction is {chain, sender, nonce, valid-until, operations} and a signature over it. All of
// its operations happen or none does. Its id is the digest of the unsigned body.
//
// Three layers judge one, each in a file of its own:
//   form      check_form, below: true or false for ever, needs the genesis parameters only
//   signature TransactionVerifier, below: makes Verified<SignedTransaction>
//   state     ledger/execution.h: nonce, expiry, balances; changes with every block

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "crypto/verified.h"
#include "ledger/evidence.h"
#include "ledger/membership_change.h"
#include "ledger/types.h"

namespace quorate::ledger {

struct Genesis;

// Sets a key. With `until`, the key reads as absent once agreed time reaches it.
struct Put {
  Bytes key;
  Bytes value;
  std::optional<TimeMs> until;
};
// Removes a key; removing an absent one is no error.
struct Delete {
  Bytes key;
};
// Sets a key if it now holds `expected` (nullopt: if it is absent); else rejects the transaction.
// As after a put without `until`, the key then holds for good.
struct CompareAndSet {
  Bytes key;
  std::optional<Bytes> expected;
  Bytes value;
};
// Adds to the decimal integer (int64, canonical: no leading zeros, no plus) that a key holds; an
// absent key counts as 0. Keeps the key's `until`.
struct Add {
  Bytes key;
  std::int64_t delta = 0;
};
// Moves units from the sender's account to another; the receiving account need not exist.
struct Transfer {
  PublicKey to;
  std::uint64_t amount = 0;
};

// Puts a proof that a replica lied into the state, one an offence (ledger/recorded_evidence.h). It
// convicts by itself, so it does not matter who brings it; what proves nothing is rejected when it
// is executed.
struct RecordEvidence {
  Evidence evidence;
};

// The index is part of the encoding: append only.
using Operation =
    std::variant<Put, Delete, CompareAndSet, Add, Transfer, RecordEvidence, ChangeMembership>;

struct Transaction {
  Digest chain_id;
  PublicKey sender;
  std::uint64_t nonce = 0;  // the first is 1; see NonceWindow in ledger/nonce_window.h
  TimeMs valid_until;       // never executes in a batch whose effective time is at or past this
  std::vector<Operation> operations;
};

struct SignedTransaction {
  Transaction body;
  Signature signature;
};

// Hard limits of form, the same on every network. Genesis limits the whole transaction further.
inline constexpr std::size_t kKeyBytesMax = 256;
inline constexpr std::size_t kOperationsMax = 256;
// User keys may not begin with this byte: accounts, nonces and time live there.
inline constexpr std::uint8_t kReservedPrefix = 0x00;

[[nodiscard]] TxId id_of(const Transaction& body);

// Judges all that never changes: chain, size, keys, operation count, nonce and valid-until not 0,
// sender key a valid point and its presence in the senders' list, and the form of a membership
// change, of which a transaction has at most one. A replica's network key may send evidence and
// membership changes, and nothing else, without being listed: they convince by themselves.
// Errors (kRejected): "tx-wrong-chain", "tx-too-large", "tx-no-operations",
// "tx-too-many-operations", "tx-key-empty", "tx-key-too-long", "tx-key-reserved", "tx-nonce-zero",
// "tx-valid-until-zero", "tx-sender-invalid-key", "tx-sender-not-allowed", "tx-transfer-zero",
// "tx-membership-twice", and those of a membership change.
// `later_replicas` came after genesis; they report as well.
[[nodiscard]] Status check_form(const SignedTransaction& transaction, std::size_t encoded_bytes,
                                const Genesis& genesis,
                                std::span<const ReplicaInfo> later_replicas = {});

// A transaction whose form and signature were checked, with what everybody asks of it.
// Immutable and shared between threads.
struct CheckedTransaction {
  crypto::Verified<SignedTransaction> signed_transaction;
  TxId id;
  std::size_t encoded_bytes = 0;
};
using TransactionPtr = std::shared_ptr<const CheckedTransaction>;

// Thread-safe.
class TransactionVerifier : public crypto::Verifier {
 public:
  // Both outlive this.
  TransactionVerifier(const Genesis& genesis, const Digest& chain_id,
                      crypto::SignatureCache* cache);

  // Errors: "tx-malformed" (kInvalid), its message naming the codec's reason; those of check_form;
  // "tx-bad-signature" (kRejected).
  [[nodiscard]] Result<TransactionPtr> check(ByteView encoded) const;
  [[nodiscard]] Result<TransactionPtr> check(SignedTransaction transaction) const;

  // Who came after genesis may report from here on, and for good: what was ordered must verify
  // whenever it is read. Told at the start of an epoch, so all who vote in it admit the same.
  void admit_reporters(std::span<const ReplicaInfo> replicas);

 private:
  [[nodiscard]] Result<TransactionPtr> judge(SignedTransaction transaction,
                                             ByteView encoded) const;
  [[nodiscard]] Status check_sender(const Transaction& body) const;

  // Judging a point costs as much as a signature, and senders come again.
  static constexpr std::size_t kAdmittedKeys = 4096;
  static constexpr std::size_t kAdmittedTogether = 4;

  const Genesis& genesis_;
  std::vector<PublicKey> listed_;    // the senders' list, sorted
  mutable std::mutex mutex_;
  // By mutex_: network keys, sorted; empty where anyone may send.
  std::vector<PublicKey> reporters_;
  mutable std::vector<PublicKey> admitted_;  // good points, the newest four of each hash
};

}  // namespace quorate::ledger
