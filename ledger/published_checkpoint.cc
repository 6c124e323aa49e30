#include "ledger/published_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "ledger/genesis.h"

namespace quorate::ledger {
namespace {

// C2SP signed-note: this type belongs to everybody, and what follows it says whose it is.
constexpr std::uint8_t kTypeOfEverybody = 0xff;
constexpr std::string_view kEpochsType = "quorate-epoch-proofs-v1";

// The line without its content.
[[nodiscard]] NoteLine epochs_line(const Digest& chain_id) {
  NoteLine line;
  line.name = checkpoint_origin(chain_id) + "/epochs";
  Bytes bytes = to_bytes(line.name);
  bytes.push_back('\n');
  bytes.push_back(kTypeOfEverybody);
  bytes.insert(bytes.end(), kEpochsType.begin(), kEpochsType.end());
  const Digest digest = crypto::sha256(bytes);
  std::copy_n(digest.bytes.begin(), line.key_id.size(), line.key_id.begin());
  return line;
}

// None where there is no such line.
[[nodiscard]] Result<std::vector<EpochProof>> read_epochs(const SignedNote& note,
                                                          const Digest& chain_id) {
  const NoteLine wanted = epochs_line(chain_id);
  std::optional<std::vector<EpochProof>> epochs;
  for (const NoteLine& line : note.lines) {
    if (line.name != wanted.name || line.key_id != wanted.key_id) continue;
    auto read = crypto::decode<std::vector<EpochProof>>(line.signature);
    if (!read || read->empty() || epochs) {
      return fail(ErrorKind::kInvalid, "checkpoint-malformed",
                  "the line of epoch proofs is there twice, or is none",
                  "Fetch the checkpoint again.");
    }
    epochs = std::move(*read);
  }
  return std::move(epochs).value_or(std::vector<EpochProof>{});
}

}  // namespace

Result<std::optional<StableCheckpoint>> covering(const Store& store, Height height) {
  QUORATE_ASSIGN(auto stable, store.stable_at_or_above(height));
  if (stable && stable->note.sequence > store.height()) stable.reset();
  return stable;
}

NoteKey cosigner_key(const Digest& chain_id, ReplicaId id, const ReplicaSet& set) {
  return {fmt::format("{}/replica-{}", checkpoint_origin(chain_id), id.value),
          NoteKeyType::kCosignature, set.replicas.at(id.value).vote_key};
}

SignedNote publish(const StableCheckpoint& stable, const ReplicaSet& set,
                   const std::vector<EpochProof>& epochs) {
  SignedNote note{checkpoint_body(stable.note), {}};
  for (const Endorsement& each : stable.cosignatures) {
    note.lines.push_back(cosignature_line(cosigner_key(stable.note.chain_id, each.replica, set),
                                          stable.time_seconds, each.signature));
  }
  if (epochs.empty()) return note;
  NoteLine line = epochs_line(stable.note.chain_id);
  line.signature = crypto::encode(epochs);
  note.lines.push_back(std::move(line));
  return note;
}

Result<SignedNote> publish_stored(const StableCheckpoint& stable, const Digest& chain_id,
                                  const ReplicaSet& genesis,
                                  const std::vector<EpochProof>& epochs) {
  ReplicaSet set = genesis;
  if (!epochs.empty()) set = {epochs.back().start.epoch, epochs.back().start.replicas, {}};
  crypto::SignatureCache cache(set.size() + 1);
  const Status checked = CheckpointVerifier(chain_id, &cache).check(stable, set);
  if (checked) return publish(stable, set, epochs);
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
  QUORATE_ASSIGN(const CheckpointNote body, parse_checkpoint_body(parsed.text));
  QUORATE_ASSIGN(const auto epochs, read_epochs(parsed, body.chain_id));
  crypto::SignatureCache cache(kReplicasMax);
  QUORATE_ASSIGN(const Membership membership, verify_epochs(epochs, body.epoch, genesis, cache));
  const ReplicaSet& set = membership.current();
  QUORATE_ASSIGN(StableCheckpoint stable, read_published(parsed, set));
  QUORATE_TRY(CheckpointVerifier(chain_id_of(genesis), &cache).check(stable, set));
  return stable;
}

}  // namespace quorate::ledger
