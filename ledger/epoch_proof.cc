#include "ledger/epoch_proof.h"

#include <fmt/format.h>

#include "crypto/bcs.h"

namespace quorate::ledger {
namespace {

[[nodiscard]] tl::unexpected<Error> refuse(std::string_view code, std::string what) {
  return fail(ErrorKind::kCorrupt, code, std::move(what),
              "Fetch it again with the epoch proofs of its own network, best from another node.");
}

}  // namespace

Status check_epoch_proof(const EpochProof& proof, const Membership& before, const Genesis& genesis,
                         crypto::SignatureCache& cache) {
  const ReplicaSet& set = before.current();
  const EpochStart& start = proof.start;
  const CheckpointNote& note = proof.boundary.note;
  if (start.epoch != next(set.epoch) || note.epoch != set.epoch) {
    return refuse(
        "epoch-proof-out-of-order",
        fmt::format("the proof is of epoch {}, by the replicas of epoch {}; epoch {} "
                    "follows epoch {}",
                    start.epoch.value, note.epoch.value, next(set.epoch).value, set.epoch.value));
  }
  // Who voted is judged before what they say, so that nothing unsigned is believed.
  QUORATE_TRY(CheckpointVerifier(chain_id_of(genesis), &cache).check(proof.boundary, set));
  QUORATE_TRY(verify_key(proof.proof, epoch_start_key(start.epoch), crypto::encode(start),
                         note.state_root));
  if (note.pending_boundary == note.sequence && start.boundary == note.sequence &&
      may_follow(start, before, genesis)) {
    return {};
  }
  return refuse(
      "epoch-proof-no-boundary",
      fmt::format("the checkpoint at sequence {} with boundary {} does not end epoch {}, "
                  "of which the change was executed at {} and has its boundary at {}",
                  note.sequence.value, note.pending_boundary ? note.pending_boundary->value : 0,
                  set.epoch.value, start.executed.value, start.boundary.value));
}

Result<Membership> verify_epochs(std::span<const EpochProof> proofs, Epoch epoch,
                                 const Genesis& genesis, crypto::SignatureCache& cache) {
  if (proofs.size() > kEpochProofsMax) {
    return refuse("epoch-proofs-too-many", fmt::format("found {} epoch proofs; at most {} are read",
                                                       proofs.size(), kEpochProofsMax));
  }
  if (proofs.size() != epoch.value) {
    return refuse(
        proofs.size() < epoch.value ? "epoch-proofs-missing" : "epoch-proofs-not-needed",
        fmt::format("found {} epoch proofs with something of epoch {}; {} were expected, one an "
                    "epoch after that of genesis",
                    proofs.size(), epoch.value, epoch.value));
  }
  Membership membership(genesis);
  for (const EpochProof& proof : proofs) {
    QUORATE_TRY(check_epoch_proof(proof, membership, genesis, cache));
    membership.add(proof.start);
  }
  return membership;
}

}  // namespace quorate::ledger
