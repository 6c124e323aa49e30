#include "pbft/blame.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/check.h"
#include "pbft/new_view.h"

namespace quorate::pbft {

using ledger::VotePhase;

namespace {

// Votes of a quorum for one batch, in one view.
struct Claim {
  struct Cast {
    VotePhase phase;
    Signature signature;
  };
  Vote vote;  // without its voter
  std::map<ReplicaId, Cast> casts;

  [[nodiscard]] Vote by(ReplicaId replica) const {
    Vote result = vote;
    result.replica = replica;
    return result;
  }
};

Claim claim_of(const CommitCertificate& certificate) {
  Claim claim{{certificate.epoch, certificate.view, certificate.sequence, certificate.batch,
               certificate.new_view, {}}, {}};
  for (const Endorsement& commit : certificate.commits) {
    claim.casts[commit.replica] = {VotePhase::kCommit, commit.signature};
  }
  return claim;
}

Claim claim_of(const PreparedCertificate& certificate) {
  Claim claim{certificate.pre_prepare, {}};
  claim.casts[certificate.pre_prepare.replica] = {VotePhase::kPrePrepare, certificate.signature};
  for (const Endorsement& prepare : certificate.prepares) {
    claim.casts[prepare.replica] = {VotePhase::kPrepare, prepare.signature};
  }
  return claim;
}

// What the voter asks of a VIEW-CHANGE: it covers the committed sequence with a checkpoint, or
// carries the batch as it was prepared there, or as a later view prepared another.
bool carries(const ViewChangeBody& body, const Vote& commit) {
  if (body.stable && body.stable->note.sequence >= commit.sequence) return true;
  return std::ranges::any_of(body.prepared, [&](const PreparedCertificate& entry) {
    const Vote& vote = entry.pre_prepare;
    if (vote.sequence != commit.sequence) return false;
    return vote.view > commit.view || (vote.view == commit.view && vote.batch == commit.batch);
  });
}

// Whether the plan of a view forbids this vote in it.
bool forbids(const NewViewPlan& plan, const Vote& vote) {
  if (vote.sequence <= plan.low) return true;
  if (vote.sequence > plan.high) return false;
  return plan.slots[vote.sequence.value - plan.low.value - 1].batch != vote.batch;
}

// The P entry that the plan follows at this sequence; nullptr: none.
const PreparedCertificate* entry_behind(const Transcript& transcript, const NewViewPlan& plan,
                                        Sequence sequence) {
  if (sequence <= plan.low || sequence > plan.high) return nullptr;
  const Reproposal& slot = plan.slots[sequence.value - plan.low.value - 1];
  const PreparedCertificate* best = nullptr;
  for (const ViewChange& message : transcript.view_changes) {
    for (const PreparedCertificate& entry : message.body.prepared) {
      const Vote& vote = entry.pre_prepare;
      if (vote.sequence != sequence || vote.batch != slot.batch) continue;
      if (!best || vote.view > best->pre_prepare.view) best = &entry;
    }
  }
  return best;
}

tl::unexpected<Error> refuse(std::string_view code, std::string message) {
  return fail(ErrorKind::kCorrupt, code, std::move(message));
}

std::string place_text(const Vote& vote) {
  return fmt::format("view {}, sequence {}", vote.view.value, vote.sequence.value);
}

std::string_view did(VotePhase phase) {
  switch (phase) {
    case VotePhase::kPrePrepare: return "proposed";
    case VotePhase::kPrepare: return "prepared";
    case VotePhase::kCommit: return "committed";
  }
  return "voted for";
}

std::string sentence(const ledger::VoteEvidence& proof) {
  return ledger::evidence_sentence(proof);
}
std::string sentence(const OmissionProof& proof) {
  return fmt::format("replica {} committed batch {} at {}, and left it out when it moved to view "
                     "{}", proof.commit.replica.value, proof.commit.batch.short_hex(),
                     place_text(proof.commit), proof.view_change.body.view.value);
}
std::string sentence(const PlanProof& proof) {
  return fmt::format("replica {} {} batch {} at {}, where the NEW-VIEW that it names prescribes "
                     "another", proof.vote.replica.value, did(proof.phase),
                     proof.vote.batch.short_hex(), place_text(proof.vote));
}
std::string sentence(const PhasesProof& proof) {
  return fmt::format("replica {} {} batch {} and committed batch {} at {}",
                     proof.first.replica.value, did(proof.phase), proof.first.batch.short_hex(),
                     proof.commit.batch.short_hex(), place_text(proof.commit));
}

ReplicaId accused_by(const ledger::VoteEvidence& proof) { return proof.first.replica; }
ReplicaId accused_by(const OmissionProof& proof) { return proof.commit.replica; }
ReplicaId accused_by(const PlanProof& proof) { return proof.vote.replica; }
ReplicaId accused_by(const PhasesProof& proof) { return proof.commit.replica; }

}  // namespace

ReplicaId accused(const BlameProof& proof) {
  return std::visit([](const auto& each) { return accused_by(each); }, proof);
}

std::string blame_sentence(const BlameProof& proof) {
  return std::visit([](const auto& each) { return sentence(each); }, proof);
}

std::string blame_step_text(const BlameStep& step) {
  switch (step.kind) {
    case BlameStep::Kind::kSameView:
      return fmt::format("view {}: quorums voted for both batches", step.view.value);
    case BlameStep::Kind::kPlan:
      return fmt::format("view {}: its NEW-VIEW prescribes another batch than {}, which got the "
                         "votes of a quorum", step.view.value, step.batch.short_hex());
    case BlameStep::Kind::kOmission:
      return fmt::format("view {}: of those who had committed, nobody whose VIEW-CHANGE opened it "
                         "carried the batch", step.view.value);
    case BlameStep::Kind::kEarlierView:
      return fmt::format("view {}: it proposed batch {} again, as view {} had prepared it",
                         step.view.value, step.batch.short_hex(), step.from.value);
  }
  return {};
}

// -- Proofs ---------------------------------------------------------------------------------------

BlameVerifier::BlameVerifier(const Digest& chain_id, crypto::SignatureCache* cache,
                             const ReplicaSet& replicas, const ledger::Parameters& parameters)
    : Verifier(chain_id, cache),
      replicas_(replicas),
      messages_(chain_id, cache, replicas, parameters),
      evidence_(chain_id, cache) {}

Status BlameVerifier::check(const BlameFile& file) const {
  if (file.format != kBlameFormat) {
    return fail(ErrorKind::kUnsupported, "evidence-newer-format",
                fmt::format("The evidence has format {}; this program reads {}", file.format,
                            kBlameFormat),
                "Use the version of quorate that wrote it, or a newer one.");
  }
  if (file.chain_id != chain_id()) {
    return refuse("evidence-wrong-chain",
                  fmt::format("The evidence is of network {}, expected {}", file.chain_id.hex(),
                              chain_id().hex()));
  }
  return check(file.proof);
}

Status BlameVerifier::check(const BlameProof& proof) const {
  return std::visit([this](const auto& each) { return judge(each); }, proof);
}

Status BlameVerifier::check(const Transcript& transcript) const {
  const NewViewBody& body = transcript.new_view.body;
  const auto bad = [&](std::string_view what) {
    return refuse("evidence-bad-new-view",
                  fmt::format("The NEW-VIEW for view {} {}", body.view.value, what));
  };
  if (!messages_.check(transcript.new_view)) return bad("does not verify");
  if (transcript.view_changes.size() != body.view_changes.size()) {
    return bad("names other VIEW-CHANGEs than there are");
  }
  for (std::size_t i = 0; i < transcript.view_changes.size(); ++i) {
    const ViewChange& message = transcript.view_changes[i];
    const ViewVote vote = view_vote(message.body);
    if (ViewChangeName{vote.replica, vote.content} != body.view_changes[i] ||
        vote.epoch != body.epoch || vote.view != body.view) {
      return bad("names other VIEW-CHANGEs than there are");
    }
    if (!messages_.check(message)) return bad("rests on a VIEW-CHANGE that does not verify");
  }
  return {};
}

Status BlameVerifier::check_signature(VotePhase phase, const Vote& vote,
                                      const Signature& signature) const {
  if (vote.epoch != replicas_.epoch) {
    return refuse("evidence-other-epoch", fmt::format("The evidence is of epoch {}, expected {}",
                                                      vote.epoch.value, replicas_.epoch.value));
  }
  if (vote.replica.value >= replicas_.size()) {
    return refuse("evidence-unknown-replica",
                  fmt::format("The evidence is against replica {}, and there are {}",
                              vote.replica.value, replicas_.size()));
  }
  const bool is_primary = vote.replica == primary_of(vote.view, replicas_.size());
  if (phase != VotePhase::kCommit && is_primary != (phase == VotePhase::kPrePrepare)) {
    return refuse("evidence-not-one-place", "The vote is in a phase that is not its voter's");
  }
  const crypto::PublicKey& key = replicas_.replicas[vote.replica.value].vote_key;
  if (verify_signature(key, ledger::purpose_of(phase), vote, signature)) return {};
  return refuse("evidence-bad-signature",
                fmt::format("A signature of replica {} does not verify", vote.replica.value));
}

Status BlameVerifier::judge(const ledger::VoteEvidence& proof) const {
  return evidence_.check(ledger::Evidence(proof), replicas_);
}

Status BlameVerifier::judge(const OmissionProof& proof) const {
  const ViewChangeBody& body = proof.view_change.body;
  QUORATE_TRY(check_signature(VotePhase::kCommit, proof.commit, proof.signature));
  if (body.replica != proof.commit.replica || body.epoch != proof.commit.epoch ||
      body.view <= proof.commit.view) {
    return refuse("evidence-not-one-place",
                  "The VIEW-CHANGE is not one by which the voter left the view of its commit");
  }
  if (!messages_.check(proof.view_change)) {
    return refuse("evidence-bad-view-change", "The VIEW-CHANGE does not verify");
  }
  if (!carries(body, proof.commit)) return {};
  return refuse("evidence-no-contradiction", "The VIEW-CHANGE carries what was committed");
}

Status BlameVerifier::judge(const PlanProof& proof) const {
  QUORATE_TRY(check_signature(proof.phase, proof.vote, proof.signature));
  const NewViewBody& body = proof.transcript.new_view.body;
  if (view_vote(body).content != proof.vote.new_view || body.view != proof.vote.view ||
      body.epoch != proof.vote.epoch) {
    return refuse("evidence-not-one-place", "The vote names another NEW-VIEW");
  }
  QUORATE_TRY(check(proof.transcript));
  const NewViewPlan plan = plan_new_view(proof.transcript.view_changes, replicas_.start);
  if (forbids(plan, proof.vote)) return {};
  return refuse("evidence-no-contradiction", "The NEW-VIEW allows the vote");
}

Status BlameVerifier::judge(const PhasesProof& proof) const {
  if (proof.phase == VotePhase::kCommit) {
    return refuse("evidence-not-one-place", "The first vote is not a proposal or a prepare");
  }
  QUORATE_TRY(check_signature(proof.phase, proof.first, proof.first_signature));
  QUORATE_TRY(check_signature(VotePhase::kCommit, proof.commit, proof.commit_signature));
  Vote same = proof.first;
  same.batch = proof.commit.batch;
  same.new_view = proof.commit.new_view;
  if (same != proof.commit) {
    return refuse("evidence-not-one-place", "The two votes are not of one replica for one place");
  }
  if (proof.first != proof.commit) return {};
  return refuse("evidence-no-contradiction", "The two votes agree");
}

// -- The argument ---------------------------------------------------------------------------------

namespace {

class Inquiry {
 public:
  Inquiry(const TranscriptReader& transcripts, const BlameVerifier& verifier)
      : transcripts_(transcripts), verifier_(verifier) {}

