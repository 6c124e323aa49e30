#include "pbft/durable.h"

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"

namespace quorate::pbft {

namespace {

constexpr std::uint8_t kVotePrefix = 'v';
constexpr std::uint8_t kBodyPrefix = 'b';  // before the votes, so that reading votes ends there
constexpr std::uint8_t kKindProposal = 0;
constexpr std::uint8_t kKindCommit = 1;
constexpr std::size_t kVoteKeyBytes = 1 + 8 + 8 + 8 + 1;

void put_u64_be(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

Bytes vote_key(const Vote& vote, std::uint8_t kind) {
  Bytes key{kVotePrefix};
  put_u64_be(key, vote.sequence.value);
  put_u64_be(key, vote.epoch.value);
  put_u64_be(key, vote.view.value);
  key.push_back(kind);
  return key;
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
  if (const auto* proposal = std::get_if<ProposalRecord>(&record)) {
    return {vote_key(proposal->pre_prepare.vote, kKindProposal), crypto::encode(*proposal)};
  }
  if (const auto* commit = std::get_if<CommitRecord>(&record)) {
    return {vote_key(commit->commit.vote, kKindCommit), crypto::encode(*commit)};
  }
  const auto& transaction = *std::get<BodyRecord>(record).transaction;
  return {body_key(transaction.id), crypto::encode(*transaction.signed_transaction)};
}

Bytes first_vote_key_above(Sequence low) {
  Bytes key{kVotePrefix};
  put_u64_be(key, low.value + 1);
  return key;
}

bool is_vote_key(ByteView key) { return key.size() == kVoteKeyBytes && key[0] == kVotePrefix; }

Status restore_vote(ByteView key, ByteView value, RestoredVotes& out) {
  if (!is_vote_key(key) || key.back() > kKindCommit) return malformed(key, "is not a vote");
  if (key.back() == kKindProposal) {
    QUORATE_ASSIGN(ProposalRecord proposal, decode_record<ProposalRecord>(key, value));
    out.proposals.push_back(std::move(proposal));
    return {};
  }
  QUORATE_ASSIGN(CommitRecord commit, decode_record<CommitRecord>(key, value));
  out.commits.push_back(std::move(commit));
  return {};
}

}  // namespace quorate::pbft
