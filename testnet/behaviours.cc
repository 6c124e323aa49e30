#include "testnet/behaviours.h"

#include <algorithm>
#include <utility>

#include "ledger/quorum.h"

namespace quorate::testnet {

using crypto::Purpose;
using ledger::ReplicaId;
using ledger::Vote;

namespace {

constexpr std::uint64_t kLiarStream = 5000;
constexpr std::uint64_t kTwinStream = 6000;
constexpr std::uint64_t kSlowUs = 900'000;  // just under the request timeout
constexpr std::size_t kSaidMax = 64;
constexpr int kFloodCopies = 4;
constexpr std::uint64_t kReplayPermille = 300;
constexpr std::uint64_t kCorruptPermille = 300;
constexpr std::size_t kCensoredClient = 0;
constexpr std::uint64_t kCabalStream = 7000;
constexpr std::uint64_t kSecondSpeaksUsMax = 3'000'000;
constexpr std::uint64_t kPassOnUsMin = 1'000;
constexpr std::uint64_t kPassOnUsMax = 10'000;
constexpr std::size_t kDrawn = 16;  // of the behaviours; one more would change every history

}  // namespace

const std::array<BehaviourInfo, 18>& behaviours() {
  static constexpr std::array<BehaviourInfo, 18> kBehaviours = {{
      {Behaviour::kSilent, "silent", "says nothing"},
      {Behaviour::kSlow, "slow", "says everything just before others lose patience"},
      {Behaviour::kEquivocate, "equivocate", "as primary proposes another batch to each half"},
      {Behaviour::kDoubleVote, "double-vote", "votes for two batches at one sequence"},
      {Behaviour::kWithholdBodies, "withhold-bodies", "gives nobody a transaction"},
      {Behaviour::kReplay, "replay", "says again what it said before"},
      {Behaviour::kFlood, "flood", "says all several times; who asks for blocks gets all"},
      {Behaviour::kCorruptBytes, "corrupt-bytes", "garbles some of what it says"},
      {Behaviour::kSelective, "selective", "talks to one half only"},
      {Behaviour::kBadTime, "bad-time", "as primary proposes a time an hour ahead"},
      {Behaviour::kCensor, "censor", "as primary never proposes the first client's transactions"},
      {Behaviour::kFutureViews, "future-views", "asks for views far ahead"},
      {Behaviour::kLieViewChange, "lie-view-change", "omits from VIEW-CHANGEs what it prepared"},
      {Behaviour::kLieCheckpoint, "lie-checkpoint", "cosigns checkpoints of another state"},
      {Behaviour::kLieCatchUp, "lie-catch-up", "claims blocks that it lacks and changes others"},
      {Behaviour::kTwin, "twin", "runs twice with one key, one for each half"},
      {Behaviour::kForge, "forge", "says what it may not: with too few votes, in others' names"},
      {Behaviour::kFork, "fork", "while the halves are cut off, lives another life with each"},
  }};
  return kBehaviours;
}

std::optional<Behaviour> find_behaviour(std::string_view name) {
  for (const BehaviourInfo& info : behaviours()) {
    if (info.name == name) return info.behaviour;
  }
  return std::nullopt;
}

Liars draw_liars(const std::set<ReplicaId>& who, std::size_t replicas, Prng& dice) {
  Liars liars;
  for (const ReplicaId id : who) {
    if (who.size() > ledger::faults_tolerated(replicas)) {
      liars[id] = {Behaviour::kEquivocate, Behaviour::kDoubleVote};
      continue;
    }
    for (std::uint64_t i = dice.between(1, 2); i > 0; --i) {
      liars[id].insert(behaviours()[dice.below(kDrawn)].behaviour);
    }
  }
  return liars;
}

Cabal::Cabal(Simulator& simulator, const Liars& liars)
    : simulator_(simulator), dice_(simulator.dice(kCabalStream)) {
  second_speaks_us_ = dice_.chance(300) ? 0 : dice_.below(kSecondSpeaksUsMax);
  std::vector<ReplicaId> correct;
  for (const auto& host : simulator.hosts()) {
    if (!liars.contains(host->self())) correct.push_back(host->self());
  }
  const auto middle = correct.begin() + static_cast<std::ptrdiff_t>((correct.size() + 1) / 2);
  first_half_.insert(correct.begin(), middle);
  second_half_.insert(middle, correct.end());
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
  for (const ReplicaId one : first_half_) {
    for (const ReplicaId other : second_half_) {
      network.set_cut(one, other, true);
      network.set_cut(other, one, true);
    }
  }
}

bool Cabal::is_split() const {
  const SimNetwork& network = simulator_.network();
  return !first_half_.empty() && !second_half_.empty() &&
         std::ranges::all_of(first_half_, [&](ReplicaId one) {
           return std::ranges::all_of(second_half_, [&](ReplicaId other) {
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

const Cabal::Story* Cabal::story(const Vote& vote) const {
  const auto found = stories_.find({vote.view, vote.sequence});
  return found == stories_.end() ? nullptr : &found->second;
}

bool Cabal::votes_twice(ReplicaId id) const {
  const auto found = liars_.find(id);
  return found != liars_.end() && found->second->does(Behaviour::kDoubleVote);
}

void Cabal::vote_for(const pbft::PrePrepare& told, ReplicaId to) {
  for (const auto& [id, liar] : liars_) {
    if (!liar->does(Behaviour::kDoubleVote) || id == to) continue;
    Vote vote = told.vote;
    vote.replica = id;
    if (id != told.vote.replica) {
      liar->put(to, to_frame(pbft::Prepare{vote, liar->sign(Purpose::kPrepare, vote),
                                           told.signature}));
    }
    liar->put(to, to_frame(pbft::Commit{vote, liar->sign(Purpose::kCommit, vote)}));
  }
}

Liar::Liar(Cabal& cabal, SimHost& host, std::set<Behaviour> behaviours, Prng dice)
    : cabal_(cabal), host_(host), behaviours_(std::move(behaviours)), dice_(dice) {
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

crypto::Signature Liar::sign(Purpose purpose, const Vote& vote) const {
  const SimWorld& world = cabal_.simulator_.world();
  return crypto::sign_body(world.signer(vote.replica), purpose, world.chain_id(), vote);
}

pbft::PrePrepare Liar::proposal(const Vote& vote, ledger::Batch batch) const {
  Vote other = vote;
  other.batch = ledger::digest_of_batch(batch.header);
  return {other, sign(Purpose::kPrePrepare, other), std::move(batch)};
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
  const bool is_of_second = cabal_.is_second_half(from);
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
    return !damns_an_accomplice(proposal->vote);
  }
  const auto* prepare = std::get_if<pbft::Prepare>(&message);
  return prepare == nullptr || !damns_an_accomplice(prepare->vote);
}

bool Liar::damns_an_accomplice(const Vote& vote) const {
  if (!does(Behaviour::kDoubleVote)) return false;
  const Cabal::Story* story = cabal_.story(vote);
  return story != nullptr && vote.batch != story->first.vote.batch;
}

void Liar::speak(ReplicaId to, const node::PeerMessage& message) {
  if (does(Behaviour::kTwin) && cabal_.is_second_half(to)) return;
  if (does(Behaviour::kFork) && cabal_.is_second_half(to) && cabal_.is_split()) return;
  send(to, message);
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
  if (liar_.cabal_.is_second_half(to)) liar_.send(to, message);
}

void Liar::send(ReplicaId to, const node::PeerMessage& message) {
  if (does(Behaviour::kSilent)) return;
  if (does(Behaviour::kSelective) && cabal_.is_second_half(to)) return;
  node::PeerMessage said = message;
  if (!std::visit([&](auto& each) { return lie(to, each); }, said)) return;
  const SharedBytes frame = to_frame(said);
  put(to, frame);
  if (does(Behaviour::kFlood)) {
    for (int i = 0; i < kFloodCopies; ++i) put(to, frame);
  }
  if (does(Behaviour::kReplay)) {
    said_.push_back(frame);
    if (said_.size() > kSaidMax) said_.pop_front();
    if (dice_.chance(kReplayPermille)) put(to, said_[dice_.below(said_.size())]);
  }
}

void Liar::put(ReplicaId to, const SharedBytes& frame) {
  SharedBytes bytes = frame;
  if (does(Behaviour::kCorruptBytes) && dice_.chance(kCorruptPermille)) {
    Bytes garbled = *frame;
    garbled[dice_.below(garbled.size())] ^= static_cast<std::uint8_t>(dice_.between(1, 255));
    bytes = std::make_shared<const Bytes>(std::move(garbled));
  }
  Simulator& simulator = cabal_.simulator_;
  if (!does(Behaviour::kSlow)) return simulator.network().send(self(), to, bytes);
  simulator.agenda().in(kSlowUs, [&simulator, from = self(), to, bytes] {
    simulator.network().send(from, to, bytes);
  });
}

}  // namespace quorate::testnet
