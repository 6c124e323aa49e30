#include "node/executor.h"

#include <utility>

#include "crypto/bcs.h"
#include "ledger/execution.h"
#include "node/log.h"

namespace quorate::node {

Executor::Executor(const ledger::Genesis& genesis, ledger::Store& store, Mempool& mempool,
                   Tracker& tracker, Report report, OnFatal on_fatal)
    : genesis_(genesis),
      store_(store),
      mempool_(mempool),
      tracker_(tracker),
      report_(std::move(report)),
      on_fatal_(std::move(on_fatal)),
      thread_([this] { run(); }) {}

Executor::~Executor() { stop(); }

void Executor::post(Work work) {
  if (work.events.empty() && work.batches.empty() && !work.stable && work.transcripts.empty()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void Executor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Executor::run() {
  std::unique_lock lock(mutex_);
  Status status;
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    if (status = perform(work); !status) return on_fatal_(status.error());
    lock.lock();
  }
  if (status = store_.sync(); !status) on_fatal_(status.error());
}

Status Executor::perform(const Work& work) {
  for (const pbft::Event& event : work.events) note(event);
  for (const pbft::Transcript& transcript : work.transcripts) {
    QUORATE_TRY(store_.put_transcript(pbft::view_vote(transcript.new_view.body).content,
                                      crypto::encode(transcript)));
  }
  for (const ledger::CertifiedBatch& batch : work.batches) QUORATE_TRY(execute(batch));
  if (!work.stable) return {};
  QUORATE_TRY(store_.put_stable(*work.stable));
  tracker_.on_stable(work.stable->note.sequence);
  log_event(Severity::kDebug, "checkpoint-stable",
            {{"sequence", std::to_string(work.stable->note.sequence.value)}});
  return {};
}

void Executor::note(const pbft::Event& event) {
  if (const auto* proposed = std::get_if<pbft::Proposed>(&event)) {
    mempool_.pin(proposed->ids);
    tracker_.on_proposed(proposed->view, proposed->sequence, proposed->ids);
  } else if (const auto* prepared = std::get_if<pbft::BatchPrepared>(&event)) {
    tracker_.on_prepared(prepared->view, prepared->sequence);
  } else if (const auto* refused = std::get_if<pbft::VoteWasRefused>(&event)) {
    log_event(Severity::kError, "vote-refused",
              {{"code", std::string(pbft::refusal_code(refused->refused.refusal))},
               {"phase", std::string(pbft::phase_text(refused->refused.phase))},
               {"view", std::to_string(refused->refused.asked.view.value)},
               {"sequence", std::to_string(refused->refused.asked.sequence.value)},
               {"asked", refused->refused.asked.batch.short_hex()},
               {"cast", refused->refused.cast ? refused->refused.cast->batch.short_hex() : "-"}});
  } else if (const auto* lag = std::get_if<pbft::CatchingUp>(&event)) {
    log_event(Severity::kInfo, "catching-up",
              {{"from", std::to_string(lag->from.value)},
               {"target", std::to_string(lag->target.value)},
               {"peer", std::to_string(lag->peer.value)}});
  } else if (const auto* known = std::get_if<pbft::BoundaryKnown>(&event)) {
    log_event(Severity::kInfo, "epoch-ends",
              {{"boundary", std::to_string(known->boundary.value)}});
  } else if (const auto* left = std::get_if<pbft::ViewLeft>(&event)) {
    log_event(Severity::kWarning, "view-left",
              {{"view", std::to_string(left->view.value)},
               {"to", std::to_string(left->to.value)},
               {"why", std::string(pbft::suspicion_text(left->why))}});
  } else if (const auto* entered = std::get_if<pbft::ViewEntered>(&event)) {
    log_event(Severity::kInfo, "view-entered",
              {{"view", std::to_string(entered->view.value)},
               {"stable", std::to_string(entered->low.value)},
               {"proposed_again_to", std::to_string(entered->high.value)}});
  }
}

std::vector<std::optional<ledger::TxId>> Executor::nonce_owners(
    const ledger::CertifiedBatch& batch, const std::vector<ledger::TxResult>& results) const {
  std::vector<std::optional<ledger::TxId>> owners(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].outcome != ledger::Outcome::kSkippedNonceUsed) continue;
    const ledger::Transaction& body = batch.transactions[i]->signed_transaction->body;
    if (auto owner = store_.nonce_owner(body.sender, body.nonce)) owners[i] = *owner;
  }
  return owners;
}

Result<std::optional<pbft::CheckpointExecuted>> Executor::reach_checkpoint(
    const ledger::Execution& execution) {
  if (!execution.is_checkpoint) return std::nullopt;
  QUORATE_TRY(store_.sync());
  QUORATE_ASSIGN(ledger::CheckpointNote note, store_.checkpoint_note());
  return pbft::CheckpointExecuted{std::move(note), execution.effective_time.value / 1000};
}

Status Executor::execute(const ledger::CertifiedBatch& batch) {
  QUORATE_ASSIGN(const ledger::Execution execution,
                 ledger::execute(batch.batch.header, batch.transactions, genesis_, store_));
  QUORATE_TRY(store_.append(batch, execution));
  const ledger::Height height = batch.batch.header.sequence;
  QUORATE_ASSIGN(auto checkpoint, reach_checkpoint(execution));
  std::vector<Overtaken> overtaken;
  auto settled = mempool_.on_executed(batch.transactions, execution.results, &overtaken);
  report_({height, execution.results_root, execution.effective_time, std::move(settled),
           std::move(checkpoint), execution.boundary});
  tracker_.on_executed(height, execution.results, nonce_owners(batch, execution.results));
  for (const Overtaken& loser : overtaken) tracker_.on_overtaken(loser.id, loser.nonce_owner);
  log_event(Severity::kDebug, "block-executed",
            {{"height", std::to_string(height.value)},
             {"transactions", std::to_string(batch.transactions.size())},
             {"view", std::to_string(batch.certificate.view.value)}});
  return {};
}

}  // namespace quorate::node
