// What liars change in a message before they send it.

#include <utility>

#include "testnet/behaviours.h"

namespace quorate::testnet {

using crypto::Purpose;
using ledger::ReplicaId;
using ledger::Vote;

namespace {

constexpr std::uint64_t kHourMs = 3'600'000;
constexpr std::uint64_t kFarViews = 1'000;
constexpr std::uint64_t kFarPermille = 100;
constexpr std::uint64_t kClaimedBlocks = 1'000;

// The same transactions, so that everybody has the bodies, at another time.
ledger::Batch at_another_time(const ledger::Batch& batch, std::uint64_t later_ms) {
  const ledger::BatchHeader& header = batch.header;
  return ledger::make_batch(header.sequence, {header.time.value + later_ms},
                            header.flags & ~ledger::kFlagNull, batch.ids);
}

}  // namespace

void Liar::tell_two_stories(ReplicaId to, pbft::PrePrepare& message) {
  const Cabal::Place place{message.vote.view, message.vote.sequence};
  auto story = cabal_.stories_.find(place);
  if (story == cabal_.stories_.end()) {
    // A time of its own also where the batch fills a gap.
    story = cabal_.stories_
                .emplace(place, Cabal::Story{message, proposal(message.vote,
                                                               at_another_time(message.batch, 1))})
                .first;
  }
  message = story->second.told(cabal_.is_second_half(to));
  cabal_.vote_for(message, to);
}

// Of an accomplice, or its own: what this half was told, in that replica's name.
const pbft::PrePrepare* Liar::told(ReplicaId to, const Vote& vote) const {
  if (!cabal_.votes_twice(vote.replica) || !does(Behaviour::kDoubleVote)) return nullptr;
  const Cabal::Story* story = cabal_.story(vote);
  return story ? &story->told(cabal_.is_second_half(to)) : nullptr;
}

bool Liar::lie(ReplicaId to, pbft::PrePrepare& message) {
  if (!is_own(message.vote)) {
    if (const pbft::PrePrepare* other = told(to, message.vote)) message = *other;
    return true;
  }
  if (does(Behaviour::kBadTime) && (message.batch.header.flags & ledger::kFlagNull) == 0) {
    message = proposal(message.vote, at_another_time(message.batch, kHourMs));
  }
  if (does(Behaviour::kEquivocate)) tell_two_stories(to, message);
  return true;
}

bool Liar::lie(ReplicaId to, pbft::Prepare& message) {
  if (const pbft::PrePrepare* other = told(to, message.vote)) {
    message.vote.batch = other->vote.batch;
    message.signature = sign(Purpose::kPrepare, message.vote);
    message.pre_prepare = other->signature;
  }
  return true;
}

bool Liar::lie(ReplicaId to, pbft::Commit& message) {
  if (const pbft::PrePrepare* other = told(to, message.vote)) {
    message.vote.batch = other->vote.batch;
    message.signature = sign(Purpose::kCommit, message.vote);
    return true;
  }
  if (!is_own(message.vote) || !does(Behaviour::kDoubleVote)) return true;
  pbft::Commit other = message;
  other.vote.batch = crypto::digest_of("another-batch", message.vote.batch);
  other.signature = sign(Purpose::kCommit, other.vote);
  put(to, to_frame(other));
  return true;
}

bool Liar::lie(ReplicaId to, pbft::StatusReport& message) {
  if (does(Behaviour::kFutureViews) && dice_.chance(kFarPermille)) {
    const SimWorld& world = cabal_.simulator_.world();
    pbft::ViewChange far{{message.epoch, {message.view.value + kFarViews}, self(), {}, {}}, {}};
    far.signature = crypto::sign_body(world.signer(self()), Purpose::kViewChange, world.chain_id(),
                                      pbft::view_vote(far.body));
    put(to, to_frame(far));
  }
  if (does(Behaviour::kLieCatchUp)) message.executed.value += kClaimedBlocks;
  return true;
}

bool Liar::lie(ReplicaId, pbft::ViewChange& message) {
  if (!does(Behaviour::kLieViewChange) || message.body.replica != self()) return true;
  const SimWorld& world = cabal_.simulator_.world();
  message.body.prepared.clear();
  message.signature = crypto::sign_body(world.signer(self()), Purpose::kViewChange,
                                        world.chain_id(), pbft::view_vote(message.body));
  return true;
}

bool Liar::lie(ReplicaId, ledger::CheckpointVote& message) {
  if (!does(Behaviour::kLieCheckpoint) || message.replica != self()) return true;
  message.note.state_root.bytes[0] ^= 1;
  message.signature =
      ledger::cosign(cabal_.simulator_.world().signer(self()), message.note, message.time_seconds);
  return true;
}

bool Liar::lie(ReplicaId, node::Transactions&) { return !does(Behaviour::kWithholdBodies); }

bool Liar::lie(ReplicaId, node::Blocks& message) {
  if (does(Behaviour::kLieCatchUp) && !message.blocks.empty()) {
    message.blocks.back().batch = at_another_time(message.blocks.back().batch, 1);
  }
  return true;
}

}  // namespace quorate::testnet
