#include "ledger/membership_change.h"

#include <fmt/format.h>

namespace quorate::ledger {
namespace {

[[nodiscard]] tl::unexpected<Error> malformed(std::string what, std::string next) {
  return fail(ErrorKind::kRejected, "tx-membership-malformed", std::move(what), std::move(next));
}

[[nodiscard]] Status check_newcomer(const ReplicaInfo& replica) {
  if (!is_name(replica.name)) {
    return malformed(fmt::format("the replica's name has {} characters that are not all of a-z, "
                                 "0-9, '.' and '-'; 1 to {} such characters were expected",
                                 replica.name.size(), kNameCharactersMax),
                     "Give the replica another name.");
  }
  if (replica.vote_key == replica.network_key) {
    return malformed(fmt::format("{} is the vote key and the network key of {}; two keys were "
                                 "expected",
                                 replica.vote_key.hex(), replica.name),
                     "Give the replica a vote key and a network key of its own.");
  }
  for (const PublicKey* key : {&replica.vote_key, &replica.network_key}) {
    if (auto admitted = crypto::admit_public_key(*key); !admitted) {
      return fail(ErrorKind::kRejected, "tx-membership-invalid-key",
                  fmt::format("a key of {}: {}", replica.name, admitted.error().message),
                  admitted.error().next);
    }
  }
  return {};
}

[[nodiscard]] Status check_endorsements(const std::vector<Endorsement>& endorsements) {
  if (endorsements.empty() || endorsements.size() > kReplicasMax) {
    return malformed(fmt::format("the change carries {} signatures of replicas; 1 to {} were "
                                 "expected",
                                 endorsements.size(), kReplicasMax),
                     "Let a quorum of the replicas sign it.");
  }
  for (std::size_t i = 1; i < endorsements.size(); ++i) {
    if (endorsements[i - 1].replica < endorsements[i].replica) continue;
    return malformed(fmt::format("replica {} stands after replica {}; each signs once, in "
                                 "ascending order",
                                 endorsements[i].replica.value, endorsements[i - 1].replica.value),
                     "Put the signatures in the order of the replicas.");
  }
  return {};
}

struct Sentence {
  std::string operator()(const AddReplica& add) const { return "add " + words(add.replica); }
  std::string operator()(const RemoveReplica& remove) const {
    return fmt::format("remove the replica with vote key {}", remove.vote_key.hex());
  }
  std::string operator()(const RekeyReplica& rekey) const {
    return fmt::format("replace the replica with vote key {} by {}", rekey.vote_key.hex(),
                       words(rekey.replica));
  }
  static std::string words(const ReplicaInfo& replica) {
    return fmt::format("{} (vote key {}, network key {})", replica.name, replica.vote_key.hex(),
                       replica.network_key.hex());
  }
};

}  // namespace

const ReplicaInfo* newcomer(const MembershipChange& change) {
  if (const auto* add = std::get_if<AddReplica>(&change)) return &add->replica;
  if (const auto* rekey = std::get_if<RekeyReplica>(&change)) return &rekey->replica;
  return nullptr;
}

std::string change_sentence(const MembershipChange& change) {
  return std::visit(Sentence{}, change);
}

Status check_form(const ChangeMembership& operation) {
  const ReplicaInfo* replica = newcomer(operation.body.change);
  if (replica != nullptr) QUORATE_TRY(check_newcomer(*replica));
  if (operation.consent.has_value() != (replica != nullptr)) {
    return malformed(operation.consent ? "found a new replica's consent, and no replica is new"
                                       : "the new vote key has not signed the change",
                     operation.consent ? "Leave the consent out."
                                       : "Let whoever holds the new vote key sign it.");
  }
  return check_endorsements(operation.endorsements);
}

Signature endorse(const crypto::Signer& signer, const Digest& chain_id,
                  const MembershipBody& body) {
  return crypto::sign_body(signer, crypto::Purpose::kMembership, chain_id, body);
}

Signature consent_to(const crypto::Signer& signer, const Digest& chain_id,
                     const MembershipBody& body) {
  return crypto::sign_body(signer, crypto::Purpose::kMembershipConsent, chain_id, body);
}

}  // namespace quorate::ledger
