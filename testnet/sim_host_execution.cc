// The executor and the mempool of a simulated replica.

#include <utility>

#include "crypto/check.h"
#include "testnet/sim_host.h"

namespace quorate::testnet {

using ledger::CertifiedBatch;
using ledger::Execution;
using Kind = TraceEvent::Kind;

namespace {

constexpr std::uint64_t kHouseUs = 1'000'000;
constexpr std::uint64_t kSkipsEvery = 3;

// The state without any nonce, for the deliberate mistake.
class ForgetfulReader final : public ledger::StateReader {
 public:
  explicit ForgetfulReader(const ledger::StateReader& below) : below_(below) {}
  Result<std::optional<Bytes>> get(ByteView key) const override {
    if (key.size() > 1 && key[0] == ledger::kReservedPrefix && key[1] == 'n') return std::nullopt;
    return below_.get(key);
  }

 private:
  const ledger::StateReader& below_;
};

}  // namespace

void SimHost::make_mempool() {
  mempool_ = std::make_unique<node::Mempool>(
      parts_.world.genesis(), *ledger_, node::MempoolLimits{},
      node::Mempool::Callbacks{[this](ledger::TransactionPtr transaction) {
                                 post(pbft::TransactionReady{std::move(transaction)});
                               },
                               [this](ledger::TxId id) { post(pbft::TransactionGone{id}); }});
}

// Once a second, and not at all while nothing waits.
void SimHost::keep_house_later() {
  if (keeps_house_ || waiting_transactions() == 0) return;
  keeps_house_ = true;
  later(kHouseUs, [this] { keep_house(); });
}

void SimHost::keep_house() {
  keeps_house_ = false;
  (void)mempool_->drop_expired(wall());
  keep_house_later();
}

Result<bool> SimHost::submit(const ledger::TransactionPtr& transaction) {
  if (!is_up() || paused_until_us_ > parts_.agenda.now_us()) {
    return fail(ErrorKind::kUnavailable, "down", "the replica does not answer");
  }
  if (admits && !admits(transaction)) return true;  // it says so and forgets
  const Result<bool> is_new = mempool_->add(transaction, wall());
  if (is_new && *is_new) {
    broadcast(node::Transactions{{*transaction->signed_transaction}}, true);
    keep_house_later();
  }
  work();
  return is_new;
}

void SimHost::execute_later(pbft::Output& output) {
  Work work{std::move(output.events), {}};
  for (CertifiedBatch& batch : output.commit) {
    TraceEvent event{
        Kind::kCommit, parts_.agenda.now_us(), self_, {}, batch.certificate.sequence.value};
    event.batch = &batch;
    parts_.trace.note(event);
    parts_.checkers.on_commit(self_, batch);
    work.batches.push_back(std::move(batch));
  }
  if (work.facts.empty() && work.batches.empty()) return;
  to_execute_.push_back(std::move(work));
  execute_next();
}

void SimHost::execute_next() {
  while (!is_executing_ && !to_execute_.empty()) {
    Work& work = to_execute_.front();
    for (const pbft::Event& fact : std::exchange(work.facts, {})) {
      if (const auto* proposed = std::get_if<pbft::Proposed>(&fact)) mempool_->pin(proposed->ids);
    }
    if (work.batches.empty()) {
      to_execute_.pop_front();
      continue;
    }
    is_executing_ = true;
    later(dice_.between(times.execution_us_min, times.execution_us_max), [this] {
      const CertifiedBatch batch = std::move(to_execute_.front().batches.front());
      to_execute_.front().batches.pop_front();
      execute(batch);
    });
  }
}

Result<Execution> SimHost::run(const CertifiedBatch& batch) const {
  const ledger::BatchHeader& header = batch.batch.header;
  const ledger::Genesis& genesis = parts_.world.genesis();
  if (bug == HostBug::kForgetsNonces) {
    return ledger::execute(header, batch.transactions, genesis, ForgetfulReader(*ledger_));
  }
  auto execution = ledger::execute(header, batch.transactions, genesis, *ledger_);
  if (bug == HostBug::kSkipsBatch && header.sequence.value % kSkipsEvery == 0) {
    for (ledger::TxResult& result : execution->results) {
      result.outcome = ledger::Outcome::kSkippedNonceUsed;
    }
    execution->results_root = ledger::results_root(execution->results);
    execution->writes.clear();
  }
  return execution;
}

void SimHost::execute(const CertifiedBatch& batch) {
  auto execution = run(batch);
  QUORATE_CHECK(execution.has_value(), "a state in memory reads");
  if (crashed(CrashPoint::kBeforeAppend)) return;
  if (const Status appended = ledger_->append(batch, *execution); !appended) {
    return stop(appended.error());
  }
  parts_.trace.note({Kind::kExecute,
                     parts_.agenda.now_us(),
                     self_,
                     {},
                     batch.certificate.sequence.value,
                     std::make_shared<const Bytes>(execution->results_root.bytes.begin(),
                                                   execution->results_root.bytes.end())});
  parts_.checkers.on_executed(self_, batch, *execution, ledger_->tree_head());
  if (crashed(CrashPoint::kAfterAppend)) return;
  if (!execution->is_checkpoint) return report(batch, *execution);
  later(dice_.between(times.sync_us_min, times.sync_us_max),
        [this, batch, execution = std::move(*execution)] {
          if (const Status synced = ledger_->sync(); !synced) return stop(synced.error());
          if (crashed(CrashPoint::kAfterSync)) return;
          report(batch, execution);
        });
}

void SimHost::report(const CertifiedBatch& batch, const Execution& execution) {
  std::optional<pbft::CheckpointExecuted> checkpoint;
  if (execution.is_checkpoint) {
    checkpoint = {ledger_->checkpoint_note(), execution.effective_time.value / 1000};
    parts_.checkers.on_checkpoint(self_, checkpoint->note);
  }
  auto settled = mempool_->on_executed(batch.transactions, execution.results);
  post(pbft::BatchExecuted{batch.certificate.sequence, execution.results_root,
                           execution.effective_time, std::move(settled), std::move(checkpoint),
                           execution.boundary});
  is_executing_ = false;
  execute_next();
}

}  // namespace quorate::testnet
