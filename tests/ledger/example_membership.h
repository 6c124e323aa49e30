#pragma once

// Changes of the example network's replicas, and signatures by whoever is in a set.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "ledger/membership.h"
#include "ledger/quorum.h"
#include "tests/ledger/example_network.h"

namespace quorate::ledger::test {

// As example_genesis has them, and further ones.
inline ReplicaInfo example_replica(std::size_t number) {
  return {"replica-" + std::to_string(number), public_key_of(vote_key_name(number)),
          public_key_of("network key of replica " + std::to_string(number))};
}

// Of one of the first 32 example replicas.
inline crypto::KeySigner vote_signer(const PublicKey& key) {
  for (std::size_t number = 0; number < 32; ++number) {
    if (public_key_of(vote_key_name(number)) == key) return key_of(vote_key_name(number));
  }
  std::abort();
}

inline crypto::KeySigner vote_signer(const ReplicaSet& set, std::uint16_t replica) {
  return vote_signer(set.replicas.at(replica).vote_key);
}

// The first replicas of a set, as many as a quorum needs.
inline std::vector<std::uint16_t> a_quorum(const ReplicaSet& set) {
  std::vector<std::uint16_t> ids;
  for (std::uint16_t i = 0; i < quorum(set.size()); ++i) ids.push_back(i);
  return ids;
}

inline ChangeMembership example_change(const Genesis& genesis, const ReplicaSet& set,
                                       MembershipChange change,
                                       const std::vector<std::uint16_t>& signers) {
  const Digest chain_id = chain_id_of(genesis);
  ChangeMembership operation{{set.epoch, std::move(change)}, {}, {}};
  for (const std::uint16_t each : signers) {
    operation.endorsements.push_back(
        {{each}, endorse(vote_signer(set, each), chain_id, operation.body)});
  }
  if (const ReplicaInfo* replica = newcomer(operation.body.change)) {
    operation.consent = consent_to(vote_signer(replica->vote_key), chain_id, operation.body);
  }
  return operation;
}

inline ChangeMembership example_change(const Genesis& genesis, const ReplicaSet& set,
                                       MembershipChange change) {
  return example_change(genesis, set, std::move(change), a_quorum(set));
}

// COMMITs of a quorum of the set over the batch, in view 0.
inline CommitCertificate certify(const Genesis& genesis, const BatchHeader& header,
                                 const ReplicaSet& set) {
  CommitCertificate certificate{set.epoch, {0}, header.sequence, digest_of_batch(header), {}, {}};
  for (const std::uint16_t i : a_quorum(set)) {
    const Vote vote{set.epoch, {0}, header.sequence, certificate.batch, {}, {i}};
    certificate.commits.push_back({{i},
                                   crypto::sign_body(vote_signer(set, i), crypto::Purpose::kCommit,
                                                     chain_id_of(genesis), vote)});
  }
  return certificate;
}

// Cosignatures of a quorum of the set.
inline StableCheckpoint stabilise(const CheckpointNote& note, std::uint64_t time_seconds,
                                  const ReplicaSet& set) {
  StableCheckpoint stable{note, time_seconds, {}};
  for (const std::uint16_t i : a_quorum(set)) {
    stable.cosignatures.push_back({{i}, cosign(vote_signer(set, i), note, time_seconds)});
  }
  return stable;
}

}  // namespace quorate::ledger::test
