// What a restart knows: the ledger's end, the stable checkpoint, the view, and the votes above it.

#include <algorithm>
#include <utility>

#include "pbft/replica.h"

namespace quorate::pbft {

void Replica::restore(ReplicaStart start) {
  executed_ = start.executed;
  committed_ = start.executed;
  effective_time_ = start.effective_time;
  checkpoint_ = start.checkpoint;
  checkpoint_time_ = start.checkpoint_time;
  if (executed_ > checkpoint_) unchecked_since_ms_ = 0;
  low_ = config_.replicas.start;
  if (start.votes.stable) restore_stable(*start.votes.stable);
  if (start.boundary) set_boundary(*start.boundary);
  checkpoints_.set_stable(low_);
  for (StableCheckpoint& last : start.past) past_.emplace(last.note.epoch, std::move(last));
  while (past_.size() > kPastEpochsMax) past_.erase(past_.begin());
  if (start.votes.floor && start.votes.floor->epoch == epoch_) {
    voter_.remember_floor(start.votes.floor->view);
  }
  restore_view(start.votes);
  last_proposed_ = std::max(executed_, plan_high_);
  for (CheckpointVote& vote : start.votes.checkpoints) {
    if (vote.note.epoch != epoch_) continue;
    voter_.remember_checkpoint(vote);
    static_cast<void>(checkpoints_.add(vote));
  }
  for (ProposalRecord& record : start.votes.proposals) {
    restore_proposal(std::move(record), start.bodies);
  }
  for (CommitRecord& record : start.votes.commits) restore_commit(std::move(record));
  // Told last: what is below is not remembered, and this may end a recovery, which the first output
  // will say.
  recovery_ended_ = voter_.set_stable(low_);
  last_checkpoint_ = std::move(start.last_checkpoint);
}

// What the store has is of this epoch, or it is what the one before ended with. Or this ledger was
// lost, and an epoch is served again that is long over: it has nothing more to vote for.
void Replica::restore_stable(const StableCheckpoint& stable) {
  stored_stable_ = stable.note.sequence;
  if (stable.note.epoch > epoch_) return voter_.end_epoch();
  if (stable.note.epoch < epoch_) return;
  stable_ = stable;
  low_ = stable.note.sequence;
  if (stable.note.pending_boundary) set_boundary(*stable.note.pending_boundary);
}

// The highest NEW-VIEW that was entered, unless a later VIEW-CHANGE left it (OSDI '99 §4.4).
void Replica::restore_view(RestoredVotes& votes) {
  const Transcript* entered = nullptr;
  for (const Transcript& transcript : votes.transcripts) {
    const NewViewBody& body = transcript.new_view.body;
    if (body.epoch != epoch_) continue;
    if (body.replica == config_.self) voter_.remember_new_view(body);
    transcripts_.emplace(view_vote(body).content, transcript);
    if (!entered || entered->new_view.body.view < body.view) entered = &transcript;
  }
  if (entered) {
    static_cast<void>(view_changes_.add(entered->new_view));
    for (const ViewChange& message : entered->view_changes) {
      static_cast<void>(view_changes_.add(message));
    }
    begin_view(*entered);
  }
  if (!votes.view_change || votes.view_change->body.epoch != epoch_) return;
  voter_.remember_view_change(votes.view_change->body);
  static_cast<void>(view_changes_.add(*votes.view_change));
  if (votes.view_change->body.view <= view_) return;
  view_ = votes.view_change->body.view;
  in_view_ = false;
}

void Replica::restore_proposal(ProposalRecord record,
                               const std::map<TxId, TransactionPtr>& bodies) {
  const Vote vote = record.pre_prepare.vote;
  if (vote.epoch != epoch_ || vote.sequence <= low_) return;
  if (vote.replica == config_.self) voter_.remember_pre_prepare(vote);
  if (record.prepare) voter_.remember_prepare(record.prepare->vote);
  Slot& slot = slots_[vote.sequence];
  Content content{vote.batch, record.pre_prepare.batch, {}, {}};
  for (const TxId& id : content.batch.ids) {
    const auto body = bodies.find(id);
    content.bodies.push_back(body == bodies.end() ? nullptr : body->second);
    if (!content.bodies.back()) content.missing.emplace(id, content.bodies.size() - 1);
  }
  if (content.is_complete()) keep(slot, content);
  if (vote.view != slots_view_ || vote.new_view != new_view_) return;
  requests_.name(content.batch.ids);
  slot.names_requests = true;
  slot.content = std::move(content);
  if (record.prepare) {
    slot.own_prepare = record.prepare;
    slot.prepares[config_.self] = *record.prepare;
  }
  if (vote.replica == config_.self) last_proposed_ = std::max(last_proposed_, vote.sequence);
  slot.proposal = std::move(record.pre_prepare);
}

void Replica::restore_commit(CommitRecord record) {
  const Vote vote = record.commit.vote;
  if (vote.epoch != epoch_ || vote.sequence <= low_) return;
  voter_.remember_commit(vote);
  Slot& slot = slots_[vote.sequence];
  if (!slot.prepared || slot.prepared->pre_prepare.view < vote.view) {
    slot.prepared = record.prepared;
  }
  if (vote.view != slots_view_ || vote.new_view != new_view_) return;
  slot.own_commit = record.commit;
  slot.commits[config_.self] = record.commit;
  slot.announced_prepared = true;
  for (const Endorsement& endorsement : record.prepared.prepares) {
    Vote prepare = vote;
    prepare.replica = endorsement.replica;
    slot.prepares.try_emplace(endorsement.replica,
                              Prepare{prepare, endorsement.signature, record.prepared.signature});
  }
}

}  // namespace quorate::pbft
