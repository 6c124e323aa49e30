#include "node/vote_writer.h"

#include <algorithm>
#include <utility>

#include "crypto/check.h"
#include "pbft/durable.h"

namespace quorate::node {

VoteWriter::VoteWriter(ledger::VoteStore& store, ledger::Guard* guard, Release release,
                       OnFatal on_fatal)
    : store_(store),
      guard_(guard),
      release_(std::move(release)),
      on_fatal_(std::move(on_fatal)),
      thread_([this] { run(); }) {}

VoteWriter::~VoteWriter() { stop(); }

void VoteWriter::post(CoreTurn turn) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(turn));
  }
  wake_.notify_one();
}

void VoteWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

namespace {

// The sequence that a record votes at; 0 for bodies.
ledger::Sequence voted_sequence(const pbft::DurableRecord& record) {
  if (const auto* proposal = std::get_if<pbft::ProposalRecord>(&record)) {
    return proposal->pre_prepare.vote.sequence;
  }
  if (const auto* commit = std::get_if<pbft::CommitRecord>(&record)) {
    return commit->commit.vote.sequence;
  }
  return {};
}

}  // namespace

Status VoteWriter::make_durable(const std::vector<CoreTurn>& turns) {
  std::vector<ledger::VoteRecord> records;
  ledger::Sequence highest;
  for (const CoreTurn& turn : turns) {
    for (const pbft::Output& output : turn.outputs) {
      for (const pbft::DurableRecord& record : output.persist) {
        records.push_back(pbft::to_vote_record(record));
        highest = std::max(highest, voted_sequence(record));
      }
    }
  }
  if (records.empty()) return {};
  QUORATE_CHECK(guard_ != nullptr, "a learner casts no votes");
  const CoreTurn& last = turns.back();
  const ledger::GuardState& reserved = guard_->state();
  if (highest > reserved.sequence_ceiling || last.epoch > reserved.epoch_ceiling ||
      last.view > reserved.view_ceiling) {
    // One sync reserves the whole window that is open now.
    QUORATE_TRY(guard_->raise(last.epoch, last.view, std::max(highest, last.ceiling)));
  }
  QUORATE_ASSIGN(const std::uint64_t number, store_.write(records));
  return guard_->note_write(number);
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
