// The core of a simulated replica, made from what its disks have: at its start, and again at the
// end of each epoch.

#include <limits>
#include <utility>

#include "crypto/check.h"
#include "ledger/membership.h"
#include "node/epoch_choice.h"
#include "pbft/durable.h"
#include "testnet/sim_host.h"

namespace quorate::testnet {

using ledger::ReplicaId;
using ledger::Sequence;
using ledger::StableCheckpoint;
using Kind = TraceEvent::Kind;

// As the node reads its stores (node/node_parts.h).
pbft::ReplicaStart SimHost::restore() const {
  pbft::ReplicaStart start;
  start.executed = ledger_->height();
  start.effective_time = ledger_->time();
  const auto mark = ledger::read_checkpoint_mark(*ledger_);
  QUORATE_CHECK(mark.has_value(), "a state in memory reads");
  start.checkpoint = mark->sequence;
  start.checkpoint_time = mark->time;
  const auto restore = [&](ByteView key, ByteView value) -> Status {
    return pbft::restore_vote(key, value, start.votes);
  };
  Status read;
  const Bytes stable_key = pbft::stable_key();
  if (const auto stable = votes_->get(stable_key); stable && *stable) {
    read = restore(stable_key, **stable);
  }
  const Sequence low = start.votes.stable ? start.votes.stable->note.sequence : Sequence{};
  for (const Bytes& first : pbft::first_keys(low)) {
    if (read) read = votes_->for_each_from(first, restore);
  }
  QUORATE_CHECK(read.has_value(), "the vote store holds what the core wrote");
  for (const pbft::ProposalRecord& proposal : start.votes.proposals) {
    for (const ledger::TxId& id : proposal.pre_prepare.batch.ids) {
      const auto body = votes_->get(pbft::body_key(id));
      if (!body || !*body || start.bodies.contains(id)) continue;
      auto checked = parts_.world.transactions().check(ByteView(**body));
      QUORATE_CHECK(checked.has_value(), "the vote store holds good bodies");
      start.bodies.emplace(id, *std::move(checked));
    }
  }
  return start;
}

// What the vote store knows to be stable may end an epoch, and a crash came before that was kept.
void SimHost::choose_epoch(pbft::ReplicaStart& start) {
  const auto membership =
      ledger::Membership::read(*ledger_, parts_.world.genesis()).value();
  std::optional<Sequence> stable;
  for (const auto& known : {start.votes.stable, last_stable_}) {
    if (!known) continue;
    stable = std::max(stable.value_or(Sequence{}), known->note.sequence);
    if (known->note.pending_boundary == known->note.sequence) {
      epoch_ends_.emplace(known->note.epoch, *known);
    }
  }
  if (bug == HostBug::kSwitchesTooEarly) stable = ledger_->height();
  const ledger::Epoch epoch = node::epoch_to_serve(membership, ledger_->height(), stable);
  set_ = membership.set_of(epoch);
  start.boundary = node::boundary_of(membership, epoch);
  for (const auto& [past, last] : epoch_ends_) {
    if (past < epoch) start.past.push_back(last);
  }
  ids_ = parts_.world.ids_in(set_);
  seats_.resize(ids_.size());
  for (std::size_t seat = 0; seat < ids_.size(); ++seat) {
    seats_[ids_[seat].value] = {static_cast<std::uint16_t>(seat)};
  }
  messages_ = std::make_unique<pbft::MessageVerifier>(
      parts_.world.chain_id(), &parts_.world.cache(), set_, parts_.world.genesis().parameters);
}

void SimHost::begin_core() {
  pbft::ReplicaStart begin = restore();
  choose_epoch(begin);
  pbft::ReplicaConfig config;
  config.self = id_of(self_);
  config.replicas = set_;
  config.parameters = parts_.world.genesis().parameters;
  const ledger::GuardState guard = votes_->guard();
  replica_.reset();
  voter_.reset();
  tap_ = std::make_unique<node::SignatureTap>(parts_.world.signer(self_));
  tap_->is_open = on_step != nullptr;
  voter_ = std::make_unique<pbft::Voter>(
      *tap_, parts_.world.chain_id(), config.self, set_,
      is_recovering() ? pbft::Standing::kRecovering : pbft::Standing::kVoter,
      pbft::Ceiling{guard.epoch_ceiling, guard.view_ceiling, guard.sequence_ceiling});
  // A crash may have come between the execution of a checkpoint and the vote for it.
  if (ledger_->synced() >= begin.checkpoint && begin.checkpoint.value > 0) {
    if (const auto note = ledger_->own_checkpoint(begin.checkpoint)) {
      begin.last_checkpoint = {*note, begin.checkpoint_time.value / 1000};
    }
  }
  for (const pbft::ProposalRecord& proposal : begin.votes.proposals) bodies_.add(proposal);
  if (on_life) on_life(node::recording_head(parts_.world.genesis(), config, *voter_, begin));
  replica_ = std::make_unique<pbft::Replica>(std::move(config), *voter_, std::move(begin));
  deadline_ms_.reset();
}

// All before it has taken effect: its votes are on the disk, its batches are executed.
void SimHost::end_epoch(const StableCheckpoint& last) {
  epoch_ends_.emplace(last.note.epoch, last);
  waiting_.clear();
  inbox_.clear();
  to_execute_.clear();
  begin_core();
  TraceEvent event{Kind::kEpoch, parts_.agenda.now_us(), self_, {}, set_.epoch.value};
  parts_.trace.note(event);
  parts_.checkers.on_epoch(self_, *replica_);
  post(pbft::Tick{});
  for (std::size_t i = 0; i < parts_.world.size(); ++i) {
    const ReplicaId peer{static_cast<std::uint16_t>(i)};
    if (peer == self_) continue;
    if (sessions_.contains(peer)) {
      post(pbft::PeerConnected{id_of(peer)});
    } else {
      post(pbft::PeerDisconnected{id_of(peer)});
    }
  }
  constexpr auto kAll = std::numeric_limits<std::size_t>::max();
  for (ledger::TransactionPtr& ready : mempool_->oldest(kAll, kAll)) {
    post(pbft::TransactionReady{std::move(ready)});
  }
}

}  // namespace quorate::testnet