  // `low` is of commits, in the lower view or the same.
  Result<Blame> run(const Claim& low, Claim high) {
    while (high.vote.view > low.vote.view) {
      QUORATE_ASSIGN(const Transcript transcript, find(high.vote));
      const NewViewPlan plan =
          plan_new_view(transcript.view_changes, verifier_.replicas().start);
      if (forbids(plan, high.vote)) return against_plan(high, transcript);
      const PreparedCertificate* entry = entry_behind(transcript, plan, high.vote.sequence);
      if (!entry || entry->pre_prepare.view < low.vote.view) return omissions(low, transcript);
      blame_.steps.push_back({BlameStep::Kind::kEarlierView, high.vote.view, high.vote.batch,
                              entry->pre_prepare.view});
      high = claim_of(*entry);  // of a view below the one that it opened: verified
    }
    return within_view(low, high);
  }

 private:
  Result<Transcript> find(const Vote& vote) const {
    QUORATE_ASSIGN(std::optional<Transcript> found, transcripts_(vote.new_view));
    if (!found) {
      return fail(ErrorKind::kNotFound, "blame-new-view-missing",
                  fmt::format("What opened view {} is not kept here: NEW-VIEW {}", vote.view.value,
                              vote.new_view.hex()),
                  "Add the ledger of another replica that voted in that view.");
    }
    const NewViewBody& body = found->new_view.body;
    const Status sound = verifier_.check(*found);
    if (!sound || view_vote(body).content != vote.new_view || body.view != vote.view) {
      return fail(ErrorKind::kCorrupt, "blame-new-view-bad",
                  fmt::format("What is kept as the opening of view {} is not: {}", vote.view.value,
                              sound ? "it is another one" : sound.error().message),
                  "Add the ledger of another replica that voted in that view.");
    }
    return *std::move(found);
  }

