// The vote writer of a simulated replica: node/vote_writer.h without its thread.

#include <algorithm>
#include <set>
#include <utility>

#include "crypto/check.h"
#include "pbft/durable.h"
#include "testnet/sim_host.h"

namespace quorate::testnet {

using ledger::Sequence;
using ledger::TxId;
using ledger::View;
using Kind = TraceEvent::Kind;

namespace {

// Where a record votes, for the guard's ceiling; nothing of a record that is no vote.
struct Place {
  View view;
  Sequence sequence;
};

std::optional<Place> voted_place(const pbft::DurableRecord& record) {
  if (const auto* proposal = std::get_if<pbft::ProposalRecord>(&record)) {
    const ledger::Vote& vote = proposal->pre_prepare.vote;
    return Place{vote.view, vote.sequence};
  }
  if (const auto* commit = std::get_if<pbft::CommitRecord>(&record)) {
    return Place{commit->commit.vote.view, commit->commit.vote.sequence};
  }
  if (const auto* checkpoint = std::get_if<pbft::CheckpointRecord>(&record)) {
    return Place{{}, checkpoint->vote.note.sequence};
  }
  if (const auto* view_change = std::get_if<pbft::ViewChangeRecord>(&record)) {
    return Place{view_change->view_change.body.view, {}};
  }
  return std::nullopt;
}

}  // namespace

void SimHost::note_bodies(const pbft::ProposalRecord& proposal) {
  const auto& ids = proposal.pre_prepare.batch.ids;
  auto& bodies = bodies_[proposal.pre_prepare.vote.sequence];
  bodies.insert(bodies.end(), ids.begin(), ids.end());
}

bool SimHost::adopts() const {
  return is_recovering() &&
         std::ranges::any_of(writing_, [](const auto& output) { return output.recovered; });
}

// The guard's ceiling before the votes, as the node raises it.
Status SimHost::prepare_write(std::vector<ledger::VoteRecord>& records) {
  std::optional<Place> highest;
  for (const pbft::Output& output : writing_) {
    for (const pbft::DurableRecord& record : output.persist) {
      records.push_back(pbft::to_vote_record(record));
      if (const auto place = voted_place(record)) {
        if (!highest) highest.emplace();
        highest->view = std::max(highest->view, place->view);
        highest->sequence = std::max(highest->sequence, place->sequence);
      }
      if (const auto* proposal = std::get_if<pbft::ProposalRecord>(&record)) {
        note_bodies(*proposal);
      }
    }
    if (!output.stable) continue;
    stable_ = std::max(stable_, output.stable->note.sequence);
    last_stable_ = output.stable;
  }
  truncate();
  if (!highest) return {};
  const ledger::GuardState guard = votes_->guard();
  const View view = std::max(highest->view, replica_->view());
  const bool is_covered = highest->sequence <= guard.sequence_ceiling &&
                          replica_->epoch() <= guard.epoch_ceiling && view <= guard.view_ceiling;
  if (is_covered) return {};
  return votes_->reserve(replica_->epoch(), view,
                         std::max(highest->sequence, replica_->high_watermark()));
}

void SimHost::write_next() {
  writing_ = std::exchange(waiting_, {});
  if (bug == HostBug::kAdoptsBeforeWrite && adopts()) {
    if (const Status adopted = votes_->adopt(); !adopted) return stop(adopted.error());
    if (crashed(CrashPoint::kAfterAdoption)) return;
  }
  std::vector<ledger::VoteRecord> records;
  if (const Status ready = prepare_write(records); !ready) return stop(ready.error());
  if (records.empty()) return finish_release();
  if (crashed(CrashPoint::kBeforeWrite)) return;
  if (const Status begun = votes_->begin_write(std::move(records)); !begun) {
    return stop(begun.error());
  }
  is_writing_ = true;
  if (bug == HostBug::kSendsBeforeWrite) {
    for (const pbft::Output& output : writing_) {
      if (!send_all(output)) return;
    }
    for (pbft::Output& output : writing_) output.send.clear();
  }
  later(dice_.between(times.sync_us_min, times.sync_us_max), [this] { finish_write(); });
}

void SimHost::finish_write() {
  if (const Status done = votes_->finish_write(); !done) return stop(done.error());
  parts_.trace.note({Kind::kPersist, parts_.agenda.now_us(), self_});
  is_writing_ = false;
  finish_release();
}

// What ended a recovery is in the store before the guard counts on the store.
void SimHost::finish_release() {
  if (adopts()) {
    if (const Status adopted = votes_->adopt(); !adopted) return stop(adopted.error());
    if (crashed(CrashPoint::kAfterAdoption)) return;
  }
  if (crashed(CrashPoint::kBeforeRelease)) return;
  release(std::exchange(writing_, {}));
}

// DESIGN §4: votes are dropped only below a stable checkpoint that the ledger has synced.
void SimHost::truncate() {
  const Sequence low = std::min(stable_, ledger_->synced());
  if (low <= truncated_) return;
  for (const auto& [first, last] : pbft::keys_between(std::exchange(truncated_, low), low)) {
    votes_->erase_range(first, last);
  }
  // Bodies that no vote above names either.
  std::set<TxId> dropped;
  const auto above = bodies_.upper_bound(low);
  for (auto it = bodies_.begin(); it != above; ++it) {
    dropped.insert(it->second.begin(), it->second.end());
  }
  bodies_.erase(bodies_.begin(), above);
  for (const auto& [sequence, ids] : bodies_) {
    for (const TxId& id : ids) dropped.erase(id);
  }
  std::vector<Bytes> keys;
  for (const TxId& id : dropped) keys.push_back(pbft::body_key(id));
  votes_->erase(keys);
}

}  // namespace quorate::testnet
