#include "ledger/recorded_evidence.h"

#include <fmt/format.h>

#include "crypto/bcs.h"

namespace quorate::ledger {
namespace {

// What was said twice, without what was said.
struct Offence {
  std::uint8_t kind = 0;   // the alternative of Evidence
  std::uint8_t phase = 0;  // VotePhase, ViewPhase
  Epoch epoch;
  View view;
  Sequence sequence;  // of a checkpoint: the size of its log
  ReplicaId replica;
};

struct OffenceOf {
  Offence operator()(const VoteEvidence& found) const {
    const Vote& vote = found.first;
    return {0, static_cast<std::uint8_t>(found.phase), vote.epoch, vote.view, vote.sequence,
            vote.replica};
  }
  Offence operator()(const ViewEvidence& found) const {
    const ViewVote& vote = found.first;
    return {1, static_cast<std::uint8_t>(found.phase), vote.epoch, vote.view, {}, vote.replica};
  }
  Offence operator()(const CheckpointEvidence& found) const {
    const CheckpointVote& vote = found.first;
    return {2, 0, vote.note.epoch, {}, {vote.note.head.size}, vote.replica};
  }
};

[[nodiscard]] tl::unexpected<Error> malformed(ByteView key, std::string_view reason) {
  return fail(ErrorKind::kCorrupt, "state-malformed",
              fmt::format("the state's leaf {} is not evidence: {}", to_hex(key), reason),
              "Set this store aside and rebuild it from the other replicas.");
}

template <class T>
[[nodiscard]] Result<std::optional<T>> read_leaf(const StateReader& state, const Bytes& key) {
  QUORATE_ASSIGN(const std::optional<Bytes> leaf, state.get(key));
  if (!leaf) return std::nullopt;
  auto value = crypto::decode<T>(*leaf);
  if (!value) return malformed(key, value.error().to_string());
  return std::move(*value);
}

}  // namespace

Digest offence_of(const Evidence& evidence) {
  return crypto::digest_of("offence", std::visit(OffenceOf{}, evidence));
}

Bytes offences_key(Epoch epoch, ReplicaId replica) {
  Bytes key = {kReservedPrefix, 'g'};
  // Epoch 0 had these keys before epochs could end.
  for (unsigned shift = epoch.value == 0 ? 0 : 64; shift > 0; shift -= 8) {
    key.push_back(static_cast<std::uint8_t>(epoch.value >> (shift - 8)));
  }
  key.push_back(static_cast<std::uint8_t>(replica.value >> 8));
  key.push_back(static_cast<std::uint8_t>(replica.value & 0xff));
  return key;
}

Bytes evidence_key(Epoch epoch, ReplicaId replica, const Digest& offence) {
  Bytes key = offences_key(epoch, replica);
  key.insert(key.end(), offence.bytes.begin(), offence.bytes.end());
  return key;
}

Result<std::vector<Digest>> read_offences(const StateReader& state, Epoch epoch,
                                          ReplicaId replica) {
  const Bytes key = offences_key(epoch, replica);
  QUORATE_ASSIGN(auto offences, read_leaf<std::vector<Digest>>(state, key));
  return std::move(offences).value_or(std::vector<Digest>{});
}

Result<std::optional<RecordedEvidence>> read_evidence(const StateReader& state, Epoch epoch,
                                                      ReplicaId replica, const Digest& offence) {
  return read_leaf<RecordedEvidence>(state, evidence_key(epoch, replica, offence));
}

Result<std::vector<RecordedEvidence>> read_evidence(const StateReader& state, Epoch epoch,
                                                    ReplicaId replica) {
  QUORATE_ASSIGN(const std::vector<Digest> offences, read_offences(state, epoch, replica));
  std::vector<RecordedEvidence> all;
  for (const Digest& offence : offences) {
    QUORATE_ASSIGN(auto found, read_evidence(state, epoch, replica, offence));
    if (!found) return malformed(evidence_key(epoch, replica, offence), "it is absent");
    all.push_back(std::move(*found));
  }
  return all;
}

}  // namespace quorate::ledger
