#include "pbft/verify.h"

#include <utility>

#include "ledger/quorum.h"

namespace quorate::pbft {

using crypto::Purpose;

std::string_view reject_code(Reject reject) {
  switch (reject) {
    case Reject::kUnknownReplica: return "unknown-replica";
    case Reject::kWrongEpoch: return "wrong-epoch";
    case Reject::kNotThePrimary: return "not-the-primary";
    case Reject::kPrepareFromPrimary: return "prepare-from-primary";
    case Reject::kMalformedBatch: return "malformed-batch";
    case Reject::kDigestMismatch: return "digest-mismatch";
    case Reject::kSequenceZero: return "sequence-zero";
    case Reject::kNewViewDigestInViewZero: return "new-view-digest-in-view-zero";
    case Reject::kNoNewViewDigest: return "no-new-view-digest";
    case Reject::kBadSignature: return "bad-signature";
    case Reject::kBadPrimarySignature: return "bad-primary-signature";
    case Reject::kBadCertificate: return "bad-certificate";
    case Reject::kBadTransaction: return "bad-transaction";
    case Reject::kBadCheckpoint: return "bad-checkpoint";
    case Reject::kMalformedViewChange: return "malformed-view-change";
    case Reject::kMalformedNewView: return "malformed-new-view";
    case Reject::kBeforeEpoch: return "before-epoch";
  }
  return "unknown";
}

MessageVerifier::MessageVerifier(const Digest& chain_id, crypto::SignatureCache* cache,
                                 ReplicaSet replicas, ledger::Parameters parameters)
    : Verifier(chain_id, cache),
      replicas_(std::move(replicas)),
      parameters_(parameters),
      certificates_(chain_id, cache),
      checkpoints_(chain_id, cache) {}

tl::expected<void, Reject> MessageVerifier::check_voter(const Vote& vote) const {
  if (vote.epoch != replicas_.epoch) return tl::unexpected(Reject::kWrongEpoch);
  if (vote.replica.value >= replicas_.size()) return tl::unexpected(Reject::kUnknownReplica);
  if (vote.sequence.value == 0) return tl::unexpected(Reject::kSequenceZero);
  if (vote.sequence <= replicas_.start) return tl::unexpected(Reject::kBeforeEpoch);
  if (vote.view.value == 0 && !vote.new_view.is_zero()) {
    return tl::unexpected(Reject::kNewViewDigestInViewZero);
  }
  if (vote.view.value > 0 && vote.new_view.is_zero()) {
    return tl::unexpected(Reject::kNoNewViewDigest);
  }
  return {};
}

bool MessageVerifier::signed_by(ReplicaId replica, Purpose purpose, const Vote& vote,
                                const Signature& signature) const {
  return verify_signature(replicas_.replicas[replica.value].vote_key, purpose, vote, signature);
}

bool MessageVerifier::signed_by(ReplicaId replica, Purpose purpose, const ViewVote& vote,
                                const Signature& signature) const {
  return verify_signature(replicas_.replicas[replica.value].vote_key, purpose, vote, signature);
}

Checked<PrePrepare> MessageVerifier::check(PrePrepare message) const {
  const Vote& vote = message.vote;
  if (auto voter = check_voter(vote); !voter) return tl::unexpected(voter.error());
  if (vote.replica != primary_of(vote.view, replicas_.size())) {
    return tl::unexpected(Reject::kNotThePrimary);
  }
  if (message.batch.header.sequence != vote.sequence ||
      ledger::digest_of_batch(message.batch.header) != vote.batch) {
    return tl::unexpected(Reject::kDigestMismatch);
  }
  if (!signed_by(vote.replica, Purpose::kPrePrepare, vote, message.signature)) {
    return tl::unexpected(Reject::kBadSignature);
  }
  // After the signature: only a primary can make us hash a thousand ids.
  if (!ledger::is_well_formed(message.batch, parameters_.batch_transactions_max)) {
    return tl::unexpected(Reject::kMalformedBatch);
  }
  return vouch(std::move(message));
}

Checked<Prepare> MessageVerifier::check(Prepare message) const {
  const Vote& vote = message.vote;
  if (auto voter = check_voter(vote); !voter) return tl::unexpected(voter.error());
  const ReplicaId primary = primary_of(vote.view, replicas_.size());
  if (vote.replica == primary) return tl::unexpected(Reject::kPrepareFromPrimary);
  if (!signed_by(vote.replica, Purpose::kPrepare, vote, message.signature)) {
    return tl::unexpected(Reject::kBadSignature);
  }
  Vote proposal = vote;
  proposal.replica = primary;
  if (!signed_by(primary, Purpose::kPrePrepare, proposal, message.pre_prepare)) {
    return tl::unexpected(Reject::kBadPrimarySignature);
  }
  return vouch(message);
}

Checked<Commit> MessageVerifier::check(Commit message) const {
  if (auto voter = check_voter(message.vote); !voter) return tl::unexpected(voter.error());
  if (!signed_by(message.vote.replica, Purpose::kCommit, message.vote, message.signature)) {
    return tl::unexpected(Reject::kBadSignature);
  }
  return vouch(message);
}

Checked<CertifiedBatch> MessageVerifier::check(CertifiedBatch block) const {
  const CommitCertificate& certificate = block.certificate;
  if (certificate.sequence.value == 0) return tl::unexpected(Reject::kSequenceZero);
  if (certificate.epoch != replicas_.epoch) return tl::unexpected(Reject::kWrongEpoch);
  if (certificate.sequence <= replicas_.start) return tl::unexpected(Reject::kBeforeEpoch);
  if (block.batch.header.sequence != certificate.sequence ||
      ledger::digest_of_batch(block.batch.header) != certificate.batch) {
    return tl::unexpected(Reject::kDigestMismatch);
  }
  if (!ledger::is_well_formed(block.batch, parameters_.batch_transactions_max)) {
    return tl::unexpected(Reject::kMalformedBatch);
  }
  if (block.transactions.size() != block.batch.ids.size()) {
    return tl::unexpected(Reject::kBadTransaction);
  }
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    if (!block.transactions[i] || block.transactions[i]->id != block.batch.ids[i]) {
      return tl::unexpected(Reject::kBadTransaction);
    }
  }
  if (!certificates_.check(certificate, replicas_)) {
    return tl::unexpected(Reject::kBadCertificate);
  }
  return vouch(std::move(block));
}

