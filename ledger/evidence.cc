#include "ledger/evidence.h"

#include <fmt/format.h>

#include <algorithm>

namespace quorate::ledger {
namespace {

constexpr const char* kNext =
    "Ask whoever gave it for the original file; it accuses nobody as it is.";

[[nodiscard]] tl::unexpected<Error> refuse(std::string_view code, std::string what) {
  return fail(ErrorKind::kCorrupt, code, std::move(what), kNext);
}

[[nodiscard]] std::string_view phase_text(VotePhase phase) {
  switch (phase) {
    case VotePhase::kPrePrepare: return "pre-prepare";
    case VotePhase::kPrepare: return "prepare";
    case VotePhase::kCommit: return "commit";
  }
  return "unknown";
}

// Epoch and replica of both, which must be of this set.
[[nodiscard]] Status check_who(Epoch epoch, ReplicaId replica, const ReplicaSet& set) {
  if (epoch != set.epoch) {
    return refuse("evidence-other-epoch",
                  fmt::format("the evidence is of epoch {}; epoch {} was expected", epoch.value,
                              set.epoch.value));
  }
  if (replica.value >= set.size()) {
    return refuse("evidence-unknown-replica",
                  fmt::format("the evidence accuses replica {}; the epoch has {} replicas",
                              replica.value, set.size()));
  }
  return {};
}

[[nodiscard]] tl::unexpected<Error> other_place() {
  return refuse("evidence-not-one-place",
                "the two statements are not by one replica about one place");
}

[[nodiscard]] tl::unexpected<Error> no_contradiction() {
  return refuse("evidence-no-contradiction", "the two statements say the same");
}

[[nodiscard]] tl::unexpected<Error> bad_signature(ReplicaId replica, std::string_view which) {
  return refuse("evidence-bad-signature",
                fmt::format("the {} signature is not by replica {} over its statement", which,
                            replica.value));
}

}  // namespace

crypto::Purpose purpose_of(VotePhase phase) {
  switch (phase) {
    case VotePhase::kPrePrepare: return crypto::Purpose::kPrePrepare;
    case VotePhase::kPrepare: return crypto::Purpose::kPrepare;
    case VotePhase::kCommit: break;
  }
  return crypto::Purpose::kCommit;
}

crypto::Purpose purpose_of(ViewPhase phase) {
  return phase == ViewPhase::kViewChange ? crypto::Purpose::kViewChange : crypto::Purpose::kNewView;
}

ReplicaId accused(const Evidence& evidence) {
  return std::visit([](const auto& found) { return found.first.replica; }, evidence);
}

Epoch epoch_of(const Evidence& evidence) {
  if (const auto* vote = std::get_if<VoteEvidence>(&evidence)) return vote->first.epoch;
  if (const auto* view = std::get_if<ViewEvidence>(&evidence)) return view->first.epoch;
  return std::get<CheckpointEvidence>(evidence).first.note.epoch;
}

std::string evidence_sentence(const Evidence& evidence) {
  if (const auto* vote = std::get_if<VoteEvidence>(&evidence)) {
    const bool batches = vote->first.batch != vote->second.batch;
    return fmt::format("replica {} signed two different {} for view {}, sequence {} ({})",
                       vote->first.replica.value, batches ? "batches" : "NEW-VIEWs",
                       vote->first.view.value, vote->first.sequence.value, phase_text(vote->phase));
  }
  if (const auto* view = std::get_if<ViewEvidence>(&evidence)) {
    return fmt::format("replica {} signed two different {} for view {}", view->first.replica.value,
                       view->phase == ViewPhase::kViewChange ? "VIEW-CHANGEs" : "NEW-VIEWs",
                       view->first.view.value);
  }
  const auto& checkpoint = std::get<CheckpointEvidence>(evidence);
  return fmt::format("replica {} cosigned two different checkpoints at sequence {}",
                     checkpoint.first.replica.value, checkpoint.first.note.sequence.value);
}

Status EvidenceVerifier::judge(const VoteEvidence& evidence, const ReplicaSet& set) const {
  const Vote& first = evidence.first;
  const Vote& second = evidence.second;
  QUORATE_TRY(check_who(first.epoch, first.replica, set));
  if (first.replica != second.replica || first.epoch != second.epoch ||
      first.view != second.view || first.sequence != second.sequence) {
    return other_place();
  }
  if (first == second) return no_contradiction();
  const PublicKey& key = set.replicas[first.replica.value].vote_key;
  const crypto::Purpose purpose = purpose_of(evidence.phase);
  if (!verify_signature(key, purpose, first, evidence.first_signature)) {
    return bad_signature(first.replica, "first");
  }
  if (!verify_signature(key, purpose, second, evidence.second_signature)) {
    return bad_signature(first.replica, "second");
  }
  return {};
}

Status EvidenceVerifier::judge(const ViewEvidence& evidence, const ReplicaSet& set) const {
  const ViewVote& first = evidence.first;
  const ViewVote& second = evidence.second;
  QUORATE_TRY(check_who(first.epoch, first.replica, set));
  if (first.replica != second.replica || first.epoch != second.epoch ||
      first.view != second.view) {
    return other_place();
  }
  if (first == second) return no_contradiction();
  const PublicKey& key = set.replicas[first.replica.value].vote_key;
  const crypto::Purpose purpose = purpose_of(evidence.phase);
  if (!verify_signature(key, purpose, first, evidence.first_signature)) {
    return bad_signature(first.replica, "first");
  }
  if (!verify_signature(key, purpose, second, evidence.second_signature)) {
    return bad_signature(first.replica, "second");
  }
  return {};
}

Status EvidenceVerifier::judge(const CheckpointEvidence& evidence, const ReplicaSet& set) const {
  const CheckpointVote& first = evidence.first;
  const CheckpointVote& second = evidence.second;
  QUORATE_TRY(check_who(first.note.epoch, first.replica, set));
  if (first.replica != second.replica || first.note.head.size != second.note.head.size) {
    return other_place();
  }
  if (first.note == second.note) return no_contradiction();
  QUORATE_TRY(checkpoints_.check(first, set));
  return checkpoints_.check(second, set);
}

Status EvidenceVerifier::check(const Evidence& evidence, const ReplicaSet& set) const {
  return std::visit([&](const auto& found) { return judge(found, set); }, evidence);
}

Status EvidenceVerifier::check(const EvidenceFile& file, const ReplicaSet& set) const {
  if (file.format != kEvidenceFormat) {
    return fail(ErrorKind::kUnsupported, "evidence-newer-format",
                fmt::format("the evidence has format {}; this program knows format {}", file.format,
                            kEvidenceFormat),
                "Use a newer version of quorate.");
  }
  if (file.chain_id != chain_id()) {
    return refuse("evidence-wrong-chain",
                  fmt::format("the evidence is of chain {}; {} was expected", file.chain_id.hex(),
                              chain_id().hex()));
  }
  return check(file.evidence, set);
}

}  // namespace quorate::ledger
