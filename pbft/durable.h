#pragma once

// What a replica must not forget: the records that are synced before a vote leaves.
//
// The vote store (ledger/vote_store.h) keeps them as opaque bytes by key. Keys sort by sequence, so
// what lies above the low watermark is one range, and everything below it can be dropped as one:
//
//   'v' <sequence u64 BE> <epoch u64 BE> <view u64 BE> <kind u8>
//                                     BCS(ProposalRecord) of kind 0, BCS(CommitRecord) of kind 1
//   'b' <transaction id, 32 bytes>    BCS(SignedTransaction)
//   'x'                               BCS(ViewChange), our own of the highest view
//   'n' <epoch u64 BE> <view u64 BE> <digest, 32 bytes>
//                                     BCS(Transcript): a NEW-VIEW that we entered or relied on
//   'c' <sequence u64 BE>             BCS(CheckpointVote), our own
//   's'                               BCS(StableCheckpoint), the highest that we know
//   'f'                               BCS(FloorRecord)

#include <optional>
#include <utility>
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

// Our own VIEW-CHANGE. The one of the highest view replaces those before it: the voter refuses all
// below.
struct ViewChangeRecord {
  ViewChange view_change;
};

// Kept for good: votes and certificates name NEW-VIEWs by digest, and whoever must blame replicas
// for a broken agreement needs what stands behind them.
struct TranscriptRecord {
  Transcript transcript;
};

struct CheckpointRecord {
  CheckpointVote vote;
};

struct StableRecord {
  StableCheckpoint stable;
};

// What a recovery leaves behind: no vote below this view, and no VIEW-CHANGE up to it, in this life
// or the next, since one before may have said something else there.
struct FloorRecord {
  Epoch epoch;
  View view;
};

using DurableRecord = std::variant<ProposalRecord, CommitRecord, BodyRecord, ViewChangeRecord,
                                   TranscriptRecord, CheckpointRecord, StableRecord, FloorRecord>;

[[nodiscard]] ledger::VoteRecord to_vote_record(const DurableRecord& record);
[[nodiscard]] Bytes body_key(const TxId& id);

// Where reading begins: the first key of each kind that a restart needs. Votes at or below `low`,
// the sequence of the stable checkpoint, are left out; bodies are read by id.
[[nodiscard]] Bytes stable_key();
[[nodiscard]] std::vector<Bytes> first_keys(Sequence low);
// Of the transcripts, which nothing drops.
[[nodiscard]] Bytes first_transcript_key();
// Everything above `from` up to `to` that may be dropped once the ledger is synced there, as ranges
// of keys [first, second).
[[nodiscard]] std::vector<std::pair<Bytes, Bytes>> keys_between(Sequence from, Sequence to);

// What a restart reads back.
struct RestoredVotes {
  std::vector<ProposalRecord> proposals;  // by sequence
  std::vector<CommitRecord> commits;
  std::optional<ViewChange> view_change;
  std::vector<Transcript> transcripts;    // by (epoch, view)
  std::vector<CheckpointVote> checkpoints;
  std::optional<StableCheckpoint> stable;
  std::optional<FloorRecord> floor;
};
// Adds one stored record of the kinds above. Error: "vote-record-malformed" (kCorrupt).
[[nodiscard]] Status restore_vote(ByteView key, ByteView value, RestoredVotes& out);

}  // namespace quorate::pbft
