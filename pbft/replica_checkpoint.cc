// Checkpoints and watermarks (OSDI '99 §4.3).

#include <utility>

#include "crypto/check.h"
#include "pbft/replica.h"

namespace quorate::pbft {

// The host's ledger is synced up to here, so a stable checkpoint means that f + 1 correct disks
// hold everything below it: nobody needs the votes there any more.
void Replica::vote_for_checkpoint(const CheckpointExecuted& executed, Output& out) {
  if (executed.note.sequence <= low_) return compare_with_stable(executed.note, out);
  if (!voter_.may_vote()) {
    last_checkpoint_ = executed;  // for the end of its recovery
    return;
  }
  Signed<Signature> signature = voter_.checkpoint(executed.note, executed.time_seconds);
  if (!signature) return refuse(std::move(signature.error()), out);
  const CheckpointVote vote{executed.note, executed.time_seconds, config_.self, *signature};
  static_cast<void>(checkpoints_.add(vote));
  out.persist.emplace_back(CheckpointRecord{vote});
  out.send.push_back({std::nullopt, vote});
  report_pace_.hasten(now_.monotonic_ms);
  collect_stable(vote, out);
}

void Replica::on(const crypto::Verified<CheckpointVote>& message, Output& out) {
  if (message->note.epoch != epoch_) return;
  if (auto found = checkpoints_.add(*message)) out.evidence.emplace_back(std::move(*found));
  collect_stable(*message, out);
}

void Replica::on(const crypto::Verified<StableCheckpoint>& message, Output& out) {
  if (message->note.epoch != epoch_) return;
  make_stable(*message, out);
}

void Replica::collect_stable(const CheckpointVote& vote, Output& out) {
  if (const auto stable = checkpoints_.quorum_like(vote)) make_stable(*stable, out);
}

void Replica::make_stable(const StableCheckpoint& stable, Output& out) {
  if (stable.note.sequence <= low_) return;
  if (const CheckpointVote* own = checkpoints_.find(config_.self, stable.note.sequence)) {
    if (own->note != stable.note) {
      diverge(own->note, stable.note, out);
    }
  }
  if (stable.note.pending_boundary) learn_boundary(*stable.note.pending_boundary, out);
  low_ = stable.note.sequence;
  stable_ = stable;
  checkpoints_.set_stable(low_);
  if (low_ > stored_stable_) {
    stored_stable_ = low_;
    out.persist.emplace_back(StableRecord{stable});
  }
  const bool has_recovered = voter_.set_stable(low_);
  out.stable = stable;
  out.events.push_back(CheckpointStable{low_});
  // Its cosigners' ledgers reach that far; whoever is behind asks them first.
  for (const Endorsement& cosigner : stable.cosignatures) {
    if (cosigner.replica != config_.self && sources_.highest_claim(cosigner.replica) < low_) {
      sources_.claim(cosigner.replica, low_);
    }
  }
  close_slots_up_to(low_);
  reproposals_.erase(reproposals_.begin(), reproposals_.upper_bound(low_));
  if (has_recovered) end_recovery(out);
}

void Replica::end_recovery(Output& out) {
  out.recovered = true;
  const Ceiling& ceiling = voter_.ceiling();
  // Of an earlier epoch, it says nothing of the views of this one.
  const View floor = ceiling.epoch == epoch_ ? ceiling.view : View{};
  out.persist.emplace_back(FloorRecord{epoch_, floor});
  // Nobody else may be left to make it stable.
  if (const auto last = std::exchange(last_checkpoint_, std::nullopt)) {
    vote_for_checkpoint(*last, out);
  }
}

// We executed a checkpoint that others made stable before.
void Replica::compare_with_stable(const CheckpointNote& own, Output& out) {
  if (!stable_ || own.sequence != low_ || own == stable_->note) return;
  diverge(own, stable_->note, out);
}

void Replica::diverge(const CheckpointNote& own, const CheckpointNote& certified, Output& out) {
  has_diverged_ = true;
  out.events.push_back(StateDiverged{own, certified});
  voter_.retire();
}

void Replica::close_slots_up_to(Sequence sequence) {
  while (!slots_.empty() && slots_.begin()->first <= sequence) {
    unname(slots_.begin()->second);
    slots_.erase(slots_.begin());
  }
}

}  // namespace quorate::pbft
