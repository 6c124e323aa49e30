#pragma once

// Byzantine replicas, by name.
//
// A liar is an honest core with a mouth of its own: what the core wants to send is changed, held
// back, repeated or signed otherwise, with the replica's key and outside the voter. So it knows all
// that an honest replica knows, and lies where it matters. Liars of one run know each other's
// stories: with `double-vote` they vote for whatever an equivocating one of them proposed, to each
// half what that half was told. Up to f of them achieve nothing; more break agreement.
//
// The lies stand here, and know a Stage: behaviours_sim.h has the one of the simulator,
// behaviours_live.h that of a real process. Not thread-safe; dice come from outside.

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "crypto/signing.h"
#include "node/wire.h"
#include "testnet/prng.h"
#include "testnet/trace.h"

namespace quorate::testnet {

enum class Behaviour : std::uint8_t {
  kSilent,
  kSlow,
  kEquivocate,
  kDoubleVote,
  kWithholdBodies,
  kReplay,
  kFlood,
  kCorruptBytes,
  kSelective,
  kBadTime,
  kCensor,
  kFutureViews,
  kLieViewChange,
  kLieCheckpoint,
  kLieCatchUp,
  kTwin,
  kForge,
  kFork,
};

struct BehaviourInfo {
  Behaviour behaviour;
  std::string_view name;
  std::string_view sentence;
};
[[nodiscard]] const std::array<BehaviourInfo, 18>& behaviours();
[[nodiscard]] std::optional<Behaviour> find_behaviour(std::string_view name);

using Liars = std::map<ledger::ReplicaId, std::set<Behaviour>>;
// One or two of the first sixteen behaviours each, so that one seed stays one history; more liars
// than the replicas tolerate all equivocate and vote twice.
[[nodiscard]] Liars draw_liars(const std::set<ledger::ReplicaId>& who, std::size_t replicas,
                               Prng& dice);

// Where a liar speaks.
class Stage {
 public:
  virtual ~Stage() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;  // replicas
  [[nodiscard]] virtual const ledger::Digest& chain_id() const = 0;
  // The key of a liar, outside the voter.
  [[nodiscard]] virtual const crypto::Signer& signer(ledger::ReplicaId liar) const = 0;
  // Onto the network, so much later; 0: now.
  virtual void put(ledger::ReplicaId from, ledger::ReplicaId to, const SharedBytes& frame,
                   std::uint64_t delay_us) = 0;
  // The ledger of a liar; nullopt: it cannot be looked into, or has no such block.
  [[nodiscard]] virtual ledger::Height height(ledger::ReplicaId liar) const = 0;
  [[nodiscard]] virtual std::optional<node::WireBlock> block(ledger::ReplicaId liar,
                                                             ledger::Height height) const = 0;
};

class Tongue;

// What the liars of one stage have agreed on.
class Plot {
 public:
  // The two halves of the others, each of which is told a story of its own.
  void set_halves(std::set<ledger::ReplicaId> first, std::set<ledger::ReplicaId> second) {
    first_half_ = std::move(first);
    second_half_ = std::move(second);
  }
  [[nodiscard]] const std::set<ledger::ReplicaId>& first_half() const { return first_half_; }
  [[nodiscard]] const std::set<ledger::ReplicaId>& second_half() const { return second_half_; }
  [[nodiscard]] bool is_second_half(ledger::ReplicaId to) const {
    return second_half_.contains(to);
  }

  // What an equivocating primary told each half.
  struct Story {
    pbft::PrePrepare first;
    pbft::PrePrepare second;

    [[nodiscard]] const pbft::PrePrepare& told(bool second_half) const {
      return second_half ? second : first;
    }
  };
  using Place = std::pair<ledger::View, ledger::Sequence>;
  // nullptr: one story only.
  [[nodiscard]] const Story* story(const ledger::Vote& vote) const;

 private:
  friend class Tongue;