Checked<CheckpointVote> MessageVerifier::check(CheckpointVote message) const {
  if (message.note.epoch != replicas_.epoch) return tl::unexpected(Reject::kWrongEpoch);
  if (message.note.sequence <= replicas_.start) return tl::unexpected(Reject::kBeforeEpoch);
  if (!checkpoints_.check(message, replicas_)) return tl::unexpected(Reject::kBadCheckpoint);
  return vouch(std::move(message));
}

Checked<StableCheckpoint> MessageVerifier::check(StableCheckpoint message) const {
  if (message.note.epoch != replicas_.epoch) return tl::unexpected(Reject::kWrongEpoch);
  if (message.note.sequence <= replicas_.start) return tl::unexpected(Reject::kBeforeEpoch);
  if (!checkpoints_.check(message, replicas_)) return tl::unexpected(Reject::kBadCheckpoint);
  return vouch(std::move(message));
}

// OSDI '99 §4.4: a pre-prepare and prepares of quorum - 1 distinct backups.
tl::expected<void, Reject> MessageVerifier::check_prepared(
    const PreparedCertificate& certificate) const {
  const Vote& proposal = certificate.pre_prepare;
  if (auto voter = check_voter(proposal); !voter) return voter;
  const ReplicaId primary = primary_of(proposal.view, replicas_.size());
  if (proposal.replica != primary) return tl::unexpected(Reject::kNotThePrimary);
  if (certificate.prepares.size() + 1 != ledger::quorum(replicas_.size())) {
    return tl::unexpected(Reject::kBadCertificate);
  }
  std::optional<ReplicaId> last;
  for (const Endorsement& prepare : certificate.prepares) {
    if (prepare.replica == primary) return tl::unexpected(Reject::kPrepareFromPrimary);
    if (prepare.replica.value >= replicas_.size()) return tl::unexpected(Reject::kUnknownReplica);
    if (last && prepare.replica <= *last) return tl::unexpected(Reject::kBadCertificate);
    last = prepare.replica;
  }
  if (!signed_by(primary, Purpose::kPrePrepare, proposal, certificate.signature)) {
    return tl::unexpected(Reject::kBadPrimarySignature);
  }
  for (const Endorsement& prepare : certificate.prepares) {
    Vote vote = proposal;
    vote.replica = prepare.replica;
    if (!signed_by(prepare.replica, Purpose::kPrepare, vote, prepare.signature)) {
      return tl::unexpected(Reject::kBadCertificate);
    }
  }
  return {};
}

