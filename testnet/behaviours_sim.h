#pragma once

// The liars of a simulation (behaviours.h). All dice are the simulation's.

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "testnet/behaviours.h"
#include "testnet/simulator.h"

namespace quorate::testnet {

class Liar;

class Cabal final : private Stage {
 public:
  // `simulator` outlives this, and runs no event after this is gone. Its options name the liars.
  Cabal(Simulator& simulator, const Liars& liars);
  ~Cabal() override;

  // Cuts the two halves of the correct replicas off from each other, as a fork waits for.
  void split() const;

 private:
  friend class Liar;

  [[nodiscard]] std::size_t size() const override { return simulator_.world().size(); }
  [[nodiscard]] const ledger::Digest& chain_id() const override {
    return simulator_.world().chain_id();
  }
  [[nodiscard]] const crypto::Signer& signer(ledger::ReplicaId liar) const override {
    return simulator_.world().signer(liar);
  }
  void put(ledger::ReplicaId from, ledger::ReplicaId to, const SharedBytes& frame,
           std::uint64_t delay_us) override;
  [[nodiscard]] ledger::Height height(ledger::ReplicaId liar) const override;
  [[nodiscard]] std::optional<node::WireBlock> block(ledger::ReplicaId liar,
                                                     ledger::Height height) const override;

  // Whether the halves cannot talk to each other.
  [[nodiscard]] bool is_split() const;
  // Between second cores of forked liars there is no network.
  void pass_on(ledger::ReplicaId from, ledger::ReplicaId to, const SharedBytes& frame);

  Simulator& simulator_;
  Prng dice_;
  std::uint64_t second_speaks_us_ = 0;  // after the halves were cut off
  Plot plot_;                           // halves: of the correct replicas
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

  [[nodiscard]] bool does(Behaviour behaviour) const { return tongue_.does(behaviour); }
  [[nodiscard]] ledger::ReplicaId self() const { return host_.self(); }
  [[nodiscard]] bool hear_forked(ledger::ReplicaId from, const node::PeerMessage& message);
  void start_twin();

  Cabal& cabal_;
  SimHost& host_;
  Tongue tongue_;
  SecondMouth second_mouth_{*this};
  std::unique_ptr<SimHost> twin_;
};

}  // namespace quorate::testnet
