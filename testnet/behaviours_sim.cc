#include "testnet/behaviours_sim.h"

#include <algorithm>
#include <utility>

namespace quorate::testnet {

using ledger::ReplicaId;

namespace {

constexpr std::uint64_t kLiarStream = 5000;
constexpr std::uint64_t kTwinStream = 6000;
constexpr std::uint64_t kCabalStream = 7000;
constexpr std::size_t kCensoredClient = 0;
constexpr std::uint64_t kSecondSpeaksUsMax = 3'000'000;
constexpr std::uint64_t kPassOnUsMin = 1'000;
constexpr std::uint64_t kPassOnUsMax = 10'000;

}  // namespace

Cabal::Cabal(Simulator& simulator, const Liars& liars)
    : simulator_(simulator), dice_(simulator.dice(kCabalStream)) {
  second_speaks_us_ = dice_.chance(300) ? 0 : dice_.below(kSecondSpeaksUsMax);
  std::vector<ReplicaId> correct;
  for (const auto& host : simulator.hosts()) {
    if (!liars.contains(host->self())) correct.push_back(host->self());
  }
  const auto middle = correct.begin() + static_cast<std::ptrdiff_t>((correct.size() + 1) / 2);
  plot_.set_halves({correct.begin(), middle}, {middle, correct.end()});
  for (const auto& [id, behaviours] : liars) {
    liars_[id] = std::make_unique<Liar>(*this, simulator.host(id.value), behaviours,
                                        simulator.dice(kLiarStream + id.value));
  }
}

Cabal::~Cabal() {
  for (const auto& [id, liar] : liars_) {
    liar->host_.mouth = nullptr;
    liar->host_.admits = nullptr;
  }
}

void Cabal::split() const {
  SimNetwork& network = simulator_.network();
  for (const ReplicaId one : plot_.first_half()) {
    for (const ReplicaId other : plot_.second_half()) {
      network.set_cut(one, other, true);
      network.set_cut(other, one, true);
    }
  }
}

bool Cabal::is_split() const {
  const SimNetwork& network = simulator_.network();
  return !plot_.first_half().empty() && !plot_.second_half().empty() &&
         std::ranges::all_of(plot_.first_half(), [&](ReplicaId one) {
           return std::ranges::all_of(plot_.second_half(), [&](ReplicaId other) {
             return network.is_cut(one, other) && network.is_cut(other, one);
           });
         });
}

void Cabal::pass_on(ReplicaId from, ReplicaId to, const SharedBytes& frame) {
  const auto liar = liars_.find(to);
  if (liar == liars_.end() || !liar->second->twin_) return;
  simulator_.agenda().in(dice_.between(kPassOnUsMin, kPassOnUsMax),
                         [twin = liar->second->twin_.get(), from, frame] {
                           twin->receive(from, frame);
                         });
}

void Cabal::put(ReplicaId from, ReplicaId to, const SharedBytes& frame, std::uint64_t delay_us) {
  if (delay_us == 0) return simulator_.network().send(from, to, frame);
  simulator_.agenda().in(delay_us, [this, from, to, frame] {
    simulator_.network().send(from, to, frame);
  });
}

ledger::Height Cabal::height(ReplicaId liar) const {
  return simulator_.host(liar.value).ledger().height();
}

std::optional<node::WireBlock> Cabal::block(ReplicaId liar, ledger::Height height) const {
  const auto found = simulator_.host(liar.value).ledger().block(height);
  if (!found) return std::nullopt;
  return to_wire(*found);
}

Liar::Liar(Cabal& cabal, SimHost& host, std::set<Behaviour> behaviours, Prng dice)
    : cabal_(cabal),
      host_(host),
      tongue_(cabal, cabal.plot_, host.self(), std::move(behaviours), dice) {
  host_.mouth = this;
  if (does(Behaviour::kCensor)) {
    host_.admits = [this](const ledger::TransactionPtr& transaction) {
      return transaction->signed_transaction->body.sender !=
             cabal_.simulator_.world().client_key(kCensoredClient);
    };
  }
  if (does(Behaviour::kTwin) || does(Behaviour::kFork)) {
    Simulator& simulator = cabal_.simulator_;
    twin_ = std::make_unique<SimHost>(
        SimHost::Parts{simulator.world(), simulator.agenda(), simulator.network(),
                       simulator.checkers(), simulator.trace()},
        self(), simulator.dice(kTwinStream + self().value));
    twin_->mouth = &second_mouth_;
  }
}

void Liar::start_twin() {
  twin_->start();
  for (std::size_t i = 0; i < cabal_.simulator_.world().size(); ++i) {
    const ReplicaId peer{static_cast<std::uint16_t>(i)};
    if (peer != self()) twin_->on_session(peer, true);
  }
}

bool Liar::hear_forked(ReplicaId from, const node::PeerMessage& message) {
  if (!twin_->is_up()) start_twin();
  const bool is_for_both = !cabal_.is_split();
  const bool is_of_second = cabal_.plot_.is_second_half(from);
  if (is_for_both || is_of_second) twin_->receive(from, to_frame(message));
  return is_for_both || !is_of_second;
}

bool Liar::hear(ReplicaId from, const node::PeerMessage& message) {
  if (does(Behaviour::kFork)) return hear_forked(from, message);
  if (twin_) {
    if (!twin_->is_up()) twin_->start();
    twin_->receive(from, to_frame(message));
  }
  if (const auto* proposal = std::get_if<pbft::PrePrepare>(&message)) {
    return !tongue_.damns_an_accomplice(proposal->vote);
  }
  const auto* prepare = std::get_if<pbft::Prepare>(&message);
  return prepare == nullptr || !tongue_.damns_an_accomplice(prepare->vote);
}

void Liar::speak(ReplicaId to, const node::PeerMessage& message) {
  if (does(Behaviour::kTwin) && cabal_.plot_.is_second_half(to)) return;
  if (does(Behaviour::kFork) && cabal_.plot_.is_second_half(to) && cabal_.is_split()) return;
  tongue_.send(to, message);
}

void Liar::SecondMouth::speak(ReplicaId to, const node::PeerMessage& message) {
  if (liar_.does(Behaviour::kFork)) {
    if (!liar_.cabal_.is_split()) return;
    if (!speaks_from_us_) {
      speaks_from_us_ = liar_.cabal_.simulator_.agenda().now_us() + liar_.cabal_.second_speaks_us_;
    }
    if (liar_.cabal_.simulator_.agenda().now_us() < *speaks_from_us_) return;
    liar_.cabal_.pass_on(liar_.self(), to, to_frame(message));
  }
  if (liar_.cabal_.plot_.is_second_half(to)) liar_.tongue_.send(to, message);
}

}  // namespace quorate::testnet
