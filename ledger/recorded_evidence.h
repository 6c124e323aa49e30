#pragma once

// Recorded evidence: what the ledger holds against replicas, for good.
//
// A RecordEvidence operation writes two leaves of the reserved key space:
//
//   00 'g' <replica u16 BE>            BCS(list<Digest>), the replica's offences as they came
//   00 'g' <replica u16 BE> <offence>  BCS(RecordedEvidence), the proof of one
//
// A number belongs to an epoch, so from epoch 1 on <epoch u64 BE> stands before it; the lengths
// tell these keys from those of epoch 0.
//
// An offence is what was said twice: by whom, what kind of statement, where. Whichever two of the
// contradicting statements show it, and in whichever order, it is recorded once; so replicas that
// saw different halves of one lie do not fill the ledger with it. After kOffencesMax of them a
// replica is no more guilty than before, and further ones are rejected. Nothing removes them.
//
// Only what verifies is written (EvidenceVerifier, with the replicas of the epoch in which the lie
// was told): two different bodies, both signed by the accused's own vote key for one place of this
// chain. What an epoch's replicas signed stays punishable when they are replicas no more. A
// correct replica's voter signs no such pair, whatever others do; so the ledger accuses none.

#include <cstddef>
#include <vector>

#include "ledger/evidence.h"
#include "ledger/execution.h"

namespace quorate::ledger {

struct RecordedEvidence {
  Evidence evidence;
  Sequence sequence;   // of the batch that recorded it
  TimeMs time;         // that batch's effective time
  TxId transaction;
};

inline constexpr std::size_t kOffencesMax = 16;  // of one replica

// Equal for all proofs of one offence; the two statements' first place decides, so it is worth
// something only of evidence that verifies.
[[nodiscard]] Digest offence_of(const Evidence& evidence);

[[nodiscard]] Bytes offences_key(Epoch epoch, ReplicaId replica);
[[nodiscard]] Bytes evidence_key(Epoch epoch, ReplicaId replica, const Digest& offence);

// Errors of both: those of `state`, and "state-malformed" (kCorrupt).
// In the order of recording; empty for a replica that nothing is held against.
[[nodiscard]] Result<std::vector<Digest>> read_offences(const StateReader& state, Epoch epoch,
                                                        ReplicaId replica);
[[nodiscard]] Result<std::optional<RecordedEvidence>> read_evidence(const StateReader& state,
                                                                    Epoch epoch, ReplicaId replica,
                                                                    const Digest& offence);
// All against the replica of one epoch. A leaf that its list names and that is not there is
// "state-malformed".
[[nodiscard]] Result<std::vector<RecordedEvidence>> read_evidence(const StateReader& state,
                                                                  Epoch epoch, ReplicaId replica);

}  // namespace quorate::ledger
