// What checkers say about view changes, checkpoints and how a replica moves.

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "testnet/checkers.h"

namespace quorate::testnet {

using crypto::Purpose;
using ledger::ReplicaId;
using ledger::Sequence;
using ledger::View;

bool Checkers::check_view_vote(ReplicaId from, Purpose purpose, const ledger::ViewVote& vote) {
  if (!correct_signer(from, vote.epoch, vote.replica, std::nullopt)) return false;
  ++counters_.votes;
  const auto [at, is_new] =
      view_votes_.emplace(ViewKey{vote.replica, purpose, vote.epoch, vote.view}, vote);
  if (!is_new && at->second != vote) {
    violate("contradiction", from,
            fmt::format("replica {} signed a second, different {} for view {}",
                        vote.replica.value, crypto::purpose_text(purpose), vote.view.value));
  }
  return is_own_to_keep(from, vote.replica, vote.epoch, vote.view, is_new);
}

bool Checkers::is_own_to_keep(ReplicaId from, ReplicaId signer, ledger::Epoch epoch, View view,
                              bool is_new) {
  if (epochs_.seat_of(epoch, signer) != from) return false;
  if (forgetful_.contains(from)) return is_new;
  voted_in_[from.value] = std::max(voted_in_[from.value], {epoch, view});
  return true;
}

void Checkers::check_ceiling(ReplicaId from, const Durable& durable, ledger::Epoch epoch,
                             View view, Sequence sequence) {
  const ledger::GuardState guard = durable.votes.guard();
  const bool is_covered =
      std::pair(epoch, view) <= std::pair(guard.epoch_ceiling, guard.view_ceiling);
  if (is_covered && sequence <= guard.sequence_ceiling) return;
  violate("ceiling", from,
          fmt::format("a vote for view {}, sequence {} leaves, and the guard reserved view {}, "
                      "sequence {}",
                      view.value, sequence.value, guard.view_ceiling.value,
                      guard.sequence_ceiling.value));
}

void Checkers::check_message(ReplicaId from, const pbft::ViewChange& message,
                             const Durable& durable) {
  const ledger::ViewVote vote = pbft::view_vote(message.body);
  if (!check_view_vote(from, Purpose::kViewChange, vote)) return;
  check_ceiling(from, durable, vote.epoch, vote.view, {});
  // A resent one may have given way to that of a higher view.
  const auto found = durable.votes.get(pbft::to_vote_record(pbft::ViewChangeRecord{message}).key);
  if (found && *found) {
    const auto stored = crypto::decode<pbft::ViewChange>(**found);
    if (stored && std::pair(stored->body.epoch, stored->body.view) >=
                      std::pair(vote.epoch, vote.view)) {
      return;
    }
  }
  violate("durable", from,
          fmt::format("a VIEW-CHANGE for view {} left before it was durable", vote.view.value));
}

void Checkers::check_message(ReplicaId from, const pbft::NewView& message,
                             const Durable& durable) {
  const ledger::ViewVote vote = pbft::view_vote(message.body);
  if (!check_view_vote(from, Purpose::kNewView, vote)) return;
  const auto key = pbft::to_vote_record(pbft::TranscriptRecord{{message, {}}}).key;
  if (const auto found = durable.votes.get(key); found && *found) return;
  violate("durable", from,
          fmt::format("a NEW-VIEW for view {} left before it was durable", vote.view.value));
}

void Checkers::check_message(ReplicaId from, const ledger::CheckpointVote& message,
                             const Durable& durable) {
  const auto signer =
      correct_signer(from, message.note.epoch, message.replica, message.note.sequence);
  if (!signer) return;
  ++counters_.votes;
  const auto [at, is_new] =
      cosigned_.emplace(std::pair(message.note.sequence, message.replica), message.note);
  if (!is_new && at->second != message.note) {
    violate("contradiction", from,
            fmt::format("replica {} cosigned a second, different checkpoint at sequence {}",
                        message.replica.value, message.note.sequence.value));
  }
  const bool is_own = *signer == from;
  if (!is_own || !damaged_.contains(from)) check_note(from, message.note);
  if (!is_own || message.note.sequence <= durable.settled) return;
  if (!is_new && forgetful_.contains(from)) return;
  check_ceiling(from, durable, message.note.epoch, {}, message.note.sequence);
  const ledger::VoteRecord record = pbft::to_vote_record(pbft::CheckpointRecord{message});
  const auto found = durable.votes.get(record.key);
  if (found && *found == record.value) return;
  violate("durable", from,
          fmt::format("a checkpoint vote left before it was durable, at sequence {}",
                      message.note.sequence.value));
}

void Checkers::check_message(ReplicaId from, const ledger::StableCheckpoint& message,
                             const Durable&) {
  check_stable(from, message);
}

void Checkers::check_note(ReplicaId from, const ledger::CheckpointNote& note) {
  const auto [at, is_new] = notes_.emplace(note.sequence, note);
  if (is_new || at->second == note) return;
  violate("checkpoint", from,
          fmt::format("sequence {} has state {} here and {} elsewhere", note.sequence.value,
                      note.state_root.short_hex(), at->second.state_root.short_hex()));
}

void Checkers::check_stable(ReplicaId from, const ledger::StableCheckpoint& stable) {
  const ledger::Epoch epoch = epochs_.epoch_at(stable.note.sequence);
  if (stable.note.epoch != epoch) {
    violate("epoch", from,
            fmt::format("sequence {} is of epoch {}, and epoch {} made it stable",
                        stable.note.sequence.value, epoch.value, stable.note.epoch.value));
  } else if (const auto good = world_.checkpoints().check(stable, *epochs_.set_of(epoch));
             !good) {
    violate("checkpoint", from,
            fmt::format("sequence {}: {}", stable.note.sequence.value, good.error().message));
  }
  check_note(from, stable.note);
  if (stable.note.pending_boundary == stable.note.sequence) {
    certified_ends_.insert(stable.note.sequence);
  }
}

void Checkers::on_checkpoint(ReplicaId self, const ledger::CheckpointNote& note) {
  if (!is_liar(self) && !damaged_.contains(self)) check_note(self, note);
}

void Checkers::check_transition(ReplicaId self, const pbft::Replica& replica) {
  const Position now{replica.epoch(), replica.view(), replica.low_watermark(),
                     replica.executed(), replica.committed()};
  Position& before = positions_[self.value];
  if (before.epoch != now.epoch) {
    check_set(self, replica);
    // Who voted in a view is not below it in a later life, unless it has forgotten that.
    const auto& [epoch, view] = voted_in_[self.value];
    const bool binds = epoch == replica.epoch() && !forgetful_.contains(self);
    before.view = binds ? view : View{};
  }
  if (now.view < before.view || now.low < before.low || now.executed < before.executed ||
      now.committed < before.committed) {
    violate("transition", self,
            fmt::format(
                "view, low watermark, executed, committed go from {}, {}, {}, {} to {}, {}, "
                "{}, {}",
                before.view.value, before.low.value, before.executed.value, before.committed.value,
                now.view.value, now.low.value, now.executed.value, now.committed.value));
  }
  before = now;

  // Whoever executed a checkpoint votes for it with the same step, or the first of its next life.
  const Sequence due = replica.checkpoint();
  const ReplicaId id = replica.config().self;
  if (due > now.low && replica.voter().may_vote() && !replica.checkpoints().find(id, due)) {
    violate("transition", self,
            fmt::format("it executed the checkpoint at sequence {} and has no vote for it",
                        due.value));
  }
}

void Checkers::note_facts(ReplicaId self, const pbft::Output& out) {
  if (out.recovered) ++counters_.recoveries;
  if (out.stable) check_stable(self, *out.stable);
  for (const pbft::Event& event : out.events) {
    if (const auto* entered = std::get_if<pbft::ViewEntered>(&event)) {
      views_.emplace(positions_[self.value].epoch.value_or(ledger::Epoch{}), entered->view);
      counters_.views = views_.size();
    } else if (const auto* stable = std::get_if<pbft::CheckpointStable>(&event)) {
      if (stable->sequence > highest_stable_) {
        highest_stable_ = stable->sequence;
        ++counters_.checkpoints;
      }
    } else if (const auto* diverged = std::get_if<pbft::StateDiverged>(&event)) {
      diverged_.insert(self);
      if (damaged_.contains(self)) continue;
      violate("checkpoint", self,
              fmt::format("the certified state at sequence {} is not its own",
                          diverged->own.sequence.value));
    }
  }
}

}  // namespace quorate::testnet
