#include "ledger/membership.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/quorum.h"

namespace quorate::ledger {
namespace {

[[nodiscard]] tl::unexpected<Error> malformed(ByteView key, std::string_view reason) {
  return fail(ErrorKind::kCorrupt, "state-malformed",
              fmt::format("the state's leaf {} does not say which replicas there are: {}",
                          to_hex(key), reason),
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

[[nodiscard]] Result<EpochStart> read_known(const StateReader& state, Epoch epoch) {
  QUORATE_ASSIGN(auto start, read_epoch_start(state, epoch));
  if (!start) return malformed(epoch_start_key(epoch), "it is absent");
  return std::move(*start);
}

[[nodiscard]] ReplicaSet set_from(const EpochStart& start) {
  return {start.epoch, start.replicas, start.boundary};
}

// Whether a replica has or had the key, as whichever of its two.
[[nodiscard]] Result<bool> was_used(const PublicKey& key, const Genesis& genesis,
                                    const StateReader& state) {
  for (const ReplicaInfo& each : genesis.replicas) {
    if (each.vote_key == key || each.network_key == key) return true;
  }
  QUORATE_ASSIGN(const auto leaf, state.get(used_key_key(key)));
  return leaf.has_value();
}

// The set after the change; an outcome if there is none.
struct Applied {
  Outcome outcome = Outcome::kApplied;
  std::vector<ReplicaInfo> replicas;
  std::optional<PublicKey> kept_network_key;  // which a rekeyed replica may go on using
};

[[nodiscard]] Applied apply(const MembershipChange& change,
                            const std::vector<ReplicaInfo>& before) {
  Applied after{Outcome::kApplied, before, std::nullopt};
  if (const auto* add = std::get_if<AddReplica>(&change)) {
    after.replicas.push_back(add->replica);
    return after;
  }
  const auto* remove = std::get_if<RemoveReplica>(&change);
  const PublicKey& named =
      remove != nullptr ? remove->vote_key : std::get<RekeyReplica>(change).vote_key;
  const auto at = std::find_if(after.replicas.begin(), after.replicas.end(),
                               [&](const ReplicaInfo& each) { return each.vote_key == named; });
  if (at == after.replicas.end()) return {Outcome::kRejectedReplicaUnknown, {}, std::nullopt};
  if (remove != nullptr) {
    after.replicas.erase(at);
    return after;
  }
  after.kept_network_key = at->network_key;
  *at = std::get<RekeyReplica>(change).replica;
  return after;
}

[[nodiscard]] bool has_name_twice(const std::vector<ReplicaInfo>& replicas,
                                  const ReplicaInfo& replica) {
  return std::count_if(replicas.begin(), replicas.end(),
                       [&](const ReplicaInfo& each) { return each.name == replica.name; }) > 1;
}

[[nodiscard]] bool is_good_size(std::size_t replicas, const Genesis& genesis) {
  return replicas >= 3 * std::size_t{genesis.faults} + 1 && replicas <= kReplicasMax;
}

// What the new replica brings: a name and keys that are its own.
[[nodiscard]] Result<Outcome> judge_newcomer(const ReplicaInfo& replica, const Applied& after,
                                             const Genesis& genesis, const StateReader& state) {
  if (!is_name(replica.name) || has_name_twice(after.replicas, replica)) {
    return Outcome::kRejectedReplicaName;
  }
  if (replica.vote_key == replica.network_key) return Outcome::kRejectedReplicaKey;
  for (const PublicKey* key : {&replica.vote_key, &replica.network_key}) {
    if (key == &replica.network_key && after.kept_network_key == *key) continue;
    QUORATE_ASSIGN(const bool used, was_used(*key, genesis, state));
    if (used || !crypto::admit_public_key(*key)) return Outcome::kRejectedReplicaKey;
  }
  return Outcome::kApplied;
}

[[nodiscard]] bool is_endorsed(const ChangeMembership& operation, const Digest& chain_id,
                               const ReplicaSet& set) {
  if (operation.endorsements.size() < quorum(set.size()) ||
      operation.endorsements.size() > set.size()) {
    return false;
  }
  // Places first, since they cost nothing.
  std::optional<ReplicaId> last;
  for (const Endorsement& each : operation.endorsements) {
    if (each.replica.value >= set.size() || (last && each.replica <= *last)) return false;
    last = each.replica;
  }
  return std::all_of(operation.endorsements.begin(), operation.endorsements.end(),
                     [&](const Endorsement& each) {
                       return crypto::verify_body(set.replicas[each.replica.value].vote_key,
                                                  crypto::Purpose::kMembership, chain_id,
                                                  operation.body, each.signature);
                     });
}

[[nodiscard]] bool has_consent(const ChangeMembership& operation, const Digest& chain_id) {
  const ReplicaInfo* replica = newcomer(operation.body.change);
  if (replica == nullptr) return !operation.consent;
  return operation.consent &&
         crypto::verify_body(replica->vote_key, crypto::Purpose::kMembershipConsent, chain_id,
                             operation.body, *operation.consent);
}

}  // namespace

Bytes epoch_start_key(Epoch epoch) {
  Bytes key = {kReservedPrefix, 'm'};
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    key.push_back(static_cast<std::uint8_t>(epoch.value >> (shift - 8)));
  }
  return key;
}

Bytes used_key_key(const PublicKey& key) {
  Bytes out = {kReservedPrefix, 'u'};
  out.insert(out.end(), key.bytes.begin(), key.bytes.end());
  return out;
}

std::uint64_t watermark_window(const Parameters& parameters) {
  return std::uint64_t{4} * parameters.window_batches;
}

Result<Epoch> read_epoch(const StateReader& state) {
  QUORATE_ASSIGN(const auto epoch, read_leaf<Epoch>(state, epoch_key()));
  if (!epoch) return malformed(epoch_key(), "it is absent");
  return *epoch;
}

Result<std::optional<EpochStart>> read_epoch_start(const StateReader& state, Epoch epoch) {
  const Bytes key = epoch_start_key(epoch);
  QUORATE_ASSIGN(auto start, read_leaf<EpochStart>(state, key));
  if (start && start->epoch != epoch) return malformed(key, "it is of another epoch");
  return start;
}

Result<std::optional<ReplicaSet>> read_replicas(const StateReader& state, const Genesis& genesis,
                                                Epoch epoch) {
  if (epoch == Epoch{0}) return genesis_replicas(genesis);
  QUORATE_ASSIGN(const auto start, read_epoch_start(state, epoch));
  if (!start) return std::nullopt;
  return set_from(*start);
}

Result<EpochStanding> read_standing(const StateReader& state, Sequence head) {
  QUORATE_ASSIGN(const Epoch next_epoch, read_epoch(state));
  if (next_epoch.value > 0) {
    QUORATE_ASSIGN(const EpochStart begun, read_known(state, next_epoch));
    if (begun.boundary == head) return EpochStanding{{next_epoch.value - 1}, head};
  }
  QUORATE_ASSIGN(const auto pending, read_epoch_start(state, next(next_epoch)));
  if (!pending) return EpochStanding{next_epoch, std::nullopt};
  return EpochStanding{next_epoch, pending->boundary};
}

Membership::Membership(const Genesis& genesis) : sets_{genesis_replicas(genesis)} {}

Result<Membership> Membership::read(const StateReader& state, const Genesis& genesis) {
  Membership all(genesis);
  QUORATE_ASSIGN(const Epoch last, read_epoch(state));
  for (Epoch epoch{1}; epoch <= last; epoch = next(epoch)) {
    QUORATE_ASSIGN(EpochStart start, read_known(state, epoch));
    if (!may_follow(start, all, genesis)) {
      return malformed(epoch_start_key(epoch), "it does not follow from the one before");
    }
    all.add(std::move(start));
  }
  QUORATE_ASSIGN(auto pending, read_epoch_start(state, next(last)));
  if (!pending) return all;
  if (!may_follow(*pending, all, genesis)) {
    return malformed(epoch_start_key(next(last)), "it does not follow from the one before");
  }
  all.add(std::move(*pending), true);
  return all;
}

void Membership::add(EpochStart start, bool is_pending) {
  const Sequence before = starts_.empty() ? Sequence{0} : starts_.back().boundary;
  QUORATE_CHECK(!is_pending_ && start.epoch.value == sets_.size() && start.executed > before &&
                    start.boundary > start.executed,
                "epochs follow each other");
  sets_.push_back(set_from(start));
  starts_.push_back(std::move(start));
  is_pending_ = is_pending;
}

const ReplicaSet& Membership::set_of(Epoch epoch) const {
  QUORATE_CHECK(knows(epoch), "a set that is known");
  return sets_[epoch.value];
}

const EpochStart& Membership::start_of(Epoch epoch) const {
  QUORATE_CHECK(epoch.value > 0 && knows(epoch), "a set that is known, and is not that of genesis");
  return starts_[epoch.value - 1];
}

const ReplicaSet& Membership::current() const {
  return sets_[sets_.size() - (is_pending_ ? 2 : 1)];
}

const EpochStart* Membership::pending() const { return is_pending_ ? &starts_.back() : nullptr; }

EpochStanding Membership::standing_at(Sequence sequence) const {
  const auto after =
      std::lower_bound(starts_.begin(), starts_.end(), sequence,
                       [](const EpochStart& start, Sequence at) { return start.boundary < at; });
  EpochStanding standing{{static_cast<std::uint64_t>(after - starts_.begin())}, std::nullopt};
  if (after != starts_.end() && after->executed <= sequence) standing.boundary = after->boundary;
  return standing;
}

bool may_follow(const EpochStart& start, const Membership& before, const Genesis& genesis) {
  const auto& earlier = before.starts();
  const Sequence last = earlier.empty() ? Sequence{0} : earlier.back().boundary;
  return before.pending() == nullptr && start.epoch == next(before.current().epoch) &&
         start.executed > last && start.boundary > start.executed &&
         start.boundary.value - start.executed.value == watermark_window(genesis.parameters) &&
         is_good_size(start.replicas.size(), genesis);
}

Result<JudgedChange> judge_change(const ChangeMembership& operation, const Digest& chain_id,
                                  const Genesis& genesis, const StateReader& state,
                                  Sequence sequence) {
  const MembershipBody& body = operation.body;
  QUORATE_ASSIGN(const Epoch epoch, read_epoch(state));
  if (body.epoch != epoch) return JudgedChange{Outcome::kRejectedOtherEpoch, {}};
  QUORATE_ASSIGN(const auto pending, read_epoch_start(state, next(epoch)));
  if (pending) return JudgedChange{Outcome::kRejectedChangePending, {}};
  QUORATE_ASSIGN(const auto set, read_replicas(state, genesis, epoch));
  if (!set) return malformed(epoch_start_key(epoch), "it is absent");
  Applied after = apply(body.change, set->replicas);
  if (after.outcome != Outcome::kApplied) return JudgedChange{after.outcome, {}};
  if (const ReplicaInfo* replica = newcomer(body.change)) {
    QUORATE_ASSIGN(const Outcome outcome, judge_newcomer(*replica, after, genesis, state));
    if (outcome != Outcome::kApplied) return JudgedChange{outcome, {}};
  }
  if (!is_good_size(after.replicas.size(), genesis)) {
    return JudgedChange{Outcome::kRejectedSetSize, {}};
  }
  if (!has_consent(operation, chain_id)) return JudgedChange{Outcome::kRejectedNoConsent, {}};
  if (!is_endorsed(operation, chain_id, *set)) return JudgedChange{Outcome::kRejectedNotSigned, {}};
  const Sequence boundary{sequence.value + watermark_window(genesis.parameters)};
  return JudgedChange{Outcome::kApplied,
                      EpochStart{next(epoch), sequence, boundary, std::move(after.replicas)}};
}

}  // namespace quorate::ledger
