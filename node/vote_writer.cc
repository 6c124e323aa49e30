#include "node/vote_writer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "crypto/check.h"
#include "pbft/durable.h"

namespace quorate::node {

VoteWriter::VoteWriter(ledger::VoteStore& store, ledger::Guard* guard, bool is_adopted,
                       const std::vector<pbft::ProposalRecord>& restored, Release release,
                       OnFatal on_fatal)
    : store_(store),
      guard_(guard),
      is_adopted_(is_adopted),
      release_(std::move(release)),
      on_fatal_(std::move(on_fatal)) {
  for (const pbft::ProposalRecord& proposal : restored) bodies_.add(proposal);
  thread_ = std::thread([this] { run(); });
}

VoteWriter::~VoteWriter() { stop(); }

void VoteWriter::post(CoreTurn turn) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(turn));
  }
  wake_.notify_one();
}

void VoteWriter::on_ledger_synced(ledger::Height height) {
  const std::lock_guard lock(mutex_);
  ledger_synced_ = std::max(ledger_synced_, height);
}

void VoteWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool VoteWriter::ends_recovery(const std::vector<CoreTurn>& turns) const {
  return !is_adopted_ && std::ranges::any_of(turns, [](const CoreTurn& turn) {
    return std::ranges::any_of(turn.outputs, &pbft::Output::recovered);
  });
}

// What the guard must know before the messages of write `number` leave. The end of a recovery is in
// that write: a guard that adopted the store before it would, after a power cut between the two,
// call a store current that has forgotten everything.
Status VoteWriter::tell_guard(std::uint64_t number, bool adopts) {
  if (adopts) {
    QUORATE_TRY(guard_->adopt(store_.store_id(), number));
    is_adopted_ = true;
    return {};
  }
  if (guard_ == nullptr || !is_adopted_) return {};
  return guard_->note_write(number);
}

Status VoteWriter::make_durable(const std::vector<CoreTurn>& turns) {
  std::vector<ledger::VoteRecord> records;
  std::optional<pbft::VotedPlace> highest;
  for (const CoreTurn& turn : turns) {
    for (const pbft::Output& output : turn.outputs) {
      for (const pbft::DurableRecord& record : output.persist) {
        records.push_back(pbft::to_vote_record(record));
        pbft::raise(highest, record);
        bodies_.add(record);
      }
      if (output.stable) stable_ = std::max(stable_, output.stable->note.sequence);
    }
  }
  const bool adopts = ends_recovery(turns);
  QUORATE_CHECK(!adopts || guard_ != nullptr, "only a guard's ceiling ends a recovery");
  if (records.empty()) return truncate();
  if (highest) {
    QUORATE_CHECK(guard_ != nullptr && (is_adopted_ || adopts), "who may not vote writes no votes");
    const CoreTurn& last = turns.back();
    const ledger::GuardState& reserved = guard_->state();
    const ledger::View view = std::max(highest->view, last.view);
    if (highest->sequence > reserved.sequence_ceiling || last.epoch > reserved.epoch_ceiling ||
        view > reserved.view_ceiling) {
      // One sync reserves the whole window that is open now.
      QUORATE_TRY(guard_->raise(last.epoch, view, std::max(highest->sequence, last.ceiling)));
    }
  }
  QUORATE_ASSIGN(const std::uint64_t number, store_.write(records));
  QUORATE_TRY(tell_guard(number, adopts));
  return truncate();
}

// DESIGN §4: votes are dropped only below a stable checkpoint that the ledger has synced. That
// checkpoint is durable in this store by now: were the votes gone first, a power cut between the
// two and a lost ledger would leave a replica that takes its word for unspoken.
Status VoteWriter::truncate() {
  ledger::Sequence low;
  {
    const std::lock_guard lock(mutex_);
    low = std::min(stable_, ledger_synced_);
  }
  if (low <= truncated_) return {};
  for (const auto& [first, last] : pbft::keys_between(std::exchange(truncated_, low), low)) {
    QUORATE_TRY(store_.erase_range(first, last));
  }
  return store_.erase(bodies_.drop_up_to(low));
}

void VoteWriter::run() {
  std::vector<CoreTurn> turns;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    turns.clear();
    std::swap(turns, waiting_);
    lock.unlock();
    if (auto durable = make_durable(turns); !durable) {
      on_fatal_(durable.error());
      return;
    }
    for (CoreTurn& turn : turns) {
      for (pbft::Output& output : turn.outputs) release_(std::move(output));
    }
    lock.lock();
  }
}

}  // namespace quorate::node