  void step(BlameStep::Kind kind, const Vote& vote) {
    blame_.steps.push_back({kind, vote.view, vote.batch, {}});
  }

  Result<Blame> against_plan(const Claim& high, const Transcript& transcript) {
    step(BlameStep::Kind::kPlan, high.vote);
    for (const auto& [id, cast] : high.casts) {
      blame_.proofs.emplace_back(PlanProof{cast.phase, high.by(id), cast.signature, transcript});
    }
    return std::move(blame_);
  }

  Result<Blame> omissions(const Claim& low, const Transcript& transcript) {
    blame_.steps.push_back(
        {BlameStep::Kind::kOmission, transcript.new_view.body.view, low.vote.batch, {}});
    for (const ViewChange& message : transcript.view_changes) {
      const auto cast = low.casts.find(message.body.replica);
      if (cast == low.casts.end()) continue;
      blame_.proofs.emplace_back(
          OmissionProof{low.by(cast->first), cast->second.signature, message});
    }
    return std::move(blame_);
  }

  Result<Blame> within_view(const Claim& low, const Claim& high) {
    step(BlameStep::Kind::kSameView, low.vote);
    for (const auto& [id, cast] : high.casts) {
      const auto commit = low.casts.find(id);
      if (commit == low.casts.end()) continue;
      const Signature& signature = commit->second.signature;
      if (cast.phase == VotePhase::kCommit) {
        blame_.proofs.emplace_back(ledger::VoteEvidence{VotePhase::kCommit, low.by(id), signature,
                                                        high.by(id), cast.signature});
      } else {
        blame_.proofs.emplace_back(
            PhasesProof{cast.phase, high.by(id), cast.signature, low.by(id), signature});
      }
    }
    return std::move(blame_);
  }

  const TranscriptReader& transcripts_;
  const BlameVerifier& verifier_;
  Blame blame_;
};

}  // namespace

Result<Blame> assign_blame(const CommitCertificate& one, const CommitCertificate& other,
                           const TranscriptReader& transcripts, const BlameVerifier& verifier) {
  QUORATE_CHECK(one.epoch == other.epoch && one.sequence == other.sequence &&
                    one.batch != other.batch,
                "two certificates that contradict each other");
  const bool is_in_order = one.view <= other.view;
  return Inquiry(transcripts, verifier)
      .run(claim_of(is_in_order ? one : other), claim_of(is_in_order ? other : one));
}

}  // namespace quorate::pbft
