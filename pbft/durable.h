#pragma once

// What a replica must not forget: the records that are synced before a vote leaves.
//
// The vote store (ledger/vote_store.h) keeps them as opaque bytes by key. Keys sort by sequence, so
// what lies above the low watermark is one range, and everything below it can be dropped as one:
//
//   'v' <sequence u64 BE> <epoch u64 BE> <view u64 BE> <kind u8>
//                                     BCS(ProposalRecord) of kind 0, BCS(CommitRecord) of kind 1
//   'b' <transaction id, 32 bytes>    BCS(SignedTransaction)

#include <optional>
#include <variant>
#include <vector>

#include "ledger/vote_store.h"
#include "pbft/message.h"

namespace quorate::pbft {

// A pre-prepare that this replica sent or answered, with our own prepare if we are a backup. The
// bodies of its transactions stand in the same write (DESIGN: a prepared certificate proves that
// f+1 correct disks hold the bodies).
struct ProposalRecord {
  PrePrepare pre_prepare;
  std::optional<Prepare> prepare;  // nullopt at the primary
};

// Our commit, and what allowed it.
struct CommitRecord {
  Commit commit;
  PreparedCertificate prepared;
};

struct BodyRecord {
  TransactionPtr transaction;
};

using DurableRecord = std::variant<ProposalRecord, CommitRecord, BodyRecord>;

[[nodiscard]] ledger::VoteRecord to_vote_record(const DurableRecord& record);
// The first key of all votes above `low`.
[[nodiscard]] Bytes first_vote_key_above(Sequence low);
[[nodiscard]] bool is_vote_key(ByteView key);
[[nodiscard]] Bytes body_key(const TxId& id);

// What a restart reads back.
struct RestoredVotes {
  std::vector<ProposalRecord> proposals;  // by sequence
  std::vector<CommitRecord> commits;
};
// Adds one stored record. Error: "vote-record-malformed" (kCorrupt).
[[nodiscard]] Status restore_vote(ByteView key, ByteView value, RestoredVotes& out);

}  // namespace quorate::pbft
