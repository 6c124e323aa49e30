#pragma once

// A network on paper: n replicas with keys from fixed seeds, their genesis, and whatever any of
// them would sign. Tests of pbft/ speak for every replica through it, correct or not.
//
// Signatures are real and the same in every run.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto/signing.h"
#include "ledger/transaction.h"
#include "pbft/replica.h"
#include "pbft/verify.h"

namespace quorate::pbft::test {

// Where wall clocks of tests begin, and the genesis time.
inline constexpr TimeMs kStartTime{1'700'000'000'000};

// Replica `id`; `r(2)` reads better than a cast.
[[nodiscard]] constexpr ReplicaId r(std::size_t id) { return {static_cast<std::uint16_t>(id)}; }

class World {
 public:
  // `start`: of `epoch`, in which these replicas are the set.
  explicit World(std::size_t replicas, const ledger::Parameters& parameters = {},
                 Epoch epoch = {}, Sequence start = {});

  [[nodiscard]] std::size_t size() const { return set_.size(); }
  [[nodiscard]] const Digest& chain_id() const { return chain_id_; }
  [[nodiscard]] const ReplicaSet& replicas() const { return set_; }
  [[nodiscard]] const ledger::Parameters& parameters() const { return genesis_.parameters; }
  [[nodiscard]] const crypto::Signer& signer(ReplicaId id) const { return *signers_[id.value]; }
  [[nodiscard]] const MessageVerifier& verifier() const { return *verifier_; }
  [[nodiscard]] const ledger::TransactionVerifier& transactions() const { return *transactions_; }
  [[nodiscard]] crypto::SignatureCache* cache() const { return &cache_; }

  // A transaction that no test has seen yet; `value_bytes` makes it large.
  [[nodiscard]] TransactionPtr transaction(std::size_t value_bytes = 8);

  [[nodiscard]] Signature sign(crypto::Purpose purpose, const Vote& vote) const {
    return crypto::sign_body(signer({vote.replica}), purpose, chain_id_, vote);
  }
  // By the primary of `view`, over whatever batch it is given.
  [[nodiscard]] PrePrepare pre_prepare(Batch batch, View view = {},
                                       const Digest& new_view = {}) const;
  // The votes of `replica` for that proposal.
  [[nodiscard]] Prepare prepare(const PrePrepare& proposal, ReplicaId replica) const;
  [[nodiscard]] Commit commit(const PrePrepare& proposal, ReplicaId replica) const;
  // Endorsed by replicas 0 to quorum - 1.
  [[nodiscard]] CommitCertificate certificate(const PrePrepare& proposal) const;
  [[nodiscard]] PreparedCertificate prepared(const PrePrepare& proposal) const;
  // Of a state that is the same everywhere, with what `boundary` says; another `state` makes
  // another note.
  [[nodiscard]] CheckpointExecuted checkpoint(std::uint64_t sequence,
                                              std::string_view state = "state") const;
  [[nodiscard]] CheckpointVote checkpoint_vote(std::uint64_t sequence, ReplicaId replica,
                                               std::string_view state = "state") const;
  // Cosigned by replicas 0 to quorum - 1.
  [[nodiscard]] StableCheckpoint stable(std::uint64_t sequence) const;
  [[nodiscard]] ViewChange view_change(View view, ReplicaId replica,
                                       std::vector<PreparedCertificate> prepared = {},
                                       std::optional<StableCheckpoint> stable = {}) const;
  // By the primary of their view, naming the first quorum of them.
  [[nodiscard]] NewView new_view(const std::vector<ViewChange>& view_changes) const;

  // What the verifier makes of a message that must be good.
  template <class T>
  [[nodiscard]] crypto::Verified<T> verified(const T& message) const {
    return verifier().check(message).value();
  }

  std::optional<Sequence> boundary;  // pending, in every checkpoint

 private:
  ledger::Genesis genesis_;
  Digest chain_id_;
  ReplicaSet set_;
  std::vector<std::unique_ptr<crypto::KeySigner>> signers_;
  std::unique_ptr<crypto::KeySigner> sender_;
  mutable crypto::SignatureCache cache_;
  std::unique_ptr<MessageVerifier> verifier_;
  std::unique_ptr<ledger::TransactionVerifier> transactions_;
  std::uint64_t nonce_ = 0;
};

[[nodiscard]] ReplicaStart start_at_genesis();

// A report of somebody in view 0 for whom nothing is stable.
[[nodiscard]] StatusReport report_of(std::uint64_t executed, std::vector<std::uint8_t> slots = {},
                                     bool wants_answer = false);
// What the host reports of a batch at which no checkpoint is due.
[[nodiscard]] BatchExecuted executed_batch(std::uint64_t sequence, std::vector<TxId> settled = {});

// A batch of these transactions with the start time.
[[nodiscard]] Batch batch_of(std::uint64_t sequence, const std::vector<TransactionPtr>& bodies,
                             TimeMs time = kStartTime);

}  // namespace quorate::pbft::test