Checked<ViewChange> MessageVerifier::check(ViewChange message) const {
  const ViewChangeBody& body = message.body;
  if (body.epoch != replicas_.epoch) return tl::unexpected(Reject::kWrongEpoch);
  if (body.replica.value >= replicas_.size()) return tl::unexpected(Reject::kUnknownReplica);
  // C is of this epoch: what the one before ended with needs no proof to those who serve this one.
  const Sequence low = body.stable ? body.stable->note.sequence : replicas_.start;
  if (body.stable && low <= replicas_.start) return tl::unexpected(Reject::kBeforeEpoch);
  Sequence last = low;
  for (const PreparedCertificate& entry : body.prepared) {
    const Vote& proposal = entry.pre_prepare;
    if (proposal.sequence <= last || proposal.view >= body.view ||
        proposal.sequence.value - low.value > window_of(parameters_)) {
      return tl::unexpected(Reject::kMalformedViewChange);
    }
    last = proposal.sequence;
  }
  if (body.view.value == 0) return tl::unexpected(Reject::kMalformedViewChange);
  // Before the certificates: only a replica can make us check many.
  if (!signed_by(body.replica, Purpose::kViewChange, view_vote(body), message.signature)) {
    return tl::unexpected(Reject::kBadSignature);
  }
  if (body.stable && !checkpoints_.check(*body.stable, replicas_)) {
    return tl::unexpected(Reject::kBadCheckpoint);
  }
  for (const PreparedCertificate& entry : body.prepared) {
    if (auto good = check_prepared(entry); !good) return tl::unexpected(good.error());
  }
  return vouch(std::move(message));
}

Checked<NewView> MessageVerifier::check(NewView message) const {
  const NewViewBody& body = message.body;
  if (body.epoch != replicas_.epoch) return tl::unexpected(Reject::kWrongEpoch);
  if (body.view.value == 0 || body.view_changes.size() != ledger::quorum(replicas_.size())) {
    return tl::unexpected(Reject::kMalformedNewView);
  }
  if (body.replica != primary_of(body.view, replicas_.size())) {
    return tl::unexpected(Reject::kNotThePrimary);
  }
  std::optional<ReplicaId> last;
  for (const ViewChangeName& name : body.view_changes) {
    if (name.replica.value >= replicas_.size()) return tl::unexpected(Reject::kUnknownReplica);
    if (last && name.replica <= *last) return tl::unexpected(Reject::kMalformedNewView);
    last = name.replica;
  }
  if (!signed_by(body.replica, Purpose::kNewView, view_vote(body), message.signature)) {
    return tl::unexpected(Reject::kBadSignature);
  }
  return vouch(std::move(message));
}

}  // namespace quorate::pbft
