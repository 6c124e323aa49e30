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
constexpr std::uint64_t kFarCheckpoints = 1'000'000;
constexpr std::uint64_t kEvenPermille = 500;
constexpr std::size_t kFloodBlocksMax = 500;
constexpr std::size_t kFloodSinglesMax = 64;
constexpr std::size_t kStoriesMax = 10'000;  // the oldest are told no more

// The same transactions, so that everybody has the bodies, at another time.
ledger::Batch at_another_time(const ledger::Batch& batch, std::uint64_t later_ms) {
  const ledger::BatchHeader& header = batch.header;
  return ledger::make_batch(header.sequence, {header.time.value + later_ms},
                            header.flags & ~ledger::kFlagNull, batch.ids);
}

}  // namespace

void Tongue::tell_two_stories(ReplicaId to, pbft::PrePrepare& message) {
  const Plot::Place place{message.vote.view, message.vote.sequence};
  auto story = plot_.stories_.find(place);
  if (story == plot_.stories_.end()) {
    // A time of its own also where the batch fills a gap.
    story = plot_.stories_
                .emplace(place, Plot::Story{message, proposal(message.vote,
                                                              at_another_time(message.batch, 1))})
                .first;
    const auto oldest = plot_.stories_.begin();
    if (plot_.stories_.size() > kStoriesMax && oldest != story) plot_.stories_.erase(oldest);
  }
  message = story->second.told(plot_.is_second_half(to));
  plot_.vote_for(message, to);
}

// Of an accomplice, or its own: what this half was told, in that replica's name.
const pbft::PrePrepare* Tongue::told(ReplicaId to, const Vote& vote) const {
  if (!plot_.votes_twice(vote.replica) || !does(Behaviour::kDoubleVote)) return nullptr;
  const Plot::Story* story = plot_.story(vote);
  return story ? &story->told(plot_.is_second_half(to)) : nullptr;
}

bool Tongue::lie(ReplicaId to, pbft::PrePrepare& message) {
  if (!is_own(message.vote)) {
    if (const pbft::PrePrepare* other = told(to, message.vote)) message = *other;
    return true;
  }
  if (does(Behaviour::kBadTime) && (message.batch.header.flags & ledger::kFlagNull) == 0) {
    message = proposal(message.vote, at_another_time(message.batch, kHourMs));
  }
  if (does(Behaviour::kEquivocate)) tell_two_stories(to, message);
  if (does(Behaviour::kForge)) forge_prepare(to, message);
  return true;
}

bool Tongue::lie(ReplicaId to, pbft::Prepare& message) {
  if (const pbft::PrePrepare* other = told(to, message.vote)) {
    message.vote.batch = other->vote.batch;
    message.signature = sign(Purpose::kPrepare, message.vote);
    message.pre_prepare = other->signature;
  }
  return true;
}

bool Tongue::lie(ReplicaId to, pbft::Commit& message) {
  if (does(Behaviour::kForge)) forge_commit(to, message);
  if (const pbft::PrePrepare* other = told(to, message.vote)) {
    message.vote.batch = other->vote.batch;
    message.signature = sign(Purpose::kCommit, message.vote);
    return true;
  }
  if (!is_own(message.vote) || !does(Behaviour::kDoubleVote)) return true;
  pbft::Commit other = message;
  other.vote.batch = crypto::digest_of("another-batch", message.vote.batch);
  other.signature = sign(Purpose::kCommit, other.vote);
  put(to, other);
  return true;
}

bool Tongue::lie(ReplicaId to, pbft::StatusReport& message) {
  if (does(Behaviour::kFutureViews) && dice_.chance(kFarPermille)) {
    pbft::ViewChange far{{message.epoch, {message.view.value + kFarViews}, self(), {}, {}}, {}};
    far.signature = sign_own(Purpose::kViewChange, pbft::view_vote(far.body));
    put(to, far);
  }
  if (does(Behaviour::kLieCatchUp)) message.executed.value += kClaimedBlocks;
  return true;
}

bool Tongue::lie(ReplicaId, pbft::ViewChange& message) {
  if (message.body.replica != self()) return true;
  if (!does(Behaviour::kLieViewChange) && !does(Behaviour::kForge)) return true;
  if (does(Behaviour::kLieViewChange)) message.body.prepared.clear();
  if (does(Behaviour::kForge)) forge_prepared(message);
  message.signature = sign_own(Purpose::kViewChange, pbft::view_vote(message.body));
  return true;
}

