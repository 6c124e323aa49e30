#pragma once

// The voter: the one holder of the vote key, and the one that says no.
//
// Everything this replica signs for the protocol passes through here, and the voter remembers it.
// It is rebuilt from the vote store before it may sign (`remember_*`), so a restart forgets
// nothing: amnesia is equivocation. A refusal is a value with both sides of the contradiction; it
// never throws.
//
// Not thread-safe: it belongs to the replica core.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>

#include "crypto/signing.h"
#include "pbft/message.h"

namespace quorate::pbft {

enum class Refusal : std::uint8_t {
  kSecondDigest,        // this (view, sequence, phase) already has a vote for another batch
  kNotPrepared,         // a commit needs its prepared certificate
  kNotOurTurn,          // a pre-prepare outside our own view, or a prepare inside it
  kBelowLowWatermark,   // settled; votes there were dropped and are not remembered any more
  kLearner,             // the guard is missing or newer than the store: nothing may be signed
};
[[nodiscard]] std::string_view refusal_code(Refusal refusal);

struct VoteRefused {
  Refusal refusal;
  Vote asked;
  std::optional<Vote> cast;  // the earlier vote that stands against it, if any
};

template <class T>
using Signed = tl::expected<T, VoteRefused>;

class Voter {
 public:
  // `signer` outlives this. A learner refuses everything.
  Voter(const crypto::Signer& signer, const Digest& chain_id, ReplicaId self, ReplicaSet replicas,
        bool learner);

  // Asking again for a vote that was cast returns the same bytes (Ed25519 is deterministic).
  [[nodiscard]] Signed<Signature> pre_prepare(const Vote& vote);
  [[nodiscard]] Signed<Signature> prepare(const Vote& vote);
  // The certificate must be for exactly this vote; its signatures were verified when they arrived.
  [[nodiscard]] Signed<Signature> commit(const Vote& vote, const PreparedCertificate& certificate);

  // From the vote store, before the first vote.
  void remember_pre_prepare(const Vote& vote);
  void remember_prepare(const Vote& vote);
  void remember_commit(const Vote& vote);

  // Drops the memory at and below `low` and refuses votes there from now on.
  void forget_up_to(Sequence low);

  [[nodiscard]] bool is_learner() const { return learner_; }
  [[nodiscard]] ReplicaId self() const { return self_; }

 private:
  enum class Phase : std::uint8_t { kPrePrepare, kPrepare, kCommit };
  using Key = std::tuple<Sequence, Epoch, View, Phase>;

  [[nodiscard]] std::optional<VoteRefused> refusal_for(const Vote& vote, Phase phase) const;
  [[nodiscard]] Signed<Signature> cast(const Vote& vote, Phase phase, crypto::Purpose purpose);

  const crypto::Signer& signer_;
  Digest chain_id_;
  ReplicaId self_;
  ReplicaSet replicas_;
  bool learner_;
  Sequence low_;
  std::map<Key, Vote> cast_;
};

}  // namespace quorate::pbft
