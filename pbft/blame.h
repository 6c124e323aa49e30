#pragma once

// Who broke agreement: proofs against at least f+1 replicas, from two commit certificates for
// different batches of one sequence (DESIGN §4, Accountability; Sheng et al., "BFT Protocol
// Forensics", CCS '21).
//
// Beyond f liars agreement may break, but not without traces. Let a quorum commit batch d in view
// v, and another quorum a different batch in view w >= v. In one view, whoever is in both quorums
// committed twice. Across views, the votes of w name the NEW-VIEW that opened w, and its
// VIEW-CHANGEs are of a quorum, so f+1 of those who committed d are among them. What they brought
// with them does not carry d: then they are guilty, each by its own VIEW-CHANGE. Or it does, and
// everybody who voted in w for something else than followed is guilty. Or another batch wins over
// d by a certificate of a view between: then the same question is asked of that view. Each turn
// goes to a lower view, so it ends. What it takes is the NEW-VIEWs on the way with what they name:
// that of each certificate in a ledger, and that behind each P entry that a replica relied on.
//
// A proof stands by itself: anyone checks it with nothing but the genesis document, and none can be
// made against a replica that obeyed its voter (pbft/voter.h), whatever the ledgers say.
//
// Pure; not thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ledger/evidence.h"
#include "pbft/message.h"
#include "pbft/verify.h"

namespace quorate::pbft {

// It committed a batch, and its VIEW-CHANGE for a later view does not carry it.
struct OmissionProof {
  Vote commit;
  Signature signature;
  ViewChange view_change;
};

// It voted in a view for something else than the view's beginning prescribes at that sequence.
struct PlanProof {
  ledger::VotePhase phase = ledger::VotePhase::kPrePrepare;
  Vote vote;
  Signature signature;
  Transcript transcript;  // of the NEW-VIEW that the vote names
};

// It proposed or prepared one batch and committed another in the same view.
struct PhasesProof {
  ledger::VotePhase phase = ledger::VotePhase::kPrePrepare;  // of `first`; not kCommit
  Vote first;
  Signature first_signature;
  Vote commit;
  Signature commit_signature;
};

using BlameProof = std::variant<ledger::VoteEvidence, OmissionProof, PlanProof, PhasesProof>;

// What a file holds. Format 1 is ledger::EvidenceFile, whose first field is the same.
inline constexpr std::uint32_t kBlameFormat = 2;
struct BlameFile {
  std::uint32_t format = kBlameFormat;
  Digest chain_id;
  BlameProof proof;
};

[[nodiscard]] ReplicaId accused(const BlameProof& proof);
// "replica 2 committed batch 1a2b3c4d at view 0, sequence 7, and left it out when it moved to view
// 1".
[[nodiscard]] std::string blame_sentence(const BlameProof& proof);

// Thread-safe.
class BlameVerifier : public crypto::Verifier {
 public:
  // `cache` outlives this.
  BlameVerifier(const Digest& chain_id, crypto::SignatureCache* cache, const ReplicaSet& replicas,
                const ledger::Parameters& parameters);

  // Errors (kCorrupt): those of ledger::EvidenceVerifier; "evidence-bad-view-change" (it does not
  // verify), "evidence-bad-new-view" (it does not verify, or what it names is not there).
  [[nodiscard]] Status check(const BlameProof& proof) const;
  // And: "evidence-newer-format" (kUnsupported), "evidence-wrong-chain".
  [[nodiscard]] Status check(const BlameFile& file) const;
  // That it is complete, and such that correct replicas enter the view by it. Error:
  // "evidence-bad-new-view".
  [[nodiscard]] Status check(const Transcript& transcript) const;

  [[nodiscard]] const ReplicaSet& replicas() const { return replicas_; }

 private:
  [[nodiscard]] Status judge(const ledger::VoteEvidence& proof) const;
  [[nodiscard]] Status judge(const OmissionProof& proof) const;
  [[nodiscard]] Status judge(const PlanProof& proof) const;
  [[nodiscard]] Status judge(const PhasesProof& proof) const;
  [[nodiscard]] Status check_signature(ledger::VotePhase phase, const Vote& vote,
                                       const Signature& signature) const;

  ReplicaSet replicas_;
  MessageVerifier messages_;
  ledger::EvidenceVerifier evidence_;
};

// One turn of the argument, for people.
struct BlameStep {
  enum class Kind : std::uint8_t {
    kSameView,    // both batches have votes of a quorum in `view`
    kPlan,        // `view` had to begin with another batch than `batch`
    kOmission,    // nothing that opened `view` carries the batch that was committed before
    kEarlierView,  // `view` proposed `batch` again, which view `from` had prepared
  };
  Kind kind = Kind::kSameView;
  View view;
  Digest batch;
  View from;
};
[[nodiscard]] std::string blame_step_text(const BlameStep& step);

struct Blame {
  std::vector<BlameProof> proofs;  // one a culprit, by replica
  std::vector<BlameStep> steps;
};

// What stands behind a NEW-VIEW of that digest; nullopt: it is not known.
using TranscriptReader = std::function<Result<std::optional<Transcript>>(const Digest& new_view)>;

// Preconditions (checked): both certificates verified, are of one epoch and sequence, and name
// different batches. Errors: "blame-new-view-missing" (kNotFound; it names view and digest),
// "blame-new-view-bad" (kCorrupt), those of the reader.
[[nodiscard]] Result<Blame> assign_blame(const CommitCertificate& one,
                                         const CommitCertificate& other,
                                         const TranscriptReader& transcripts,
                                         const BlameVerifier& verifier);

}  // namespace quorate::pbft
