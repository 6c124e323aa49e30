// The vote writer of a simulated replica: node/vote_writer.h without its thread.

#include <algorithm>
#include <utility>

#include "crypto/check.h"
#include "testnet/sim_host.h"

namespace quorate::testnet {

using ledger::Sequence;
using ledger::View;
using Kind = TraceEvent::Kind;

bool SimHost::adopts() const {
  return is_recovering() &&
         std::ranges::any_of(writing_, [](const auto& output) { return output.recovered; });
}

// The guard's ceiling before the votes, as the node raises it.
Status SimHost::prepare_write(std::vector<ledger::VoteRecord>& records) {
  std::optional<pbft::VotedPlace> highest;
  for (const pbft::Output& output : writing_) {
    for (const pbft::DurableRecord& record : output.persist) {
      records.push_back(pbft::to_vote_record(record));
      pbft::raise(highest, record);
      bodies_.add(record);
    }
    if (!output.stable) continue;
    stable_ = std::max(stable_, output.stable->note.sequence);
    last_stable_ = output.stable;
  }
  if (bug == HostBug::kErasesBeforeWrite) truncate();
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
  truncate();
  if (crashed(CrashPoint::kBeforeRelease)) return;
  release(std::exchange(writing_, {}));
}

// DESIGN §4: votes are dropped only below a stable checkpoint that the ledger has synced, and after
// that checkpoint was written here.
void SimHost::truncate() {
  const Sequence low = std::min(stable_, ledger_->synced());
  if (low <= truncated_) return;
  for (const auto& [first, last] : pbft::keys_between(std::exchange(truncated_, low), low)) {
    votes_->erase_range(first, last);
  }
  votes_->erase(bodies_.drop_up_to(low));
}

}  // namespace quorate::testnet
