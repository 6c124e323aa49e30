#include "testnet/sim_world.h"

#include <string>
#include <utility>

#include "crypto/check.h"
#include "ledger/quorum.h"

namespace quorate::testnet {
namespace {

// Enough for what is signed within a watermark window of a large network.
constexpr std::size_t kCachedSignatures = 1 << 14;
constexpr std::uint64_t kClientUnits = 1'000'000;

enum class KeyKind : std::uint8_t { kVote = 1, kNetwork = 2, kClient = 3 };

std::unique_ptr<crypto::KeySigner> key_of(KeyKind kind, std::size_t number) {
  Bytes seed(crypto::SecretKey::kSeedBytes, static_cast<std::uint8_t>(kind));
  seed[0] = static_cast<std::uint8_t>(number);
  seed[1] = static_cast<std::uint8_t>(number >> 8);
  return std::make_unique<crypto::KeySigner>(crypto::SecretKey::from_seed(seed));
}

}  // namespace

SimWorld::SimWorld(std::size_t replicas, const ledger::Parameters& parameters, std::size_t clients)
    : cache_(kCachedSignatures) {
  genesis_.name = "simulation";
  genesis_.time = kStart;
  genesis_.testnet = true;
  genesis_.faults = static_cast<std::uint16_t>(ledger::faults_tolerated(replicas));
  genesis_.parameters = parameters;
  for (std::size_t i = 0; i < replicas; ++i) {
    signers_.push_back(key_of(KeyKind::kVote, i));
    genesis_.replicas.push_back({"r" + std::to_string(i), signers_.back()->public_key(),
                                 key_of(KeyKind::kNetwork, i)->public_key()});
  }
  for (std::size_t i = 0; i < clients; ++i) {
    clients_.push_back(key_of(KeyKind::kClient, i));
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

ledger::TransactionPtr SimWorld::sign(std::size_t client, std::uint64_t nonce,
                                      ledger::TimeMs valid_until,
                                      std::vector<ledger::Operation> operations) const {
  ledger::Transaction body;
  body.chain_id = chain_id_;
  body.sender = client_key(client);
  body.nonce = nonce;
  body.valid_until = valid_until;
  body.operations = std::move(operations);
  const crypto::Signature signature =
      crypto::sign_body(*clients_[client], crypto::Purpose::kTransaction, chain_id_, body);
  auto checked = transactions_->check(ledger::SignedTransaction{std::move(body), signature});
  QUORATE_CHECK(checked.has_value(), "the workload signs good transactions");
  return *std::move(checked);
}

}  // namespace quorate::testnet