  [[nodiscard]] bool votes_twice(ledger::ReplicaId id) const;
  // All who vote twice vote, at once, for what this replica was told.
  void vote_for(const pbft::PrePrepare& told, ledger::ReplicaId to);

  std::set<ledger::ReplicaId> first_half_;
  std::set<ledger::ReplicaId> second_half_;
  std::map<Place, Story> stories_;
  std::map<ledger::ReplicaId, Tongue*> tongues_;
};

// Says what one liar's core wants to say, as its behaviours have it.
class Tongue {
 public:
  // Stage and plot outlive this; the plot knows of it as long as it lives.
  Tongue(Stage& stage, Plot& plot, ledger::ReplicaId self, std::set<Behaviour> behaviours,
         Prng dice);
  ~Tongue() { plot_.tongues_.erase(self_); }
  Tongue(const Tongue&) = delete;
  Tongue& operator=(const Tongue&) = delete;

  [[nodiscard]] bool does(Behaviour behaviour) const { return behaviours_.contains(behaviour); }
  void behave(std::set<Behaviour> behaviours) { behaviours_ = std::move(behaviours); }

  void send(ledger::ReplicaId to, const node::PeerMessage& message);
  // Whether its core should not know: an accomplice told the others something else.
  [[nodiscard]] bool damns_an_accomplice(const ledger::Vote& vote) const;

 private:
  friend class Plot;

  [[nodiscard]] ledger::ReplicaId self() const { return self_; }
  [[nodiscard]] bool is_own(const ledger::Vote& vote) const { return vote.replica == self_; }
  // In the name of the vote's replica, whose key is at hand: liars share theirs.
  [[nodiscard]] crypto::Signature sign(crypto::Purpose purpose, const ledger::Vote& vote) const;
  [[nodiscard]] pbft::PrePrepare proposal(const ledger::Vote& vote, ledger::Batch batch) const;
  // Its own signature, whatever the body says.
  template <class Body>
  [[nodiscard]] crypto::Signature sign_own(crypto::Purpose purpose, const Body& body) const {
    return crypto::sign_body(stage_.signer(self_), purpose, stage_.chain_id(), body);
  }
  void put(ledger::ReplicaId to, const SharedBytes& frame);
  void put(ledger::ReplicaId to, const node::PeerMessage& message);

  // behaviour_lies.cc: each changes a message before it goes to `to`; false: it does not go.
  [[nodiscard]] bool lie(ledger::ReplicaId to, pbft::PrePrepare& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, pbft::Prepare& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, pbft::Commit& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, pbft::StatusReport& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, pbft::ViewChange& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, pbft::NewView& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, ledger::CheckpointVote& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, node::Transactions& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, node::Blocks& message);
  [[nodiscard]] bool lie(ledger::ReplicaId to, node::ChunkAnswer& message);
  template <class T>
  [[nodiscard]] bool lie(ledger::ReplicaId, T&) {
    return true;  // of the rest, nothing is worth a lie
  }
  // What nobody has the right to say, said beside the truth or in its place.
  void forge_prepare(ledger::ReplicaId to, const pbft::PrePrepare& message);
  void forge_commit(ledger::ReplicaId to, const pbft::Commit& message);
  void forge_checkpoint(ledger::ReplicaId to, ledger::CheckpointVote vote);
  void forge_prepared(pbft::ViewChange& message);
  void flood_blocks(ledger::ReplicaId to, const node::Blocks& asked);
  void tell_two_stories(ledger::ReplicaId to, pbft::PrePrepare& message);
  [[nodiscard]] const pbft::PrePrepare* told(ledger::ReplicaId to, const ledger::Vote& vote) const;

  Stage& stage_;
  Plot& plot_;
  ledger::ReplicaId self_;
  std::set<Behaviour> behaviours_;
  Prng dice_;
  std::deque<SharedBytes> said_;  // the last frames, for `replay`
};

}  // namespace quorate::testnet
