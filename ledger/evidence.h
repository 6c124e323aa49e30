#pragma once

// Evidence: two signed bodies by one replica that no correct replica signs both.
//
// Anyone can check it with nothing but the genesis document. Two signatures over one body are no
// evidence (Ed25519 signers can make many); two different bodies are. On disk it is canonical BCS,
// so that one offence under one pair of votes has one file.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "ledger/stable_checkpoint.h"

namespace quorate::ledger {

// What kind of statement was made twice.
enum class VotePhase : std::uint8_t { kPrePrepare, kPrepare, kCommit };
enum class ViewPhase : std::uint8_t { kViewChange, kNewView };

// Two batches (or NEW-VIEWs behind it) voted for at one (epoch, view, sequence, phase).
struct VoteEvidence {
  VotePhase phase = VotePhase::kPrePrepare;
  Vote first;
  Signature first_signature;
  Vote second;
  Signature second_signature;
};

// Two VIEW-CHANGEs, or two NEW-VIEWs, for one (epoch, view).
struct ViewEvidence {
  ViewPhase phase = ViewPhase::kViewChange;
  ViewVote first;
  Signature first_signature;
  ViewVote second;
  Signature second_signature;
};

// Two notes of one log size with another root or extension, whatever their times.
struct CheckpointEvidence {
  CheckpointVote first;
  CheckpointVote second;
};

using Evidence = std::variant<VoteEvidence, ViewEvidence, CheckpointEvidence>;

// What a file holds.
inline constexpr std::uint32_t kEvidenceFormat = 1;
struct EvidenceFile {
  std::uint32_t format = kEvidenceFormat;
  Digest chain_id;
  Evidence evidence;
};

[[nodiscard]] ReplicaId accused(const Evidence& evidence);
// Whose number that is; of the first statement, so worth something only if it verifies.
[[nodiscard]] Epoch epoch_of(const Evidence& evidence);
// "replica 3 signed two different batches for view 0, sequence 20 (prepare)".
[[nodiscard]] std::string evidence_sentence(const Evidence& evidence);

// The signatures' purposes.
[[nodiscard]] crypto::Purpose purpose_of(VotePhase phase);
[[nodiscard]] crypto::Purpose purpose_of(ViewPhase phase);

// Thread-safe.
class EvidenceVerifier : public crypto::Verifier {
 public:
  EvidenceVerifier(const Digest& chain_id, crypto::SignatureCache* cache)
      : Verifier(chain_id, cache), checkpoints_(chain_id, cache) {}

  // Errors (kCorrupt): "evidence-other-epoch", "evidence-unknown-replica", "evidence-not-one-place"
  // (the two are not by one replica about one thing), "evidence-no-contradiction" (they agree),
  // "evidence-bad-signature", and those of CheckpointVerifier.
  [[nodiscard]] Status check(const Evidence& evidence, const ReplicaSet& set) const;
  // And: "evidence-newer-format" (kUnsupported), "evidence-wrong-chain".
  [[nodiscard]] Status check(const EvidenceFile& file, const ReplicaSet& set) const;

 private:
  [[nodiscard]] Status judge(const VoteEvidence& evidence, const ReplicaSet& set) const;
  [[nodiscard]] Status judge(const ViewEvidence& evidence, const ReplicaSet& set) const;
  [[nodiscard]] Status judge(const CheckpointEvidence& evidence, const ReplicaSet& set) const;

  CheckpointVerifier checkpoints_;
};

}  // namespace quorate::ledger

template <>
inline constexpr quorate::ledger::VotePhase
    quorate::crypto::bcs::enum_max<quorate::ledger::VotePhase> =
        quorate::ledger::VotePhase::kCommit;
template <>
inline constexpr quorate::ledger::ViewPhase
    quorate::crypto::bcs::enum_max<quorate::ledger::ViewPhase> =
        quorate::ledger::ViewPhase::kNewView;
