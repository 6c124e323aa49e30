// What a primary proposes: first what its view must propose again, then ready transactions, and
// what closes an idle burst or lets a recovering replica catch up.

#include <algorithm>
#include <utility>

#include "pbft/replica.h"

namespace quorate::pbft {

namespace {
// An idle primary waits this long for more before it closes the burst with a checkpoint.
constexpr std::uint64_t kBurstEndMs = 100;

// After a view change, until something new is committed.
constexpr std::uint32_t kFirstBatchTransactionsMax = 32;
}  // namespace

// Behind its own checkpoint a replica cannot tell what is ready; one that must still propose again
// would leave a gap.
bool Replica::may_propose() const {
  return is_primary() && in_view_ && voter_.may_vote_in(view_) && committed_ >= low_ &&
         std::ranges::all_of(reproposals_, [&](const auto& entry) {
           const auto slot = slots_.find(entry.first);
           return slot != slots_.end() && slot->second.proposal.has_value();
         });
}

// A view change leaves a backlog of a whole timeout. The first new batch is small and alone, so
// that commits resume after one round trip and not after the work of that second.
bool Replica::is_view_unproven() const { return view_ != View{} && committed_ <= plan_high_; }

bool Replica::propose(Output& out) {
  if (!is_primary() || !in_view_) return false;
  repropose(out);
  if (!may_propose()) return false;
  last_proposed_ = std::max(last_proposed_, committed_);
  // Batching adapts: at once while fewer than W batches are in flight, else the batch grows.
  if (last_proposed_ >= high_watermark() ||
      last_proposed_.value - committed_.value >= config_.parameters.window_batches) {
    return false;
  }
  if (is_view_unproven() && last_proposed_ > plan_high_) return false;
  return propose_ready(out) || propose_checkpoint(out) || propose_filling(out);
}

bool Replica::propose_ready(Output& out) {
  const std::uint32_t count_max =
      is_view_unproven()
          ? std::min(kFirstBatchTransactionsMax, config_.parameters.batch_transactions_max)
          : config_.parameters.batch_transactions_max;
  const std::vector<TransactionPtr> bodies =
      requests_.oldest(count_max, config_.parameters.batch_bytes_max);
  if (bodies.empty()) return false;
  std::vector<TxId> ids;
  ids.reserve(bodies.size());
  for (const TransactionPtr& body : bodies) ids.push_back(body->id);
  // The end of a burst, as far as anyone can tell: its results become certain with it.
  const bool is_last = bodies.size() == requests_.unordered();
  const std::uint32_t flags = is_last && is_checkpoint_due() ? ledger::kFlagCheckpoint : 0;
  return propose_batch(ledger::make_batch(next(last_proposed_), now_.wall, flags, std::move(ids)),
                       bodies, out);
}

// By agreed time, since that is what execution goes by.
bool Replica::is_checkpoint_due() const {
  return std::max(now_.wall, effective_time_).value - checkpoint_time_.value >=
         config_.parameters.checkpoint_quiet_ms;
}

bool Replica::propose_checkpoint(Output& out) {
  const auto due_ms = checkpoint_deadline_ms();
  if (!due_ms || now_.monotonic_ms < *due_ms || !is_checkpoint_due()) return false;
  return propose_batch(
      ledger::make_batch(next(last_proposed_), now_.wall, ledger::kFlagCheckpoint, {}), {}, out);
}

// When an empty batch with the flag is to be proposed; nullopt: not as things are.
std::optional<std::uint64_t> Replica::checkpoint_deadline_ms() const {
  if (!is_primary() || !in_view_ || !voter_.may_vote_in(view_)) return std::nullopt;
  if (executed_ <= checkpoint_ || last_proposed_ > executed_ || committed_ > executed_ ||
      requests_.unordered() > 0 || executed_ >= high_watermark()) {
    return std::nullopt;
  }
  const std::uint64_t idle_ms = std::max(progress_ms_, proposed_ms_) + kBurstEndMs;
  const std::uint64_t due = checkpoint_time_.value + config_.parameters.checkpoint_quiet_ms;
  if (now_.wall.value >= due) return idle_ms;
  return std::max(idle_ms, now_.monotonic_ms + (due - now_.wall.value));
}

// A replica that forgot its votes may sign again above a checkpoint that covers them. The end of an
// epoch comes when all places before it are taken, whether there is work or not.
bool Replica::propose_filling(Output& out) {
  if (fills_up()) return propose_null(out);
  const Sequence fill_to = favours_.fill_to();
  if (last_proposed_ >= fill_to || last_proposed_ > committed_) return false;
  return propose_null(out);
}

bool Replica::propose_null(Output& out) {
  return propose_batch(ledger::null_batch(next(last_proposed_)), {}, out);
}

bool Replica::propose_batch(Batch batch, const std::vector<TransactionPtr>& bodies, Output& out) {
  const Sequence sequence = batch.header.sequence;
  PrePrepare message;
  message.batch = std::move(batch);
  message.vote = {epoch_,    view_,       sequence, ledger::digest_of_batch(message.batch.header),
                  new_view_, config_.self};
  Signed<Signature> signature = voter_.pre_prepare(message.vote);
  if (!signature) {
    refuse(std::move(signature.error()), out);
    return false;
  }
  message.signature = *signature;
  last_proposed_ = std::max(last_proposed_, sequence);
  proposed_ms_ = now_.monotonic_ms;

  Slot& slot = open_slot(sequence);
  for (const TransactionPtr& body : bodies) out.persist.emplace_back(BodyRecord{body});
  out.persist.emplace_back(ProposalRecord{message, std::nullopt});
  accept_proposal(slot, message, out);
  for (const TransactionPtr& body : bodies) {
    const auto missing = slot.content->missing.find(body->id);
    if (missing == slot.content->missing.end()) continue;
    slot.content->bodies[missing->second] = body;
    slot.content->missing.erase(missing);
  }
  keep(slot, *slot.content);
  out.send.push_back({std::nullopt, std::move(message)});
  advance(sequence, slot, out);  // n = 1
  return true;
}

// OSDI '99 §4.4: the new primary multicasts what its NEW-VIEW proposes again. Each as soon as its
// bodies are here; what is missing is asked for.
void Replica::repropose(Output& out) {
  if (!voter_.may_vote_in(view_)) return;
  for (const auto& [sequence, plan] : reproposals_) {
    Slot& slot = open_slot(sequence);
    if (slot.proposal || slot.vote_refused || !has_transcript_behind(sequence)) continue;
    if (!slot.content && plan.is_null) {
      slot.content = content_of(slot, ledger::null_batch(sequence));
    }
    const Content* content = slot.find(plan.batch);
    if (!content) continue;
    const Content copy = *content;
    slot.vote_refused = !propose_batch(copy.batch, copy.bodies, out);
  }
}

}  // namespace quorate::pbft