bool Tongue::lie(ReplicaId, pbft::NewView& message) {
  if (!does(Behaviour::kForge) || message.body.replica != self()) return true;
  message.body.view_changes.pop_back();
  message.signature = sign_own(Purpose::kNewView, pbft::view_vote(message.body));
  return true;
}

bool Tongue::lie(ReplicaId to, ledger::CheckpointVote& message) {
  if (does(Behaviour::kForge) && message.replica == self()) forge_checkpoint(to, message);
  if (!does(Behaviour::kLieCheckpoint) || message.replica != self()) return true;
  message.note.state_root.bytes[0] ^= 1;
  message.signature = ledger::cosign(stage_.signer(self()), message.note, message.time_seconds);
  return true;
}

// The primary must not prepare what it proposed (OSDI '99 §4.2).
void Tongue::forge_prepare(ReplicaId to, const pbft::PrePrepare& message) {
  put(to,
      pbft::Prepare{message.vote, sign(Purpose::kPrepare, message.vote), message.signature});
}

// In the name of each other replica, with its own key.
void Tongue::forge_commit(ReplicaId to, const pbft::Commit& message) {
  for (std::size_t i = 0; i < stage_.size(); ++i) {
    pbft::Commit forged = message;
    forged.vote.replica = {static_cast<std::uint16_t>(i)};
    if (forged.vote.replica == self() || forged.vote.replica == to) continue;
    forged.signature = sign_own(Purpose::kCommit, forged.vote);
    put(to, forged);
  }
}

// Of a state that nobody can have yet.
void Tongue::forge_checkpoint(ReplicaId to, ledger::CheckpointVote vote) {
  vote.note.sequence.value += 1 + dice_.below(kFarCheckpoints);
  vote.note.head.size = vote.note.sequence.value;
  vote.signature = ledger::cosign(stage_.signer(self()), vote.note, vote.time_seconds);
  put(to, vote);
}

// One of its P entries names a replica twice, or hardly any.
void Tongue::forge_prepared(pbft::ViewChange& message) {
  if (message.body.prepared.empty()) return;
  auto& prepares = message.body.prepared.back().prepares;
  if (dice_.chance(kEvenPermille)) {
    for (auto& prepare : prepares) prepare = prepares.front();
  } else {
    prepares.resize(1);
  }
}

// All that it has from there on, in one piece and the nearest singly, which arrive in any order.
void Tongue::flood_blocks(ReplicaId to, const node::Blocks& asked) {
  if (asked.blocks.empty()) return;
  node::Blocks all;
  ledger::Height next = asked.blocks.front().batch.header.sequence;
  for (; all.blocks.size() < kFloodBlocksMax && next <= stage_.height(self()); ++next.value) {
    auto block = stage_.block(self(), next);
    if (!block) return;
    all.blocks.push_back(std::move(*block));
    if (all.blocks.size() > kFloodSinglesMax) continue;
    put(to, node::Blocks{{all.blocks.back()}});
  }
  put(to, all);
}

bool Tongue::lie(ReplicaId, node::Transactions&) { return !does(Behaviour::kWithholdBodies); }

bool Tongue::lie(ReplicaId to, node::Blocks& message) {
  if (does(Behaviour::kFlood)) flood_blocks(to, message);
  if (does(Behaviour::kLieCatchUp) && !message.blocks.empty()) {
    message.blocks.back().batch = at_another_time(message.blocks.back().batch, 1);
  }
  return true;
}

// One value, or what stands for the keys of one nibble, is another.
bool Tongue::lie(ReplicaId, node::ChunkAnswer& message) {
  if (!does(Behaviour::kLieCatchUp) || !message.chunk) return true;
  if (auto* entries = std::get_if<std::vector<ledger::SnapshotEntry>>(&*message.chunk)) {
    if (!entries->empty()) entries->back().value.push_back(0);
  } else {
    auto& slots = std::get<ledger::ChunkSlots>(*message.chunk);
    std::swap(slots.front(), slots.back());
  }
  return true;
}

}  // namespace quorate::testnet
