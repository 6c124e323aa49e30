#pragma once

// What all replicas of a simulation agree on before it starts: genesis, keys, verifiers.
//
// A machine is named by its seat, for good: links, traces and scenarios mean seats. Its id is its
// place in the set of an epoch, and changes with it; in epoch 0 the two are the same. Seats beyond
// the replicas of genesis are spare: they watch until a change of membership takes them in.
//
// Keys come from fixed seeds, so signatures are the same in every run. Signatures are real Ed25519;
// all replicas share one cache, which knows what was signed here, so only what somebody changed on
// the way is judged by the rule. A stand-in, for speed alone, puts a digest in a signature's place:
// it tells honest from changed bytes and withstands nobody.

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "crypto/signing.h"
#include "ledger/evidence.h"
#include "ledger/membership_change.h"
#include "ledger/transaction.h"
#include "pbft/verify.h"

namespace quorate::testnet {

enum class SimSignatures : std::uint8_t { kEd25519, kStandIn };

class SimWorld {
 public:
  // Genesis time, and what correct wall clocks show at virtual time 0.
  static constexpr ledger::TimeMs kStart{1'700'000'000'000};

  // Each client's key may send and owns some units.
  SimWorld(std::size_t replicas, const ledger::Parameters& parameters, std::size_t clients,
           SimSignatures signatures = SimSignatures::kEd25519, std::size_t spares = 0);

  // All seats.
  [[nodiscard]] std::size_t size() const { return signers_.size(); }
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }
  [[nodiscard]] const ledger::Genesis& genesis() const { return genesis_; }
  [[nodiscard]] const ledger::Digest& chain_id() const { return chain_id_; }
  // Of epoch 0.
  [[nodiscard]] const ledger::ReplicaSet& replicas() const { return set_; }
  [[nodiscard]] const crypto::Signer& signer(ledger::ReplicaId seat) const {
    return *signers_[seat.value];
  }
  [[nodiscard]] ledger::ReplicaInfo info(ledger::ReplicaId seat) const;
  // Whose key it is.
  [[nodiscard]] ledger::ReplicaId seat_of(const ledger::PublicKey& vote_key) const;
  // Of each seat its id in that set; those that are in none have ids behind, in the same order
  // (pbft::kObserversMax).
  [[nodiscard]] std::vector<ledger::ReplicaId> ids_in(const ledger::ReplicaSet& set) const;
  // Signed by a quorum of the set and by the newcomer, and sent by whoever operates the network.
  [[nodiscard]] ledger::TransactionPtr sign_change(const ledger::ReplicaSet& set,
                                                   ledger::MembershipChange change,
                                                   std::uint64_t nonce,
                                                   ledger::TimeMs valid_until) const;

  // Of epoch 0.
  [[nodiscard]] const pbft::MessageVerifier& messages() const { return *messages_; }
  [[nodiscard]] crypto::SignatureCache& cache() const { return cache_; }
  [[nodiscard]] const ledger::TransactionVerifier& transactions() const { return *transactions_; }
  [[nodiscard]] const ledger::CertificateVerifier& certificates() const { return *certificates_; }
  [[nodiscard]] const ledger::CheckpointVerifier& checkpoints() const { return *checkpoints_; }
  [[nodiscard]] const ledger::EvidenceVerifier& evidence() const { return *evidence_; }

  [[nodiscard]] const ledger::PublicKey& client_key(std::size_t client) const {
    return clients_[client]->public_key();
  }
  // Signed by that client, and checked as a node checks it.
  [[nodiscard]] ledger::TransactionPtr sign(std::size_t client, std::uint64_t nonce,
                                            ledger::TimeMs valid_until,
                                            std::vector<ledger::Operation> operations) const;

 private:
  [[nodiscard]] ledger::TransactionPtr sign(const crypto::Signer& sender, std::uint64_t nonce,
                                            ledger::TimeMs valid_until,
                                            std::vector<ledger::Operation> operations) const;

  ledger::Genesis genesis_;
  ledger::Digest chain_id_;
  ledger::ReplicaSet set_;
  [[nodiscard]] std::unique_ptr<crypto::Signer> remembering(crypto::SecretKey key);

  SimSignatures signatures_;
  mutable crypto::SignatureCache cache_;
  std::vector<std::unique_ptr<crypto::Signer>> keys_;  // what the remembering ones sign with
  std::vector<std::unique_ptr<crypto::Signer>> signers_;
  std::map<ledger::PublicKey, ledger::ReplicaId> seats_;  // by vote key
  std::vector<std::unique_ptr<crypto::Signer>> clients_;
  std::unique_ptr<crypto::Signer> operator_;
  std::unique_ptr<pbft::MessageVerifier> messages_;
  std::unique_ptr<ledger::TransactionVerifier> transactions_;
  std::unique_ptr<ledger::CertificateVerifier> certificates_;
  std::unique_ptr<ledger::CheckpointVerifier> checkpoints_;
  std::unique_ptr<ledger::EvidenceVerifier> evidence_;
};

}  // namespace quorate::testnet
