#pragma once

// Byzantine replicas, by name.
//
// A liar is an honest core with a mouth of its own: what the core wants to send is changed, held
// back, repeated or signed otherwise, with the replica's key and outside the voter. So it knows all
// that an honest replica knows, and lies where it matters. Liars of one run know each other's
// stories: with `double-vote` they vote for whatever an equivocating one of them proposed, to each
// half what that half was told. Up to f of them achieve nothing; more break agreement.
//
// All dice are the simulation's.

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "testnet/simulator.h"

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

class Liar;

// The liars of a simulation.
class Cabal {
 public:
  // `simulator` outlives this, and runs no event after this is gone. Its options name the liars.
  Cabal(Simulator& simulator, const Liars& liars);
  ~Cabal();

  // Cuts the two halves of the correct replicas off from each other, as a fork waits for.
  void split() const;

  // What an equivocating primary told each half.
  struct Story {
    pbft::PrePrepare first;
    pbft::PrePrepare second;

    [[nodiscard]] const pbft::PrePrepare& told(bool second_half) const {
      return second_half ? second : first;
    }
  };
  using Place = std::pair<ledger::View, ledger::Sequence>;

 private:
  friend class Liar;

  [[nodiscard]] bool is_second_half(ledger::ReplicaId to) const {
    return second_half_.contains(to);
  }
  // Whether the halves cannot talk to each other.
  [[nodiscard]] bool is_split() const;
  // Between second cores of forked liars there is no network.
  void pass_on(ledger::ReplicaId from, ledger::ReplicaId to, const SharedBytes& frame);
  [[nodiscard]] const Story* story(const ledger::Vote& vote) const;
  [[nodiscard]] bool votes_twice(ledger::ReplicaId id) const;
  // All who vote twice vote, at once, for what this replica was told.
  void vote_for(const pbft::PrePrepare& told, ledger::ReplicaId to);

  Simulator& simulator_;
  Prng dice_;
  std::uint64_t second_speaks_us_ = 0;       // after the halves were cut off
  std::set<ledger::ReplicaId> first_half_;   // of the correct replicas
  std::set<ledger::ReplicaId> second_half_;
  std::map<Place, Story> stories_;
  std::map<ledger::ReplicaId, std::unique_ptr<Liar>> liars_;
};

class Liar final : public Mouth {
 public:
  Liar(Cabal& cabal, SimHost& host, std::set<Behaviour> behaviours, Prng dice);

  void speak(ledger::ReplicaId to, const node::PeerMessage& message) override;
  bool hear(ledger::ReplicaId from, const node::PeerMessage& message) override;

 private:
  friend class Cabal;

  // The second core of a `twin` and of a `fork`: it talks to the second half, the first core to the
  // first. That of a fork hears and sees all, and is silent until the halves are cut off: so both
  // cores share a past, and each has a future with its half and its accomplices' like cores.
  class SecondMouth final : public Mouth {
   public:
    explicit SecondMouth(Liar& liar) : liar_(liar) {}
    void speak(ledger::ReplicaId to, const node::PeerMessage& message) override;
    bool hear(ledger::ReplicaId, const node::PeerMessage&) override { return true; }

   private:
    Liar& liar_;
    std::optional<std::uint64_t> speaks_from_us_;
  };

  [[nodiscard]] bool does(Behaviour behaviour) const { return behaviours_.contains(behaviour); }
  [[nodiscard]] ledger::ReplicaId self() const { return host_.self(); }
  [[nodiscard]] bool is_own(const ledger::Vote& vote) const { return vote.replica == self(); }
  // In the name of the vote's replica, whose key is at hand: liars share theirs.
  [[nodiscard]] crypto::Signature sign(crypto::Purpose purpose, const ledger::Vote& vote) const;
  [[nodiscard]] pbft::PrePrepare proposal(const ledger::Vote& vote, ledger::Batch batch) const;
  void send(ledger::ReplicaId to, const node::PeerMessage& message);
  void put(ledger::ReplicaId to, const SharedBytes& frame);

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
  [[nodiscard]] bool hear_forked(ledger::ReplicaId from, const node::PeerMessage& message);
  void start_twin();
  // An accomplice's core knows the first story only, and goes on.
  [[nodiscard]] bool damns_an_accomplice(const ledger::Vote& vote) const;
  void tell_two_stories(ledger::ReplicaId to, pbft::PrePrepare& message);
  [[nodiscard]] const pbft::PrePrepare* told(ledger::ReplicaId to, const ledger::Vote& vote) const;

  Cabal& cabal_;
  SimHost& host_;
  std::set<Behaviour> behaviours_;
  Prng dice_;
  std::deque<SharedBytes> said_;  // the last frames, for `replay`
  SecondMouth second_mouth_{*this};
  std::unique_ptr<SimHost> twin_;
};

}  // namespace quorate::testnet
