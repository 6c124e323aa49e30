#include "testnet/behaviours.h"

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"
#include "ledger/quorum.h"

namespace quorate::testnet {

using crypto::Purpose;
using ledger::ReplicaId;
using ledger::Vote;

namespace {

constexpr std::uint64_t kSlowUs = 900'000;  // just under the request timeout
constexpr std::size_t kSaidMax = 64;
constexpr int kFloodCopies = 4;
constexpr std::uint64_t kReplayPermille = 300;
constexpr std::uint64_t kCorruptPermille = 300;
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
      {Behaviour::kLieCatchUp, "lie-catch-up",
       "claims blocks that it lacks, changes what it gives"},
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

const Plot::Story* Plot::story(const Vote& vote) const {
  const auto found = stories_.find({vote.view, vote.sequence});
  return found == stories_.end() ? nullptr : &found->second;
}

bool Plot::votes_twice(ReplicaId id) const {
  const auto found = tongues_.find(id);
  return found != tongues_.end() && found->second->does(Behaviour::kDoubleVote);
}

void Plot::vote_for(const pbft::PrePrepare& told, ReplicaId to) {
  for (const auto& [id, tongue] : tongues_) {
    if (!tongue->does(Behaviour::kDoubleVote) || id == to) continue;
    Vote vote = told.vote;
    vote.replica = id;
    if (id != told.vote.replica) {
      tongue->put(to, pbft::Prepare{vote, tongue->sign(Purpose::kPrepare, vote), told.signature});
    }
    tongue->put(to, pbft::Commit{vote, tongue->sign(Purpose::kCommit, vote)});
  }
}

Tongue::Tongue(Stage& stage, Plot& plot, ReplicaId self, std::set<Behaviour> behaviours, Prng dice)
    : stage_(stage), plot_(plot), self_(self), behaviours_(std::move(behaviours)), dice_(dice) {
  plot_.tongues_[self_] = this;
}

crypto::Signature Tongue::sign(Purpose purpose, const Vote& vote) const {
  return crypto::sign_body(stage_.signer(vote.replica), purpose, stage_.chain_id(), vote);
}

pbft::PrePrepare Tongue::proposal(const Vote& vote, ledger::Batch batch) const {
  Vote other = vote;
  other.batch = ledger::digest_of_batch(batch.header);
  return {other, sign(Purpose::kPrePrepare, other), std::move(batch)};
}

bool Tongue::damns_an_accomplice(const Vote& vote) const {
  if (!does(Behaviour::kDoubleVote)) return false;
  const Plot::Story* story = plot_.story(vote);
  return story != nullptr && vote.batch != story->first.vote.batch;
}

void Tongue::send(ReplicaId to, const node::PeerMessage& message) {
  if (does(Behaviour::kSilent)) return;
  if (does(Behaviour::kSelective) && plot_.is_second_half(to)) return;
  node::PeerMessage said = message;
  if (!std::visit([&](auto& each) { return lie(to, each); }, said)) return;
  const auto frame = std::make_shared<const Bytes>(crypto::encode(said));
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

void Tongue::put(ReplicaId to, const node::PeerMessage& message) {
  put(to, std::make_shared<const Bytes>(crypto::encode(message)));
}

void Tongue::put(ReplicaId to, const SharedBytes& frame) {
  SharedBytes bytes = frame;
  if (does(Behaviour::kCorruptBytes) && dice_.chance(kCorruptPermille)) {
    Bytes garbled = *frame;
    garbled[dice_.below(garbled.size())] ^= static_cast<std::uint8_t>(dice_.between(1, 255));
    bytes = std::make_shared<const Bytes>(std::move(garbled));
  }
  stage_.put(self_, to, bytes, does(Behaviour::kSlow) ? kSlowUs : 0);
}

}  // namespace quorate::testnet
