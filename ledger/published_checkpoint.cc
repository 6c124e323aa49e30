#include "ledger/published_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/genesis.h"

namespace quorate::ledger {

Result<std::optional<StableCheckpoint>> covering(const Store& store, Height height) {
  QUORATE_ASSIGN(auto stable, store.stable_at_or_above(height));
  if (stable && stable->note.sequence > store.height()) stable.reset();
  return stable;
}

NoteKey cosigner_key(const Digest& chain_id, ReplicaId id, const ReplicaSet& set) {
  return {fmt::format("{}/replica-{}", checkpoint_origin(chain_id), id.value),
          NoteKeyType::kCosignature, set.replicas.at(id.value).vote_key};
}

SignedNote publish(const StableCheckpoint& stable, const ReplicaSet& set) {
  SignedNote note{checkpoint_body(stable.note), {}};
  for (const Endorsement& each : stable.cosignatures) {
    note.lines.push_back(cosignature_line(cosigner_key(stable.note.chain_id, each.replica, set),
                                          stable.time_seconds, each.signature));
  }
  return note;
}

Result<SignedNote> publish_stored(const StableCheckpoint& stable, const Digest& chain_id,
                                  const ReplicaSet& set) {
  crypto::SignatureCache cache(set.size() + 1);
  const Status checked = CheckpointVerifier(chain_id, &cache).check(stable, set);
  if (checked) return publish(stable, set);
  return fail(ErrorKind::kCorrupt, "ledger-corrupt",
              fmt::format("a stable checkpoint in the ledger does not verify: {}: {}",
                          checked.error().code, checked.error().message),
              "Run `quorate ledger verify` on a copy, and compare it with another replica's.");
}

Result<StableCheckpoint> read_published(const SignedNote& note, const ReplicaSet& set) {
  StableCheckpoint stable;
  QUORATE_ASSIGN(stable.note, parse_checkpoint_body(note.text));
  std::optional<std::uint64_t> time_seconds;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const ReplicaId id{static_cast<std::uint16_t>(i)};
    const NoteKey key = cosigner_key(stable.note.chain_id, id, set);
    for (const NoteLine& line : note.lines) {
      if (!is_by(line, key)) continue;
      const auto read = read_cosignature(line);
      if (!read) {
        return fail(ErrorKind::kInvalid, "checkpoint-malformed",
                    fmt::format("the cosignature of replica {} has {} bytes; 72 were expected", i,
                                line.signature.size()),
                    "Fetch the checkpoint again.");
      }
      if (time_seconds && *time_seconds != read->time_seconds) {
        return fail(ErrorKind::kInvalid, "checkpoint-times-differ",
                    fmt::format("replica {} cosigned at {} s, others at {} s; all cosign the "
                                "agreed time of the checkpoint",
                                i, read->time_seconds, *time_seconds),
                    "Fetch the checkpoint again, best from another node.");
      }
      time_seconds = read->time_seconds;
      stable.cosignatures.push_back({id, read->signature});
    }
  }
  stable.time_seconds = time_seconds.value_or(0);
  return stable;
}

Result<StableCheckpoint> verify_published(std::string_view note, const Genesis& genesis) {
  QUORATE_ASSIGN(const SignedNote parsed, parse_note(note));
  const ReplicaSet set = genesis_replicas(genesis);
  QUORATE_ASSIGN(StableCheckpoint stable, read_published(parsed, set));
  crypto::SignatureCache cache(set.size() + 1);
  QUORATE_TRY(CheckpointVerifier(chain_id_of(genesis), &cache).check(stable, set));
  return stable;
}

}  // namespace quorate::ledger
