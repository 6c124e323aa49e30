#include "pbft/durable.h"

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"

namespace quorate::pbft {

namespace {

constexpr std::uint8_t kVotePrefix = 'v';
constexpr std::uint8_t kBodyPrefix = 'b';
constexpr std::uint8_t kViewChangePrefix = 'x';
constexpr std::uint8_t kTranscriptPrefix = 'n';
constexpr std::uint8_t kCheckpointPrefix = 'c';
constexpr std::uint8_t kStablePrefix = 's';
constexpr std::uint8_t kFloorPrefix = 'f';
constexpr std::uint8_t kKindProposal = 0;
constexpr std::uint8_t kKindCommit = 1;

void put_u64_be(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

Bytes sequence_key(std::uint8_t prefix, std::uint64_t sequence) {
  Bytes key{prefix};
  put_u64_be(key, sequence);
  return key;
}

Bytes vote_key(const Vote& vote, std::uint8_t kind) {
  Bytes key = sequence_key(kVotePrefix, vote.sequence.value);
  put_u64_be(key, vote.epoch.value);
  put_u64_be(key, vote.view.value);
  key.push_back(kind);
  return key;
}

Bytes transcript_key(const NewViewBody& body) {
  Bytes key{kTranscriptPrefix};
  put_u64_be(key, body.epoch.value);
  put_u64_be(key, body.view.value);
  const Digest digest = view_vote(body).content;
  key.insert(key.end(), digest.bytes.begin(), digest.bytes.end());
  return key;
}

// Key and value of each kind of record.
ledger::VoteRecord stored(const ProposalRecord& record) {
  return {vote_key(record.pre_prepare.vote, kKindProposal), crypto::encode(record)};
}
ledger::VoteRecord stored(const CommitRecord& record) {
  return {vote_key(record.commit.vote, kKindCommit), crypto::encode(record)};
}
ledger::VoteRecord stored(const BodyRecord& record) {
  return {body_key(record.transaction->id),
          crypto::encode(*record.transaction->signed_transaction)};
}
ledger::VoteRecord stored(const ViewChangeRecord& record) {
  return {{kViewChangePrefix}, crypto::encode(record.view_change)};
}
ledger::VoteRecord stored(const TranscriptRecord& record) {
  return {transcript_key(record.transcript.new_view.body), crypto::encode(record.transcript)};
}
ledger::VoteRecord stored(const CheckpointRecord& record) {
  return {sequence_key(kCheckpointPrefix, record.vote.note.sequence.value),
          crypto::encode(record.vote)};
}
ledger::VoteRecord stored(const StableRecord& record) {
  return {stable_key(), crypto::encode(record.stable)};
}
ledger::VoteRecord stored(const FloorRecord& record) {
  return {{kFloorPrefix}, crypto::encode(record)};
}

tl::unexpected<Error> malformed(ByteView key, const std::string& what) {
  return fail(ErrorKind::kCorrupt, "vote-record-malformed",
              "the vote store holds under key " + to_hex(key) + " a record that " + what,
              "set the vote store aside; the replica must be recovered as one that lost it");
}

// The record, if it stands under its own key.
template <class T>
Result<T> decode_record(ByteView key, ByteView value) {
  auto record = crypto::decode<T>(value);
  if (!record) return malformed(key, "does not decode: " + record.error().message);
  if (const Bytes own = to_vote_record(*record).key; !std::ranges::equal(own, key)) {
    return malformed(key, "belongs under key " + to_hex(own));
  }
  return record;
}

}  // namespace

Bytes body_key(const TxId& id) {
  Bytes key{kBodyPrefix};
  key.insert(key.end(), id.digest.bytes.begin(), id.digest.bytes.end());
  return key;
}

ledger::VoteRecord to_vote_record(const DurableRecord& record) {
  return std::visit([](const auto& alternative) { return stored(alternative); }, record);
}

Bytes stable_key() { return {kStablePrefix}; }

Bytes first_transcript_key() { return {kTranscriptPrefix}; }

std::vector<Bytes> first_keys(Sequence low) {
  return {sequence_key(kVotePrefix, low.value + 1), {kViewChangePrefix}, {kTranscriptPrefix},
          {kFloorPrefix}, sequence_key(kCheckpointPrefix, low.value + 1)};
}

std::vector<std::pair<Bytes, Bytes>> keys_between(Sequence from, Sequence to) {
  return {{sequence_key(kVotePrefix, from.value + 1), sequence_key(kVotePrefix, to.value + 1)},
          {sequence_key(kCheckpointPrefix, from.value + 1),
           sequence_key(kCheckpointPrefix, to.value + 1)}};
}

Status restore_vote(ByteView key, ByteView value, RestoredVotes& out) {
  if (key.empty()) return malformed(key, "has no kind");
  switch (key[0]) {
    case kVotePrefix:
      if (key.back() == kKindProposal) {
        QUORATE_ASSIGN(ProposalRecord proposal, decode_record<ProposalRecord>(key, value));
        out.proposals.push_back(std::move(proposal));
        return {};
      } else {
        QUORATE_ASSIGN(CommitRecord commit, decode_record<CommitRecord>(key, value));
        out.commits.push_back(std::move(commit));
        return {};
      }
    case kViewChangePrefix: {
      QUORATE_ASSIGN(ViewChangeRecord record, decode_record<ViewChangeRecord>(key, value));
      out.view_change = std::move(record.view_change);
      return {};
    }
    case kTranscriptPrefix: {
      QUORATE_ASSIGN(TranscriptRecord record, decode_record<TranscriptRecord>(key, value));
      out.transcripts.push_back(std::move(record.transcript));
      return {};
    }
    case kCheckpointPrefix: {
      QUORATE_ASSIGN(CheckpointRecord record, decode_record<CheckpointRecord>(key, value));
      out.checkpoints.push_back(std::move(record.vote));
      return {};
    }
    case kStablePrefix: {
      QUORATE_ASSIGN(StableRecord record, decode_record<StableRecord>(key, value));
      out.stable = std::move(record.stable);
      return {};
    }
    case kFloorPrefix: {
      QUORATE_ASSIGN(FloorRecord record, decode_record<FloorRecord>(key, value));
      out.floor = record;
      return {};
    }
    default:
      return malformed(key, "is of no kind that a restart reads");
  }
}

}  // namespace quorate::pbft
