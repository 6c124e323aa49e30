#include "testnet/sim_world.h"

#include <algorithm>
#include <string>
#include <utility>

#include "crypto/check.h"
#include "ledger/quorum.h"

namespace quorate::testnet {

using ledger::ReplicaId;

namespace {

// Enough for what is signed within a watermark window of a large network.
constexpr std::size_t kCachedSignatures = 1 << 14;
constexpr std::uint64_t kClientUnits = 1'000'000;

enum class KeyKind : std::uint8_t { kVote = 1, kNetwork = 2, kClient = 3, kOperator = 4 };

crypto::Signature stand_in(const crypto::PublicKey& key, ByteView message) {
  const crypto::Digest digest = crypto::Sha256().update(key.bytes).update(message).finish();
  crypto::Signature signature;
  std::ranges::copy(digest.bytes, signature.bytes.begin());
  return signature;
}

bool stand_in_rule(const crypto::PublicKey& key, ByteView message,
                   const crypto::Signature& signature) {
  return signature == stand_in(key, message);
}

class StandInSigner final : public crypto::Signer {
 public:
  explicit StandInSigner(const crypto::PublicKey& key) : key_(key) {}
  const crypto::PublicKey& public_key() const override { return key_; }
  crypto::Signature sign(ByteView message) const override { return stand_in(key_, message); }

 private:
  crypto::PublicKey key_;
};

crypto::SecretKey key_of(KeyKind kind, std::size_t number) {
  Bytes seed(crypto::SecretKey::kSeedBytes, static_cast<std::uint8_t>(kind));
  seed[0] = static_cast<std::uint8_t>(number);
  seed[1] = static_cast<std::uint8_t>(number >> 8);
  return crypto::SecretKey::from_seed(seed);
}

}  // namespace

std::unique_ptr<crypto::Signer> SimWorld::remembering(crypto::SecretKey key) {
  if (signatures_ == SimSignatures::kStandIn) {
    return std::make_unique<StandInSigner>(key.public_key());
  }
  keys_.push_back(std::make_unique<crypto::KeySigner>(std::move(key)));
  return std::make_unique<crypto::RememberingSigner>(*keys_.back(), cache_);
}

SimWorld::SimWorld(std::size_t replicas, const ledger::Parameters& parameters,
                   std::size_t clients, SimSignatures signatures, std::size_t spares)
    : signatures_(signatures),
      cache_(kCachedSignatures,
             signatures == SimSignatures::kStandIn ? stand_in_rule : crypto::verify) {
  genesis_.name = "simulation";
  genesis_.time = kStart;
  genesis_.testnet = true;
  genesis_.faults = static_cast<std::uint16_t>(ledger::faults_tolerated(replicas));
  genesis_.parameters = parameters;
  for (std::size_t i = 0; i < replicas + spares; ++i) {
    const ReplicaId seat{static_cast<std::uint16_t>(i)};
    signers_.push_back(remembering(key_of(KeyKind::kVote, i)));
    seats_.emplace(signers_.back()->public_key(), seat);
    if (i < replicas) genesis_.replicas.push_back(info(seat));
  }
  operator_ = remembering(key_of(KeyKind::kOperator, 0));
  for (std::size_t i = 0; i < clients; ++i) {
    clients_.push_back(remembering(key_of(KeyKind::kClient, i)));
    genesis_.accounts.push_back({clients_.back()->public_key(), kClientUnits});
  }
  chain_id_ = ledger::chain_id_of(genesis_);
  set_ = ledger::genesis_replicas(genesis_);
  messages_ = std::make_unique<pbft::MessageVerifier>(chain_id_, &cache_, set_, parameters);
  transactions_ = std::make_unique<ledger::TransactionVerifier>(genesis_, chain_id_, &cache_);
  certificates_ = std::make_unique<ledger::CertificateVerifier>(chain_id_, &cache_);
  checkpoints_ = std::make_unique<ledger::CheckpointVerifier>(chain_id_, &cache_);
  evidence_ = std::make_unique<ledger::EvidenceVerifier>(chain_id_, &cache_);
}

ledger::ReplicaInfo SimWorld::info(ReplicaId seat) const {
  return {"r" + std::to_string(seat.value), signers_[seat.value]->public_key(),
          key_of(KeyKind::kNetwork, seat.value).public_key()};
}

ReplicaId SimWorld::seat_of(const ledger::PublicKey& vote_key) const {
  return seats_.at(vote_key);
}

std::vector<ReplicaId> SimWorld::ids_in(const ledger::ReplicaSet& set) const {
  std::vector<std::optional<ReplicaId>> members(size());
  for (std::size_t i = 0; i < set.size(); ++i) {
    members[seat_of(set.replicas[i].vote_key).value] = {static_cast<std::uint16_t>(i)};
  }
  std::vector<ReplicaId> ids;
  std::size_t next = set.size();
  for (const auto& member : members) {
    ids.push_back(member ? *member : ReplicaId{static_cast<std::uint16_t>(next++)});
  }
  return ids;
}

ledger::TransactionPtr SimWorld::sign_change(const ledger::ReplicaSet& set,
                                             ledger::MembershipChange change, std::uint64_t nonce,
                                             ledger::TimeMs valid_until) const {
  // Execution knows one rule for these, whatever votes are worth here.
  const auto signer_of = [this](const ledger::PublicKey& key) {
    return crypto::KeySigner(key_of(KeyKind::kVote, seat_of(key).value));
  };
  ledger::ChangeMembership operation{{set.epoch, std::move(change)}, {}, {}};
  for (std::size_t i = 0; i < ledger::quorum(set.size()); ++i) {
    operation.endorsements.push_back(
        {{static_cast<std::uint16_t>(i)},
         ledger::endorse(signer_of(set.replicas[i].vote_key), chain_id_, operation.body)});
  }
  if (const ledger::ReplicaInfo* replica = ledger::newcomer(operation.body.change)) {
    operation.consent =
        ledger::consent_to(signer_of(replica->vote_key), chain_id_, operation.body);
  }
  return sign(*operator_, nonce, valid_until, {std::move(operation)});
}

ledger::TransactionPtr SimWorld::sign(std::size_t client, std::uint64_t nonce,
                                      ledger::TimeMs valid_until,
                                      std::vector<ledger::Operation> operations) const {
  return sign(*clients_[client], nonce, valid_until, std::move(operations));
}

ledger::TransactionPtr SimWorld::sign(const crypto::Signer& sender, std::uint64_t nonce,
                                      ledger::TimeMs valid_until,
                                      std::vector<ledger::Operation> operations) const {
  ledger::Transaction body;
  body.chain_id = chain_id_;
  body.sender = sender.public_key();
  body.nonce = nonce;
  body.valid_until = valid_until;
  body.operations = std::move(operations);
  const crypto::Signature signature =
      crypto::sign_body(sender, crypto::Purpose::kTransaction, chain_id_, body);
  auto checked = transactions_->check(ledger::SignedTransaction{std::move(body), signature});
  QUORATE_CHECK(checked.has_value(), "the workload signs good transactions");
  return *std::move(checked);
}

}  // namespace quorate::testnet
