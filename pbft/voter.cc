#include "pbft/voter.h"

#include <utility>

#include "ledger/quorum.h"

namespace quorate::pbft {

using crypto::Purpose;

std::string_view refusal_code(Refusal refusal) {
  switch (refusal) {
    case Refusal::kSecondDigest: return "vote-second-digest";
    case Refusal::kNotPrepared: return "vote-not-prepared";
    case Refusal::kNotOurTurn: return "vote-not-our-turn";
    case Refusal::kBelowLowWatermark: return "vote-below-low-watermark";
    case Refusal::kLearner: return "vote-learner";
  }
  return "unknown";
}

namespace {

// Whether the certificate is for exactly this vote, in form: who counts, how often, how many.
bool certifies(const PreparedCertificate& certificate, const Vote& vote, std::size_t replicas) {
  const ReplicaId primary = primary_of(vote.view, replicas);
  Vote proposal = vote;
  proposal.replica = primary;
  if (certificate.pre_prepare != proposal) return false;
  if (certificate.prepares.size() + 1 < ledger::quorum(replicas)) return false;
  std::optional<ReplicaId> last;
  for (const Endorsement& prepare : certificate.prepares) {
    if (prepare.replica == primary || prepare.replica.value >= replicas) return false;
    if (last && prepare.replica <= *last) return false;
    last = prepare.replica;
  }
  return true;
}

}  // namespace

Voter::Voter(const crypto::Signer& signer, const Digest& chain_id, ReplicaId self,
             ReplicaSet replicas, bool learner)
    : signer_(signer),
      chain_id_(chain_id),
      self_(self),
      replicas_(std::move(replicas)),
      learner_(learner) {}

std::optional<VoteRefused> Voter::refusal_for(const Vote& vote, Phase phase) const {
  if (learner_) return VoteRefused{Refusal::kLearner, vote, {}};
  if (vote.sequence <= low_) return VoteRefused{Refusal::kBelowLowWatermark, vote, {}};
  const bool our_view = primary_of(vote.view, replicas_.size()) == self_;
  if (vote.replica != self_ || (phase == Phase::kPrePrepare && !our_view) ||
      (phase == Phase::kPrepare && our_view)) {
    return VoteRefused{Refusal::kNotOurTurn, vote, {}};
  }
  const auto cast = cast_.find({vote.sequence, vote.epoch, vote.view, phase});
  if (cast != cast_.end() && cast->second != vote) {
    return VoteRefused{Refusal::kSecondDigest, vote, cast->second};
  }
  return std::nullopt;
}

Signed<Signature> Voter::cast(const Vote& vote, Phase phase, Purpose purpose) {
  if (auto refused = refusal_for(vote, phase)) return tl::unexpected(std::move(*refused));
  cast_[{vote.sequence, vote.epoch, vote.view, phase}] = vote;
  return crypto::sign_body(signer_, purpose, chain_id_, vote);
}

Signed<Signature> Voter::pre_prepare(const Vote& vote) {
  return cast(vote, Phase::kPrePrepare, Purpose::kPrePrepare);
}

Signed<Signature> Voter::prepare(const Vote& vote) {
  return cast(vote, Phase::kPrepare, Purpose::kPrepare);
}

Signed<Signature> Voter::commit(const Vote& vote, const PreparedCertificate& certificate) {
  if (!certifies(certificate, vote, replicas_.size())) {
    return tl::unexpected(VoteRefused{Refusal::kNotPrepared, vote, certificate.pre_prepare});
  }
  return cast(vote, Phase::kCommit, Purpose::kCommit);
}

void Voter::remember_pre_prepare(const Vote& vote) {
  cast_[{vote.sequence, vote.epoch, vote.view, Phase::kPrePrepare}] = vote;
}
void Voter::remember_prepare(const Vote& vote) {
  cast_[{vote.sequence, vote.epoch, vote.view, Phase::kPrepare}] = vote;
}
void Voter::remember_commit(const Vote& vote) {
  cast_[{vote.sequence, vote.epoch, vote.view, Phase::kCommit}] = vote;
}

void Voter::forget_up_to(Sequence low) {
  if (low <= low_) return;
  low_ = low;
  cast_.erase(cast_.begin(), cast_.lower_bound({next(low), Epoch{}, View{}, Phase::kPrePrepare}));
}

}  // namespace quorate::pbft
