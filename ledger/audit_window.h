#pragma once

// A run of blocks as they are stored, read in one go: what the auditor works on at a time.
//
// Nothing is judged here but that keys are where keys may be and that LevelDB can read them; what
// it cannot read is searched for, so that the first such record is named.

#include <memory>
#include <optional>
#include <vector>

#include "ledger/audit_finding.h"
#include "ledger/leveldb_open.h"
#include "ledger/transaction.h"

namespace quorate::ledger {

// What the auditor's threads make of a stored transaction.
struct AuditedTransaction {
  TxId id;
  PublicKey sender;
  std::uint64_t nonce = 0;
  TransactionPtr checked;               // null if signatures are not checked
  std::unique_ptr<AuditFinding> fault;  // then nothing else counts
};

// One height; bytes as stored, nullopt where there are none.
struct AuditBlock {
  Height height;
  std::optional<Bytes> record;
  std::optional<Bytes> certificate;
  std::optional<Bytes> results;
  std::optional<Bytes> writes;
  std::optional<Bytes> own_note;
  std::optional<Bytes> stable;
  std::vector<Bytes> transactions;            // from index 0 on, without gaps
  std::vector<AuditedTransaction> audited;    // as many
  std::unique_ptr<AuditFinding> votes_fault;  // of the certificate's signatures
  std::unique_ptr<AuditFinding> stable_fault;
};

struct AuditWindow {
  std::vector<AuditBlock> blocks;       // consecutive
  std::optional<AuditFinding> finding;  // about what follows the blocks; ends the audit
};

// A window as it travels.
struct BlockBytes {
  Height height;
  std::optional<Bytes> record;
  std::optional<Bytes> certificate;
  std::optional<Bytes> results;
  std::optional<Bytes> writes;
  std::optional<Bytes> own_note;
  std::optional<Bytes> stable;
  std::vector<Bytes> transactions;
};
[[nodiscard]] std::vector<BlockBytes> bytes_of(AuditWindow window);
[[nodiscard]] AuditWindow window_of(std::vector<BlockBytes> blocks);

inline constexpr std::uint64_t kWindowBlocksMax = 128;
// Of transactions; one block may hold more.
inline constexpr std::size_t kWindowBytesMax = 1 << 20;

// From `first` on, at most to `last`; at least one block unless there is a finding. Errors: those
// of the operating system; damage is a finding.
[[nodiscard]] Result<AuditWindow> read_window(const LevelDb& database, Height first, Height last);

// Damage as a finding; any other error is passed on.
[[nodiscard]] Result<AuditFinding> as_finding(const Error& error, std::string field,
                                              std::optional<Height> height = std::nullopt);

}  // namespace quorate::ledger
