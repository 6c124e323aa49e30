#include "pbft/voter.h"

#include <algorithm>
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
    case Refusal::kRecovering: return "vote-recovering";
    case Refusal::kBelowViewChange: return "vote-below-view-change";
    case Refusal::kSecondViewChange: return "vote-second-view-change";
    case Refusal::kOmitsPrepared: return "vote-omits-prepared";
    case Refusal::kSecondNewView: return "vote-second-new-view";
    case Refusal::kSecondCheckpoint: return "vote-second-checkpoint";
    case Refusal::kNotAMember: return "vote-not-a-member";
    case Refusal::kAboveBoundary: return "vote-above-boundary";
    case Refusal::kEpochEnded: return "vote-epoch-ended";
  }
  return "unknown";
}

std::string_view phase_text(Phase phase) {
  switch (phase) {
    case Phase::kPrePrepare: return "pre-prepare";
    case Phase::kPrepare: return "prepare";
    case Phase::kCommit: return "commit";
    case Phase::kViewChange: return "view-change";
    case Phase::kNewView: return "new-view";
    case Phase::kCheckpoint: return "checkpoint";
  }
  return "unknown";
}

namespace {

// How a refusal shows what is not a vote for a batch.
Vote shown(const ViewVote& vote) {
  return {vote.epoch, vote.view, {}, vote.content, {}, vote.replica};
}
Vote shown(const CheckpointNote& note, ReplicaId self) {
  return {note.epoch, {}, note.sequence, note.head.root, {}, self};
}

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
             ReplicaSet replicas, Standing standing, const Ceiling& ceiling)
    : signer_(signer),
      chain_id_(chain_id),
      self_(self),
      replicas_(std::move(replicas)),
      standing_(standing),
      ceiling_(ceiling) {
  // It may have signed a VIEW-CHANGE for each view up to the ceiling, and does not know what it
  // said there.
  if (standing == Standing::kRecovering && ceiling.epoch >= replicas_.epoch) {
    remember_floor(ceiling.view);
  }
}

std::optional<Refusal> Voter::standing_refusal() const {
  if (self_.value >= replicas_.size()) return Refusal::kNotAMember;
  switch (standing_) {
    case Standing::kVoter: break;
    case Standing::kRecovering: return Refusal::kRecovering;
    case Standing::kLearner: return Refusal::kLearner;
  }
  if (ended_ || (boundary_ && low_ >= *boundary_)) return Refusal::kEpochEnded;
  return std::nullopt;
}

std::optional<VoteRefused> Voter::refusal_for(const Vote& vote, Phase phase) const {
  const auto refuse = [&](Refusal refusal, const std::optional<Vote>& cast = std::nullopt) {
    return VoteRefused{refusal, phase, vote, cast};
  };
  if (const auto refusal = standing_refusal()) return refuse(*refusal);
  if (vote.sequence <= low_) return refuse(Refusal::kBelowLowWatermark);
  if (boundary_ && vote.sequence > *boundary_) return refuse(Refusal::kAboveBoundary);
  const bool our_view = primary_of(vote.view, replicas_.size()) == self_;
  if (vote.replica != self_ || vote.epoch != replicas_.epoch ||
      (phase == Phase::kPrePrepare && !our_view) || (phase == Phase::kPrepare && our_view)) {
    return refuse(Refusal::kNotOurTurn);
  }
  if (vote.view < view_floor_) {
    return refuse(Refusal::kBelowViewChange,
                  view_change_ ? std::optional(shown(*view_change_)) : std::nullopt);
  }
  const auto cast = cast_.find({vote.sequence, vote.epoch, vote.view, phase});
  if (cast != cast_.end() && cast->second != vote) {
    return refuse(Refusal::kSecondDigest, cast->second);
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
    return tl::unexpected(
        VoteRefused{Refusal::kNotPrepared, Phase::kCommit, vote, certificate.pre_prepare});
  }
  // A quorum may have prepared another batch than this replica: then it goes on without its commit.
  for (const Phase phase : {Phase::kPrePrepare, Phase::kPrepare}) {
    const auto earlier = cast_.find({vote.sequence, vote.epoch, vote.view, phase});
    if (earlier != cast_.end() && earlier->second != vote) {
      return tl::unexpected(
          VoteRefused{Refusal::kSecondDigest, Phase::kCommit, vote, earlier->second});
    }
  }
  return cast(vote, Phase::kCommit, Purpose::kCommit);
}

