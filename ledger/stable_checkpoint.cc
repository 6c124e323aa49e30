#include "ledger/stable_checkpoint.h"

#include <fmt/format.h>

#include "ledger/quorum.h"

namespace quorate::ledger {

Signature cosign(const crypto::Signer& signer, const CheckpointNote& note,
                 std::uint64_t time_seconds) {
  return signer.sign(as_bytes(cosigned_bytes(checkpoint_body(note), time_seconds)));
}

Status CheckpointVerifier::check_note(const CheckpointNote& note, const ReplicaSet& set) const {
  if (note.chain_id != chain_id()) {
    return fail(ErrorKind::kCorrupt, "checkpoint-wrong-chain",
                fmt::format("the checkpoint is of chain {}; {} was expected", note.chain_id.hex(),
                            chain_id().hex()),
                "Check it against the genesis document of its own network.");
  }
  if (note.epoch != set.epoch) {
    return fail(ErrorKind::kCorrupt, "checkpoint-wrong-epoch",
                fmt::format("the checkpoint is of epoch {}; epoch {} was expected",
                            note.epoch.value, set.epoch.value),
                "Check it against the replicas of its own epoch.");
  }
  if (note.head.size != note.sequence.value || note.sequence.value == 0) {
    return fail(ErrorKind::kCorrupt, "checkpoint-size-not-sequence",
                fmt::format("the checkpoint at sequence {} has a log of {} records; every "
                            "sequence from 1 on is one record",
                            note.sequence.value, note.head.size),
                "Fetch the checkpoint again from another replica.");
  }
  return {};
}

Status CheckpointVerifier::check_signature(const CheckpointNote& note, std::uint64_t time_seconds,
                                           const Endorsement& cosignature,
                                           const ReplicaSet& set) const {
  if (cosignature.replica.value >= set.size()) {
    return fail(ErrorKind::kCorrupt, "checkpoint-unknown-replica",
                fmt::format("the checkpoint at sequence {} names replica {}; epoch {} has {} "
                            "replicas",
                            note.sequence.value, cosignature.replica.value, set.epoch.value,
                            set.size()),
                "Check it against the genesis document of its own network.");
  }
  const PublicKey& key = set.replicas[cosignature.replica.value].vote_key;
  if (!verify_bytes(key, as_bytes(cosigned_bytes(checkpoint_body(note), time_seconds)),
                    cosignature.signature)) {
    return fail(ErrorKind::kCorrupt, "checkpoint-bad-signature",
                fmt::format("the cosignature of replica {} on the checkpoint at sequence {} does "
                            "not verify: log root {}, state root {}, time {} s",
                            cosignature.replica.value, note.sequence.value, note.head.root.hex(),
                            note.state_root.hex(), time_seconds),
                "Fetch the checkpoint again from another replica.");
  }
  return {};
}

Status CheckpointVerifier::check(const CheckpointVote& vote, const ReplicaSet& set) const {
  QUORATE_TRY(check_note(vote.note, set));
  return check_signature(vote.note, vote.time_seconds, {vote.replica, vote.signature}, set);
}

Status CheckpointVerifier::check(const StableCheckpoint& stable, const ReplicaSet& set) const {
  QUORATE_TRY(check_note(stable.note, set));
  std::optional<ReplicaId> last;
  for (const Endorsement& cosignature : stable.cosignatures) {
    if (last && cosignature.replica <= *last) {
      return fail(ErrorKind::kCorrupt, "checkpoint-not-ascending",
                  fmt::format("the checkpoint at sequence {} names replica {} after replica {}; "
                              "each may cosign once, in ascending order",
                              stable.note.sequence.value, cosignature.replica.value, last->value),
                  "Fetch the checkpoint again from another replica.");
    }
    last = cosignature.replica;
  }
  if (set.size() == 0 || stable.cosignatures.size() < quorum(set.size())) {
    return fail(ErrorKind::kCorrupt, "checkpoint-too-few-votes",
                fmt::format("the checkpoint at sequence {} holds {} cosignatures; {} of {} "
                            "replicas were expected",
                            stable.note.sequence.value, stable.cosignatures.size(),
                            set.size() == 0 ? 0 : quorum(set.size()), set.size()),
                "Fetch the checkpoint again from another replica.");
  }
  for (const Endorsement& cosignature : stable.cosignatures) {
    QUORATE_TRY(check_signature(stable.note, stable.time_seconds, cosignature, set));
  }
  return {};
}

}  // namespace quorate::ledger