// A commit said: this is prepared here. Forgetting it in a VIEW-CHANGE could lose what others
// committed on the strength of it (OSDI '99 §4.4, P).
std::optional<VoteRefused> Voter::omission(const ViewChangeBody& body, const Vote& asked) const {
  const Sequence low = body.stable ? body.stable->note.sequence : Sequence{};
  auto entry = body.prepared.begin();
  for (const auto& [key, vote] : cast_) {
    if (std::get<Phase>(key) != Phase::kCommit || vote.sequence <= low) continue;
    while (entry != body.prepared.end() && entry->pre_prepare.sequence < vote.sequence) ++entry;
    const bool carried = entry != body.prepared.end() &&
                         entry->pre_prepare.sequence == vote.sequence &&
                         (entry->pre_prepare.view > vote.view ||
                          (entry->pre_prepare.view == vote.view &&
                           entry->pre_prepare.batch == vote.batch));
    if (!carried) return VoteRefused{Refusal::kOmitsPrepared, Phase::kViewChange, asked, vote};
  }
  return std::nullopt;
}

Signed<Signature> Voter::view_change(const ViewChangeBody& body) {
  const ViewVote vote = view_vote(body);
  const Vote asked = shown(vote);
  const auto refuse = [&](Refusal refusal) {
    const auto cast = view_change_ ? std::optional(shown(*view_change_)) : std::nullopt;
    return tl::unexpected(VoteRefused{refusal, Phase::kViewChange, asked, cast});
  };
  if (const auto refusal = standing_refusal()) return refuse(*refusal);
  if (vote.replica != self_ || vote.epoch != replicas_.epoch || vote.view.value == 0) {
    return refuse(Refusal::kNotOurTurn);
  }
  if (vote.view <= moved_to_ && view_change_ != vote) return refuse(Refusal::kSecondViewChange);
  if (auto omitted = omission(body, asked)) return tl::unexpected(std::move(*omitted));
  remember_view_change(body);
  return crypto::sign_body(signer_, Purpose::kViewChange, chain_id_, vote);
}

Signed<Signature> Voter::new_view(const NewViewBody& body) {
  const ViewVote vote = view_vote(body);
  const auto refuse = [&](Refusal refusal, const std::optional<Vote>& cast) {
    return tl::unexpected(VoteRefused{refusal, Phase::kNewView, shown(vote), cast});
  };
  if (const auto refusal = standing_refusal()) return refuse(*refusal, std::nullopt);
  if (vote.replica != self_ || vote.epoch != replicas_.epoch ||
      primary_of(vote.view, replicas_.size()) != self_) {
    return refuse(Refusal::kNotOurTurn, std::nullopt);
  }
  if (vote.view < view_floor_) {
    return refuse(Refusal::kBelowViewChange,
                  view_change_ ? std::optional(shown(*view_change_)) : std::nullopt);
  }
  const auto cast = new_views_.find(vote.view);
  if (cast != new_views_.end() && cast->second != vote) {
    return refuse(Refusal::kSecondNewView, shown(cast->second));
  }
  new_views_.emplace(vote.view, vote);
  return crypto::sign_body(signer_, Purpose::kNewView, chain_id_, vote);
}

Signed<Signature> Voter::checkpoint(const CheckpointNote& note, std::uint64_t time_seconds) {
  const Vote asked = shown(note, self_);
  const auto refuse = [&](Refusal refusal, const std::optional<Vote>& cast) {
    return tl::unexpected(VoteRefused{refusal, Phase::kCheckpoint, asked, cast});
  };
  if (const auto refusal = standing_refusal()) return refuse(*refusal, std::nullopt);
  if (note.epoch != replicas_.epoch) return refuse(Refusal::kNotOurTurn, std::nullopt);
  if (note.sequence <= low_) return refuse(Refusal::kBelowLowWatermark, std::nullopt);
  if (boundary_ && note.sequence > *boundary_) return refuse(Refusal::kAboveBoundary, std::nullopt);
  const auto [cast, is_new] = checkpoints_.emplace(note.sequence, note);
  if (cast->second != note) return refuse(Refusal::kSecondCheckpoint, shown(cast->second, self_));
  return ledger::cosign(signer_, note, time_seconds);
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
void Voter::remember_view_change(const ViewChangeBody& body) {
  view_change_ = view_vote(body);
  moved_to_ = std::max(moved_to_, body.view);
  view_floor_ = std::max(view_floor_, body.view);
  new_views_.erase(new_views_.begin(), new_views_.lower_bound(view_floor_));
}
void Voter::remember_new_view(const NewViewBody& body) {
  new_views_.emplace(body.view, view_vote(body));
}
void Voter::remember_floor(View view) {
  moved_to_ = std::max(moved_to_, view);
  view_floor_ = std::max(view_floor_, view);
}
void Voter::remember_checkpoint(const CheckpointVote& vote) {
  checkpoints_.emplace(vote.note.sequence, vote.note);
}

bool Voter::set_stable(Sequence stable) {
  if (stable > low_) {
    low_ = stable;
    cast_.erase(cast_.begin(),
                cast_.lower_bound({next(low_), Epoch{}, View{}, Phase::kPrePrepare}));
    checkpoints_.erase(checkpoints_.begin(), checkpoints_.upper_bound(low_));
  }
  if (standing_ != Standing::kRecovering || low_ < ceiling_.sequence) return false;
  standing_ = Standing::kVoter;
  return true;
}

}  // namespace quorate::pbft
